import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Scheduler from "effect/Scheduler"

/** The time of a simulation, which outlives its machines: a clock nobody can set, and how far the wall clock is ahead. */
export interface SimulatedTime {
  /** Ms since the epoch by a clock that only goes on. */
  monotonic: number
  /** To be added for the wall clock's UTC ms. */
  ahead: number
}

/** The wall clock of a simulation, UTC ms. */
export const wallOf = ({ ahead, monotonic }: SimulatedTime): number => monotonic + ahead

interface Sleeper {
  readonly at: number
  readonly order: number
  readonly wake: () => void
}

/**
 * How long those sleep who only look whether there is anything to do, in ms by the component of their log lines; and how
 * much later they may wake, so that idle weeks cost little. What they have to do wakes them.
 */
const idlePolls: Readonly<Record<string, number>> = { delivery: 60_000, retention: 3_600_000 }
/** Rounds of tasks at one instant, after which a service is taken to go round in circles. */
const maxRounds = 200_000

const idleSlack = 12 * 3_600_000

/**
 * A machine that fibers run on, in simulated time: nothing happens between {@link Machine.settle} and the next. One that is
 * halted does nothing more, like a machine without power: no finalizer runs, no task goes on.
 */
export interface Machine {
  readonly time: SimulatedTime
  readonly isHalted: () => boolean
  readonly halt: () => void
  /** Forks an effect on this machine, by its clock. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  /** Lets all fibers go on until each of them waits. */
  readonly settle: Effect.Effect<void>
  /** Moves the time on to an instant of the monotonic clock, waking each sleeper at its own; earlier if it is halted. */
  readonly advance: (to: number) => Effect.Effect<void>
}

/** Never ends. `Effect.never` would keep a timer of the real machine, and with it the process, for one that is halted. */
export const forever: Effect.Effect<never> = Effect.async<never>(() => {})

// Effect holds each fiber without a parent until it ends, and those of a machine without power never do: all that they
// hold would stay in memory.
const { roots } = globalValue(Symbol.for("effect/FiberScope/Global"), () => ({
  roots: new Set<Fiber.RuntimeFiber<unknown, unknown>>()
}))

const letGo = (scheduler: Scheduler.Scheduler): void => {
  for (const fiber of roots) if (fiber.getFiberRef(FiberRef.currentScheduler) === scheduler) roots.delete(fiber)
}

/** A new machine at a time. */
export const makeMachine = (time: SimulatedTime): Machine => {
  let halted = false
  let order = 0
  const tasks = new Scheduler.PriorityBuckets()
  const sleepers: Array<Sleeper> = []

  const scheduler: Scheduler.Scheduler = {
    shouldYield: (fiber) => Scheduler.defaultScheduler.shouldYield(fiber),
    scheduleTask: (task, priority) => {
      if (!halted) tasks.scheduleTask(task, priority)
    }
  }

  const schedule = (wake: () => void, millis: number, slack: number): (() => boolean) => {
    const sleeper = { at: time.monotonic + Math.max(0, Math.ceil(millis)) + slack, order: order++, wake }
    let low = 0
    let high = sleepers.length
    // Latest first, so that the next to wake is taken from the end.
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((sleepers[middle]?.at ?? 0) > sleeper.at) low = middle + 1
      else high = middle
    }
    sleepers.splice(low, 0, sleeper)
    return () => {
      const index = sleepers.indexOf(sleeper)
      if (index >= 0) sleepers.splice(index, 1)
      return index >= 0
    }
  }

  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => wallOf(time),
    unsafeCurrentTimeNanos: () => BigInt(time.monotonic) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => wallOf(time)),
    currentTimeNanos: Effect.sync(() => BigInt(time.monotonic) * 1_000_000n),
    sleep: (duration) =>
      Effect.withFiberRuntime<void>((fiber) => {
        const component = HashMap.get(fiber.getFiberRef(FiberRef.currentLogAnnotations), "component")
        const millis = Duration.toMillis(duration)
        const isPoll = Option.isSome(component) && idlePolls[String(component.value)] === millis
        return Effect.async<void>((resume) => {
          const cancel = schedule(() => resume(Effect.void), millis, isPoll ? idleSlack : 0)
          return Effect.sync(() => void cancel())
        })
      })
  }

  const drain = (): void => {
    for (let rounds = 0; !halted && tasks.buckets.length > 0; rounds++) {
      if (rounds > maxRounds) throw new Error("the simulated service never comes to rest")
      const buckets = tasks.buckets
      tasks.buckets = []
      for (const [, bucket] of buckets) {
        for (const task of bucket) {
          if (halted) return
          task()
        }
      }
    }
  }

  // Promises that were kept meanwhile have their say before the time moves on.
  const settle = Effect.sync(drain).pipe(
    Effect.zipRight(Effect.yieldNow()),
    Effect.repeat({ while: () => !halted && tasks.buckets.length > 0 }),
    Effect.asVoid
  )

  const advance = (to: number) =>
    Effect.gen(function* () {
      while (!halted) {
        const next = sleepers.at(-1)
        if (next === undefined || next.at > to) break
        sleepers.pop()
        time.monotonic = Math.max(time.monotonic, next.at)
        next.wake()
        yield* settle
      }
      if (!halted) time.monotonic = Math.max(time.monotonic, to)
    })

  return {
    time,
    isHalted: () => halted,
    halt: () => {
      halted = true
      tasks.buckets = []
      sleepers.length = 0
      letGo(scheduler)
    },
    fork: (effect) =>
      Effect.runFork(effect.pipe(Effect.withClock(clock), Effect.withTracerEnabled(false)), { scheduler }),
    settle,
    advance
  }
}
