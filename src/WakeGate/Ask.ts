import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { allowEntryOf, makeDeliveryClient, withoutThese } from "../Delivery.ts"
import { AgentFailure } from "../Domain/Agent.ts"
import { DurationText, durationMillis } from "../Domain/Duration.ts"
import type { Gate } from "../Domain/Gate.ts"
import { formatInstant } from "../Domain/Instant.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import { type RequestFailed, retryAfterMillis } from "../Network/GuardedRequest.ts"
import * as ProcessGroup from "../ProcessGroup.ts"
import {
  inheritedVariables,
  interpolate,
  namesIn,
  ServiceEnvironment,
  valuesIn,
  withheldText
} from "../ServiceEnvironment.ts"
import { traceparentOf } from "../Telemetry.ts"
import type { WakeGate } from "../WakeGate.ts"
import { findingOf } from "./Finding.ts"

/** How much a gate may give, in bytes: what is longer could change where nobody looks. */
const maxBytes = 1_048_576
/** How much of the end of stderr an error holds, in characters. */
const maxTail = 300
const defaultTimeout = DurationText.make("30s")

const failed = (kind: "transient" | "permanent", message: string, retry_after_ms?: number) =>
  new AgentFailure({
    kind,
    message: `the gate failed: ${message}`,
    ...(retry_after_ms === undefined ? {} : { retry_after_ms })
  })

const mayPass = (status: number): boolean => [408, 425, 429].includes(status) || status >= 500

/** Asks gates: the implementation of the door. */
export const makeWakeGate = Effect.gen(function* () {
  const { directory, variables, withheld } = yield* ServiceEnvironment
  const client = yield* makeDeliveryClient
  const live = yield* ProcessGroup.makeLiveGroups

  const start = (command: readonly [string, ...ReadonlyArray<string>], env: Readonly<Record<string, string>>) =>
    Effect.gen(function* () {
      const group = yield* Effect.mapError(ProcessGroup.start({ command, env, directory }), ({ message, transient }) =>
        failed(transient ? "transient" : "permanent", message)
      )
      live.add(group.pid)
      const chunks: Array<Uint8Array> = []
      let size = 0
      let tail = ""
      group.stdin.end()
      group.stdout.on("data", (chunk: Uint8Array) => {
        size += chunk.byteLength
        if (size <= maxBytes) chunks.push(chunk)
      })
      group.stderr.on("data", (chunk: Uint8Array) => {
        tail = (tail + Buffer.from(chunk).toString()).slice(-maxTail * 2)
      })
      return {
        group,
        output: () => (size > maxBytes ? undefined : Buffer.concat(chunks).toString()),
        tail: () => tail.trim().slice(-maxTail)
      }
    })

  const runCommand = Effect.fn("WakeGate.command")(function* (
    command: readonly [string, ...ReadonlyArray<string>],
    job: StoredJob,
    run: Pick<Run, "id" | "scheduled_for">,
    timeout: DurationText
  ) {
    const env = {
      ...inheritedVariables(variables),
      SYMBI_JOB_ID: job.id,
      SYMBI_JOB_NAME: job.name,
      SYMBI_RUN_ID: run.id,
      SYMBI_SCHEDULED_FOR: formatInstant(run.scheduled_for),
      TRACEPARENT: yield* traceparentOf(run.id)
    }
    const [program] = command
    return yield* Effect.acquireUseRelease(
      start(command, env),
      ({ group, output, tail }) =>
        Effect.gen(function* () {
          const { code, signal } = yield* Deferred.await(group.exited)
          // What was written last may be on its way; a process that was left behind can hold the pipe for ever.
          yield* Effect.timeoutOption(Deferred.await(group.closed), "1 second").pipe(Effect.withClock(Clock.make()))
          if (code === 0) return output() ?? (yield* failed("permanent", `${program} printed more than 1 MiB`))
          const said = tail() === "" ? "" : `: ${tail()}`
          return yield* code === null
            ? failed("transient", `${program} was killed by ${signal}${said}`)
            : failed("transient", `${program} exited with code ${code}${said}`)
        }).pipe(
          Effect.timeoutFail({
            duration: durationMillis(timeout),
            onTimeout: () => failed("transient", `${program} took longer than ${timeout}`)
          })
        ),
      ({ group }) =>
        Effect.gen(function* () {
          yield* ProcessGroup.terminate(group.pid)
          live.delete(group.pid)
          group.stdout.destroy()
          group.stderr.destroy()
        })
    )
  })

  const requestFailure = ({ message, reason }: RequestFailed, { host }: URL, entry: string) => {
    switch (reason) {
      case "refused":
        return failed(
          "permanent",
          `${message}; where it is meant to be reached, add ${entry} to allow_hosts under [scheduler.delivery]`
        )
      case "invalid":
        return failed("permanent", `gate.url cannot be used: ${message}`)
      case "timeout":
      case "network":
        return failed("transient", `${host}: ${message}`)
    }
  }

  const get = Effect.fn("WakeGate.get")(function* (written: string, timeout: DurationText) {
    const named = namesIn(written).find((name) => withheld?.has(name) === true)
    if (named !== undefined) return yield* failed("permanent", withheldText(named))
    const address = yield* Either.mapLeft(interpolate(written, variables), (missing) =>
      failed("permanent", `gate.url needs the environment variable ${missing}, which is not set`)
    )
    if (!URL.canParse(address)) return yield* failed("permanent", "gate.url is no URL")
    const url = new URL(address)
    const blanked = withoutThese(valuesIn(written, variables))
    const answer = yield* client
      .send({
        method: "GET",
        url: address,
        headers: { accept: "*/*", "user-agent": "symbiont-scheduler" },
        timeout: durationMillis(timeout),
        maxBytes
      })
      .pipe(
        Effect.mapError((error) => {
          const { kind, message } = requestFailure(error, url, allowEntryOf(url))
          return new AgentFailure({ kind, message: blanked(message) })
        })
      )
    const { headers, status } = answer
    if (status >= 200 && status < 300) {
      if (answer.complete) return answer.body
      return yield* Buffer.byteLength(answer.body) > maxBytes - 4
        ? failed("permanent", blanked(`${url.host} answered more than 1 MiB`))
        : failed("transient", blanked(`${url.host} broke off its answer`))
    }
    const retry = retryAfterMillis(headers["retry-after"], yield* Clock.currentTimeMillis)
    return yield* failed(mayPass(status) ? "transient" : "permanent", blanked(`${url.host} answered ${status}`), retry)
  })

  const outputOf = (
    { command, timeout = defaultTimeout, url }: Gate,
    job: StoredJob,
    run: Pick<Run, "id" | "scheduled_for">
  ) => (command === undefined ? get(url ?? "", timeout) : runCommand(command, job, run, timeout))

  const ask: (typeof WakeGate.Service)["ask"] = Effect.fn("WakeGate.ask")(function* (job, run) {
    const { gate } = job
    if (gate === undefined) return null
    return yield* outputOf(gate, job, run).pipe(
      Effect.map((output) => findingOf(gate, output, job.gate_seen)),
      Effect.catchAll((failure) =>
        gate.on_error === "wake"
          ? Effect.succeed({ wakes: true, text: failure.message, output: "", seen: null })
          : failure
      )
    )
  })

  return { ask }
})
