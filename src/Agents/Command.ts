import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { AgentResult, Invocation } from "../Agents.ts"
import { withoutThese } from "../Delivery.ts"
import { AgentFailure, type CommandAgent } from "../Domain/Agent.ts"
import { passing } from "../Failpoints.ts"
import * as ProcessGroup from "../ProcessGroup.ts"
import { type ServiceEnvironment, valuesIn } from "../ServiceEnvironment.ts"
import { makeCapture, makeLogFeed } from "./Output.ts"
import { processVariables, resolveRecord } from "./Variables.ts"

type Environment = typeof ServiceEnvironment.Service

/** Exit code by which a command says "try again" (EX_TEMPFAIL of sysexits.h). */
const temporaryFailure = 75

const environmentOf = Effect.fnUntraced(function* (agent: CommandAgent, invocation: Invocation, service: Environment) {
  return {
    ...(yield* processVariables(invocation, service)),
    SYMBI_SESSION_DIR: yield* invocation.sessionDirectory,
    ...(yield* resolveRecord(agent.id, "its env", agent.env, service))
  }
})

const failure = (
  kind: "transient" | "permanent",
  what: string,
  tail: string,
  left: { readonly exit_code?: number; readonly output?: string } = {}
) => new AgentFailure({ kind, message: tail === "" ? what : `${what}: ${tail}`, ...left })

const outcome = (
  exit: ProcessGroup.ProcessExit,
  output: string,
  tail: string
): Either.Either<AgentResult, AgentFailure> =>
  exit.code === 0
    ? Either.right({ output, exit_code: 0 })
    : exit.code === null
      ? Either.left(failure("transient", `killed by signal ${exit.signal}`, tail, { output }))
      : Either.left(
          failure(exit.code === temporaryFailure ? "transient" : "permanent", `exited with code ${exit.code}`, tail, {
            exit_code: exit.code,
            output
          })
        )

/** Shorter values of variables, in characters, are words of texts. */
const shortestSecret = 6

/** What variables stand for in an agent's env: its error, which is shown to many, must not repeat them. */
const secretsOf = (agent: CommandAgent, { variables }: Environment): ReadonlyArray<string> =>
  Object.values(agent.env)
    .flatMap((text) => valuesIn(text, variables))
    .flatMap((value) => [value, value.trim()])
    .filter(({ length }) => length >= shortestSecret)

/**
 * Runs a command agent: input on stdin, stdout is the output, stderr goes to the run's log live. The attempt owns the
 * whole process group, and on Linux what left it: when this returns or is interrupted, none of them is left. Its errors repeat nothing that
 * variables stand for in its env; its output and its log are its own.
 */
export const runCommand = Effect.fn("Agents.command")(function* (
  agent: CommandAgent,
  invocation: Invocation,
  service: Environment,
  live: Set<number>
): Effect.fn.Return<AgentResult, AgentFailure> {
  const env = yield* environmentOf(agent, invocation, service)
  // Attempts of a run follow one another, and a folder of a call by hand is its own.
  const mark =
    invocation.run === null ? `SYMBI_SESSION_DIR=${env.SYMBI_SESSION_DIR}` : `SYMBI_RUN_ID=${invocation.run.id}`
  const blanked = withoutThese(secretsOf(agent, service))
  const capture = makeCapture()
  const feed = makeLogFeed()

  // A log that cannot be written must not fail the run, nor stop stderr from being read.
  const log = (text: string) =>
    text === ""
      ? Effect.void
      : Effect.catchAllCause(invocation.log(text), (cause) => Effect.logWarning("run log not written", cause))

  const acquire = Effect.gen(function* () {
    yield* passing("spawn.before")
    const group = yield* Effect.mapError(
      ProcessGroup.start({ command: agent.command, env, directory: service.directory }),
      ({ message, transient }) => failure(transient ? "transient" : "permanent", message, "")
    )
    live.add(group.pid)
    yield* passing("spawn.started")
    group.stdout.on("data", capture.add)
    group.stdin.end(invocation.input)
    const logging = yield* NodeStream.fromReadable(
      () => group.stderr,
      () => "closed" as const
    ).pipe(
      Stream.runForEach((chunk) => Effect.suspend(() => log(feed.add(chunk)))),
      Effect.ignore,
      Effect.zipRight(Effect.suspend(() => log(feed.end()))),
      Effect.interruptible,
      Effect.forkDaemon
    )
    const drained = Effect.zipRight(Deferred.await(group.closed), Fiber.await(logging))
    return { group, logging, drained }
  })

  return yield* Effect.acquireUseRelease(
    acquire,
    ({ drained, group }) =>
      Effect.gen(function* () {
        const exit = yield* Deferred.await(group.exited)
        // A process that was left behind may still write, or hold the pipes for ever.
        yield* Effect.timeoutOption(drained, ProcessGroup.killGrace)
        return yield* outcome(exit, capture.text(), feed.tail(blanked))
      }),
    ({ drained, group, logging }) =>
      Effect.gen(function* () {
        yield* ProcessGroup.terminate(group.pid)
        live.delete(group.pid)
        yield* ProcessGroup.endEscaped(group.pid, mark)
        // Only a process that hides what it was started with can hold the pipes now.
        yield* drained.pipe(Effect.interruptible, Effect.timeoutOption("1 second"), Effect.withClock(Clock.make()))
        group.stdout.destroy()
        yield* Fiber.interrupt(logging)
      })
  )
})
