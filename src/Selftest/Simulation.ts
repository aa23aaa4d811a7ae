import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { AgentHandler } from "../Agents.ts"
import { AgentFailure } from "../Domain/Agent.ts"
import { JobDefinition, JobPatch } from "../Domain/Job.ts"
import type { FailpointName } from "../Failpoints.ts"
import { layerDatabase } from "../JobStore/Database.ts"
import { layerSqlite } from "../JobStore/Sqlite.ts"
import { Jobs } from "../Jobs.ts"
import { WakeSignal } from "../Scheduler.ts"
import { type Call, problemsOf } from "./SimulationChecks.ts"
import { type SimulatedEngine, startEngine } from "./SimulationEngine.ts"
import { readLedger } from "./SimulationLedger.ts"
import { forever, type SimulatedTime, wallOf } from "./SimulationMachine.ts"
import type { History } from "./SimulationOracle.ts"
import { behaviourOf, type SimulatedEvent, type SimulatedJob, type SimulationPlan } from "./SimulationPlan.ts"

/** What came of a simulation: what was wrong, empty when nothing was, and how much happened. */
export interface SimulationReport {
  readonly problems: ReadonlyArray<string>
  readonly runs: number
  readonly crashes: number
}

type JobState = "absent" | "active" | "paused" | "dead" | "deleted"

const decodeDefinition = Schema.decodeUnknown(JobDefinition)
const decodePatch = Schema.decodeUnknown(JobPatch)
const decodeNames = Schema.decodeUnknown(Schema.Array(Schema.Struct({ name: Schema.String })))
const decodeDeaths = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ seq: Schema.Number, job_name: Schema.String, time: Schema.Number }))
)

const nobody: ReadonlySet<string> = new Set()

/** Beyond this a clock that is set back is noticed, in ms. */
const noticed = 30_000

const hour = 3_600_000

/** Makes the database that every simulation begins with, so that its schema is made once. */
export const prepareDatabase = (filename: string) => Effect.scoped(Layer.build(layerSqlite(filename)))

/**
 * Simulates a service through a plan on a database of its own at `filename`, made by {@link prepareDatabase}, and compares
 * what its ledger then holds with an oracle.
 */
