import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { DeliveryFailure } from "../Domain/Delivery.ts"
import { durationMillis } from "../Domain/Duration.ts"
import { formatInstant } from "../Domain/Instant.ts"
import type { Job } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import * as ProcessGroup from "../ProcessGroup.ts"
import { inheritedVariables, ServiceEnvironment } from "../ServiceEnvironment.ts"
import { type DeliverySettings, Settings } from "../Settings.ts"
import { traceparentOf } from "../Telemetry.ts"
import { lastWords, withoutThese } from "./AnswerText.ts"
import { type DeliveryNotes, deliveryNotes } from "./CurrentDelivery.ts"
import type { ChannelHandler } from "./CustomChannels.ts"
import { cutOutput } from "./Cut.ts"
import { oneLine } from "./OneLine.ts"

const maxSubject = 1_000
/** How much of the end of what a command says is looked at, in bytes. */
const maxTail = 800

/** Exit codes by which a command refuses for good (EX_USAGE and EX_DATAERR of sysexits.h). */
const refusals: ReadonlySet<number | null> = new Set([64, 65])

/** Shorter arguments are flags and such, not secrets. */
const shortestSecret = 8

/** What may be secret in an argument: all of it, the value in `--name=VALUE` or `Name: Bearer VALUE`, what looks like a token. */
const secretsIn = (argument: string): ReadonlyArray<string> => {
  const value = /^[\w-]+[=:]\s*(\S.*)$/s.exec(argument)?.[1] ?? ""
  const tokens = (argument.match(/[\w~.+=-]{16,}/g) ?? []).filter((word) => /\d/.test(word) && /[a-z]/i.test(word))
  return [argument, value, value.slice(value.indexOf(" ") + 1), ...tokens].filter(
    ({ length }) => length >= shortestSecret
  )
}

/** A character of a secret takes at most this many bytes, however it is spelled. */
const longestSpelling = 10

/** Keeps the end of what is written to it, and tells it without the secrets. */
const makeTail = (secrets: ReadonlyArray<string>) => {
  const blanked = withoutThese(secrets)
  // So much more is kept that a secret at the beginning of the end is there as a whole.
  const reach = longestSpelling * Math.max(0, ...secrets.map((secret) => Buffer.byteLength(secret)))
  let bytes = Buffer.alloc(0)
  let isCut = false
  return {
    add: (chunk: Uint8Array): void => {
      const all = Buffer.concat([bytes, chunk])
      isCut ||= all.length > maxTail + reach
      bytes = all.subarray(-maxTail - reach)
    },
    text: (): string => lastWords(blanked(bytes.toString(), isCut ? bytes.subarray(0, reach).toString().length : 0))
  }
}

type CustomChannel = DeliverySettings["custom"][string]

/** The channels of `[scheduler.delivery.custom.NAME]`, by name. */
export const makeCustomCommands = Effect.gen(function* () {
  const { directory, variables } = yield* ServiceEnvironment
  const { custom, max_output_bytes } = (yield* Settings).scheduler.delivery
  const live = yield* ProcessGroup.makeLiveGroups

  const environmentOf = (channel: string, job: Job, run: Run, notes: DeliveryNotes) => ({
    ...inheritedVariables(variables),
    SYMBI_DELIVERY_ID: notes.id,
    SYMBI_DELIVERY_KIND: notes.kind,
    SYMBI_CHANNEL: channel,
    SYMBI_SUBJECT: oneLine(notes.subject, maxSubject),
    SYMBI_JOB_ID: job.id,
    SYMBI_JOB_NAME: job.name,
    SYMBI_RUN_ID: run.id,
    SYMBI_RUN_STATUS: run.status,
    SYMBI_SCHEDULED_FOR: formatInstant(run.scheduled_for)
  })

  const handler = (name: string, { command, timeout }: CustomChannel): ChannelHandler => {
    const channel = `custom:${name}` as const
    const fail = (permanent: boolean, message: string) => new DeliveryFailure({ channel, permanent, message })
    const [program, ...rest] = command
    const secrets = rest.flatMap(secretsIn)

    const acquire = (env: Readonly<Record<string, string>>, input: string) =>
      Effect.gen(function* () {
        const group = yield* Effect.mapError(
          ProcessGroup.start({ command, env, directory }),
          ({ message, transient }) => fail(!transient, message)
        )
        live.add(group.pid)
        const tail = makeTail(secrets)
        group.stderr.on("data", tail.add)
        group.stdout.resume()
        group.stdin.end(input)
        return { group, tail }
      })

    return Effect.fn("Delivery.command")(function* (job, run, output) {
      const env = {
        ...environmentOf(channel, job, run, yield* deliveryNotes(channel, run)),
        TRACEPARENT: yield* traceparentOf(run.id)
      }
      const input = cutOutput(output, max_output_bytes, run.id)
      yield* Effect.acquireUseRelease(
        acquire(env, input),
        ({ group, tail }) =>
          Effect.gen(function* () {
            const { code, signal } = yield* Deferred.await(group.exited)
            if (code === 0) return
            // What was written last may still be on its way; a process that was left behind can hold the pipe for ever.
            yield* Effect.timeoutOption(Deferred.await(group.closed), "1 second").pipe(Effect.withClock(Clock.make()))
            const how = code === null ? `was killed by ${signal}` : `exited with code ${code}`
            const said = tail.text()
            return yield* fail(refusals.has(code), `${program} ${how}${said === "" ? "" : `: ${said}`}`)
          }).pipe(
            Effect.timeoutFail({
              duration: durationMillis(timeout),
              onTimeout: () => {
                const said = tail.text()
                return fail(false, `${program} took longer than ${timeout}${said === "" ? "" : `: ${said}`}`)
              }
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
  }

  return new Map(Object.entries(custom).map(([name, settings]) => [name, handler(name, settings)])) as ReadonlyMap<
    string,
    ChannelHandler
  >
})
