import { spawn } from "node:child_process"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type Client, makeClient } from "../Client.ts"
import type { Place } from "./Place.ts"
import { NotSeen } from "./Report.ts"

/** A service as a process of its own, which may not answer yet, or never. */
export interface Starting {
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits for the end; null when a signal ended it. */
  readonly exitCode: Effect.Effect<number | null, NotSeen>
  /** Waits until it answers; fails when it ends before. */
  readonly answers: Effect.Effect<Running, NotSeen>
  /** The last that it said. */
  readonly said: () => string
}

/** A service that answers. */
export interface Running extends Omit<Starting, "answers"> {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string
  readonly client: Client
}

const patience = "60 seconds"

/** Characters that are kept of what a service says. */
const keptText = 20_000

/** Looks again and again until the answer is defined; `what` names it when it never is. */
export const eventually = <A, E, R>(
  what: string,
  look: Effect.Effect<A | undefined, E, R>,
  patient: Duration.DurationInput = patience
): Effect.Effect<A, E | NotSeen, R> => {
  const untilSeen: Effect.Effect<A, E, R> = Effect.flatMap(look, (seen) =>
    seen === undefined ? Effect.delay(untilSeen, "40 millis") : Effect.succeed(seen)
  )
  return Effect.timeoutFail(untilSeen, {
    duration: patient,
    onTimeout: () => new NotSeen({ message: `${what}: not within ${Duration.format(patient)}` })
  })
}

// Its input ends with this process, however that ends; then the service ends, too, and with it its agents.
const endWithParent = `data:text/javascript,process.stdin.on("end",()=>process.exit(1)).resume().unref()`

const programOf = ({ programs }: Place, fault: ReadonlyArray<string>): ReadonlyArray<string> =>
  fault.length > 0
    ? [programs.faulty, ...fault]
    : [programs.symbi, "up", "--port", "0", "--host", "127.0.0.1", "--data", ".symbi"]

/** Starts `symbi up` in a folder, or with words the service with that fault; it is killed with the scope. */
export const spawnService = Effect.fnUntraced(function* (
  place: Place,
  folder: string,
  ...fault: ReadonlyArray<string>
) {
  const exited = yield* Deferred.make<number | null>()
  let text = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const started = spawn(process.execPath, ["--import", endWithParent, ...programOf(place, fault)], {
        cwd: folder,
        env: place.variables,
        stdio: ["pipe", "ignore", "pipe"]
      })
      started.stderr.setEncoding("utf8").on("data", (chunk: string) => {
        text = `${text}${chunk}`.slice(-keptText)
      })
      started.stdin.on("error", () => {})
      started.on("error", ({ message }) => {
        text = message
        Deferred.unsafeDone(exited, Effect.succeed(1))
      })
      started.on("close", (code) => Deferred.unsafeDone(exited, Effect.succeed(code)))
      return started
    }),
    (started) =>
      Effect.zipRight(
        Effect.sync(() => started.kill("SIGKILL")),
        Deferred.await(exited)
      )
  )
  const missing = (what: string) => new NotSeen({ message: `${what}; it said:\n${text.slice(-2_000).trim()}` })
  const service = {
    signal: (signal: NodeJS.Signals) => Effect.sync(() => void child.kill(signal)),
    exitCode: Effect.timeoutFail(Deferred.await(exited), {
      duration: patience,
      onTimeout: () => missing(`the service did not end within ${patience}`)
    }),
    said: () => text
  }
  const announced = Effect.gen(function* () {
    const url = /is up: (http:\/\/\S+?)\/api\/v1/.exec(text)?.[1]
    if (url !== undefined) return url
    if (yield* Deferred.isDone(exited)) return yield* missing("the service ended before it was up")
    return undefined
  })
  const answers = Effect.gen(function* () {
    const url = yield* eventually("the service is up", announced)
    return { ...service, url, client: yield* makeClient({ baseUrl: url, client: "cli" }) }
  })
  return { ...service, answers }
})

/** {@link spawnService}, and waits until it answers. */
export const startService = Effect.fnUntraced(function* (
  place: Place,
  folder: string,
  ...fault: ReadonlyArray<string>
) {
  const { answers } = yield* spawnService(place, folder, ...fault)
  return yield* answers
})