export const simulate = Effect.fn("Selftest.simulate")(function* (plan: SimulationPlan, filename: string) {
  const time: SimulatedTime = { monotonic: plan.start, ahead: 0 }
  const history: Array<History> = []
  const calls: Array<Call> = []
  const delivered = new Map<string, Map<number, number>>()
  const errors: Array<string> = []
  const jobs = new Map<string, SimulatedJob>()
  const states = new Map<string, JobState>()
  let asked = 0
  let crashes = 0
  let armed: { readonly failpoint: FailpointName; readonly down: number; hits: number } | null = null
  let auditSeen = 0

  const behave = (isBeat: boolean): AgentHandler =>
    Effect.fnUntraced(function* ({ iteration, run }) {
      const job = run === null ? undefined : jobs.get(run.job_name)
      if (run === null || job === undefined) return yield* Effect.dieMessage("an agent was called for no job")
      if (isBeat && (iteration ?? 1) > 1) return { output: "sleep" }
      const call: Call = {
        run_id: run.id,
        job: job.name,
        slot: run.scheduled_for,
        attempt: run.attempt,
        from: time.monotonic,
        to: null
      }
      calls.push(call)
      const { end, takes } = behaviourOf(plan, job, run.scheduled_for, run.attempt)
      yield* Effect.sleep(takes).pipe(
        Effect.zipRight(end === "hang" ? forever : Effect.void),
        Effect.ensuring(
          Effect.sync(() => {
            call.to = time.monotonic
          })
        )
      )
      if (end === "transient" || end === "permanent") return yield* new AgentFailure({ kind: end, message: "planned" })
      return { output: isBeat ? "look" : "done" }
    })

  const options = {
    filename,
    time,
    seed: String(plan.seed),
    maxConcurrentJobs: plan.maxConcurrentJobs,
    agents: { worker: behave(false), beat: behave(true) },
    delivered: (run_id: string) => {
      const lives = delivered.get(run_id) ?? new Map<number, number>()
      delivered.set(run_id, lives.set(crashes, (lives.get(crashes) ?? 0) + 1))
    },
    dies: (failpoint: FailpointName) => armed !== null && armed.failpoint === failpoint && --armed.hits <= 0,
    logged: (message: string) => void errors.push(message)
  }

  const onDatabase = <A, E>(effect: Effect.Effect<A, E, SqlClient.SqlClient>) =>
    effect.pipe(Effect.provide(layerDatabase(filename)), Effect.orDie)

  /** Jobs whose slots up to now nobody came to before the service died. */
  const unhandledNow = Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows =
      yield* sql`SELECT name FROM jobs WHERE next_run <= ${wallOf(time)} AND status = 'active' AND deleted_at IS NULL`
    return new Set((yield* decodeNames(rows)).map(({ name }) => name))
  })

  /** Deaths of jobs since the last look, which end their schedules. */
  const deaths = Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows =
      yield* sql`SELECT seq, job_name, time FROM audit WHERE type = 'CronJobDeadLettered' AND seq > ${auditSeen} ORDER BY seq`
    for (const { job_name, seq, time: at } of yield* decodeDeaths(rows)) {
      auditSeen = seq
      history.push({ _tag: "Runs", to: at, unhandled: nobody }, { _tag: "Inactive", job: job_name })
      states.set(job_name, "dead")
    }
  })

  const ran = Effect.fnUntraced(function* (unhandled: ReadonlySet<string>) {
    history.push({ _tag: "Runs", to: wallOf(time), unhandled })
  })

  /** Starts the service, again and again if it dies over it. */
  const start: Effect.Effect<SimulatedEngine> = Effect.gen(function* () {
    const engine = yield* startEngine(options)
    if (!engine.machine.isHalted()) {
      history.push({ _tag: "Looks", at: wallOf(time), unhandled: nobody })
      return engine
    }
    const at = wallOf(time)
    yield* engine.cut
    const unhandled = yield* onDatabase(unhandledNow)
    history.push({ _tag: "Looks", at, unhandled })
    yield* onDatabase(deaths)
    yield* goDown()
    return yield* start
  }).pipe(Effect.orDie)

  const goDown = (down = armed?.down ?? 1) =>
    Effect.sync(() => {
      crashes++
      armed = null
      time.monotonic += down
    })

  let engine = yield* start

  const observe = Effect.suspend(() => Effect.provide(deaths, engine.client)).pipe(Effect.orDie)

  /** After each step: a service that died is started anew. */
  const revive = Effect.gen(function* () {
    if (!engine.machine.isHalted()) return yield* observe
    yield* engine.cut
    const unhandled = yield* onDatabase(unhandledNow)
    yield* onDatabase(deaths)
    yield* ran(unhandled)
    yield* goDown()
    engine = yield* start
    yield* observe
  })

  const advance = Effect.fnUntraced(function* (to: number) {
    while (time.monotonic < to) {
      yield* engine.machine.advance(to)
      yield* revive
    }
    yield* ran(nobody)
  })

  /** Does what a person asks for; what the death of the service left unanswered is asked again. */
  const ask = <A, E>(request: Effect.Effect<A, E, Jobs | WakeSignal>) =>
    Effect.gen(function* () {
      while (true) {
        const answer = yield* engine.call(request)
        yield* revive
        if (Option.isSome(answer)) return answer.value
      }
    })

  /** A change is answered or not made: nothing dies meanwhile. */
  const change = <A, E>(request: Effect.Effect<A, E, Jobs>) =>
    Effect.gen(function* () {
      const waiting = armed
      armed = null
      const answer = yield* ask(request)
      armed = armed ?? waiting
      return answer
    })

  const activate = (name: string, schedule: SimulatedJob["schedule"]) => {
    states.set(name, "active")
    history.push({ _tag: "Active", job: name, at: wallOf(time), schedule: schedule(wallOf(time)) })
  }

  const schedules = new Map<string, { readonly schedule: SimulatedJob["schedule"]; readonly anchor: number }>()
  const follow = (name: string, schedule: SimulatedJob["schedule"]) => {
    schedules.set(name, { schedule, anchor: wallOf(time) })
    activate(name, schedule)
  }
  /** Goes on with the schedule that it has: a period keeps its anchor. */
  const goOn = (name: string) => {
    const known = schedules.get(name)
    if (known !== undefined) activate(name, () => known.schedule(known.anchor))
  }

  const happen = Effect.fnUntraced(function* (event: SimulatedEvent) {
    switch (event._tag) {
      case "Crash":
        armed = { failpoint: event.failpoint, hits: event.hit, down: event.down }
        return
      case "Kill":
        armed = null
        engine.machine.halt()
        yield* engine.cut
        yield* goDown(event.down)
        engine = yield* start
        return yield* observe
      case "Stop":
        armed = null
        yield* engine.stop
        yield* onDatabase(deaths)
        yield* ran(nobody)
        time.monotonic += event.down
        engine = yield* start
        return yield* observe
      case "Freeze":
      case "Jump": {
        if (event._tag === "Freeze") time.monotonic += event.length
        else time.ahead += event.by
        const at = wallOf(time)
        const by = event._tag === "Freeze" ? 0 : event.by
        if (by < -noticed) {
          history.push({ _tag: "SetBack", to: at })
          for (const [name, known] of schedules) {
            if (known.anchor > at) schedules.set(name, { ...known, anchor: at })
          }
        }
        const look = history.length
        yield* engine.machine.advance(time.monotonic)
        yield* engine.call(Effect.flatMap(WakeSignal, (signal) => signal.notify))
        const unhandled = engine.machine.isHalted()
          ? yield* Effect.zipRight(engine.cut, onDatabase(unhandledNow))
          : nobody
        history.splice(look, 0, { _tag: "Looks", at, unhandled })
        return yield* revive
      }
      case "Create": {
        const schedule = event.job.schedule(wallOf(time))
        // A down time can outlast the only slot of a job that was to be made before it.
        if ("at" in schedule && schedule.at <= wallOf(time)) return
        const definition = yield* decodeDefinition(event.job.fields)
        jobs.set(event.job.name, event.job)
        yield* change(Effect.flatMap(Jobs, (door) => door.create(definition, "simulation")))
        return follow(event.job.name, event.job.schedule)
      }
      case "Pause":
        if (states.get(event.job) !== "active" || jobs.get(event.job)?.isOneShot === true) return
        yield* change(Effect.flatMap(Jobs, (door) => door.pause(event.job, "simulation")))
        states.set(event.job, "paused")
        return void history.push({ _tag: "Inactive", job: event.job })
      case "Resume":
        if (states.get(event.job) !== "paused") return
        yield* change(Effect.flatMap(Jobs, (door) => door.resume(event.job, "simulation")))
        return goOn(event.job)
      case "Reset":
        if (states.get(event.job) !== "dead" || jobs.get(event.job)?.isOneShot === true) return
        yield* change(Effect.flatMap(Jobs, (door) => door.reset(event.job, "simulation")))
        return goOn(event.job)
      case "Delete":
        if (!jobs.has(event.job) || states.get(event.job) === "deleted") return
        yield* change(Effect.flatMap(Jobs, (door) => door.remove(event.job, "simulation")))
        states.set(event.job, "deleted")
        return void history.push({ _tag: "Inactive", job: event.job })
      case "Edit": {
        if (states.get(event.job) !== "active") return
        const patch = yield* decodePatch(event.patch)
        yield* change(Effect.flatMap(Jobs, (door) => door.update(event.job, patch, { actor: "simulation" })))
        // The same trigger again is no new one: a period keeps its anchor.
        if (JSON.stringify(event.schedule(0)) !== JSON.stringify(schedules.get(event.job)?.schedule(0))) {
          follow(event.job, event.schedule)
        }
        return
      }
      case "RunNow": {
        if (!jobs.has(event.job) || states.get(event.job) === "deleted") return
        const idempotencyKey = `${event.job}/${event.at}`
        yield* ask(
          Effect.flatMap(Jobs, (door) => door.runNow(event.job, { actor: "simulation", queue: true, idempotencyKey }))
        )
        asked++
        return
      }
    }
  })

  for (const event of plan.events) {
    if (event.at >= plan.length) continue
    yield* advance(plan.start + event.at)
    yield* happen(event)
  }
  yield* advance(plan.start + plan.length)

  // What was claimed comes to its end.
  armed = null
  for (const [name, state] of states) {
    if (state === "active") yield* Effect.ignore(ask(Effect.flatMap(Jobs, (door) => door.pause(name, "simulation"))))
  }
  let ledger = yield* Effect.provide(readLedger, engine.client).pipe(Effect.orDie)
  for (let round = 0; round < 400 && ledger.open > 0; round++) {
    yield* engine.machine.advance(time.monotonic + 12 * hour)
    ledger = yield* Effect.provide(readLedger, engine.client).pipe(Effect.orDie)
  }
  const problems = yield* engine.call(problemsOf({ plan, jobs, states, history, calls, delivered, asked, ledger }))
  yield* engine.cut
  return {
    problems: [...Option.getOrElse(problems, () => ["the service died at the end"]), ...new Set(errors)].map(
      (problem) => `seed ${plan.seed}: ${problem}`
    ),
    runs: ledger.runs.length,
    crashes
  } satisfies SimulationReport
})
