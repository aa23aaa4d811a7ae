import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"

const prefixed = <const P extends string>(prefix: P) =>
  Schema.String.pipe(
    Schema.pattern(new RegExp(`^${prefix}_[0-9a-z]{26}$`), {
      message: () => `an id such as ${prefix}_01jq0000000000000000000000`
    })
  )

/** Identity of a job. Ids sort by the time they were made. */
export const JobId = prefixed("job").pipe(Schema.brand("JobId"))
export type JobId = typeof JobId.Type

/** Identity of a run. */
export const RunId = prefixed("run").pipe(Schema.brand("RunId"))
export type RunId = typeof RunId.Type

/** Identity of a session (one agent conversation). */
export const SessionId = prefixed("ses").pipe(Schema.brand("SessionId"))
export type SessionId = typeof SessionId.Type

/** Identity of a delivery; stays the same over all its attempts, so receivers can drop repeats. */
export const DeliveryId = prefixed("dlv").pipe(Schema.brand("DeliveryId"))
export type DeliveryId = typeof DeliveryId.Type

/** Identity of a request for approval. */
export const ApprovalId = prefixed("apr").pipe(Schema.brand("ApprovalId"))
export type ApprovalId = typeof ApprovalId.Type

/** Identity of an audit event. */
export const AuditId = prefixed("aud").pipe(Schema.brand("AuditId"))
export type AuditId = typeof AuditId.Type

/** Identity of an API key; no secret. */
export const KeyId = prefixed("key").pipe(Schema.brand("KeyId"))
export type KeyId = typeof KeyId.Type

/** Identity of one start of the service; the owner named in leases. */
export const BootId = prefixed("boot").pipe(Schema.brand("BootId"))
export type BootId = typeof BootId.Type

const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

const base32 = (value: number, length: number): string => {
  let text = ""
  let rest = value
  for (let i = 0; i < length; i++) {
    text = crockford.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

const valueOf = (text: string): number =>
  Array.from(text).reduce((value, digit) => value * 32 + Math.max(0, crockford.indexOf(digit)), 0)

/** What the ids of runs made at an instant (UTC ms) or later do not sort before. */
export const leastRunId = (millis: number): string => `run_${base32(millis, 10)}`

/**
 * Makes time-sortable ids in the manner of ULID (github.com/ulid/spec): 48 bits of UTC milliseconds, 80 random bits,
 * and within one millisecond a counter instead of new leading random bits, so ids made by one process always ascend, and after those of the processes before it once told of them.
 */
export class Ids extends Effect.Service<Ids>()("symbiont/Ids", {
  sync: () => {
    let lastMillis = 0
    let counter = 0
    const next = (millis: number, fresh: number): void => {
      if (millis > lastMillis) {
        lastMillis = millis
        counter = fresh
      } else if (counter < 2 ** 25 - 1) {
        counter++
      } else {
        lastMillis++
        counter = fresh
      }
    }
    const text = Effect.gen(function* () {
      const millis = yield* Clock.currentTimeMillis
      const high = yield* Random.nextIntBetween(0, 2 ** 24)
      const low = yield* Random.nextIntBetween(0, 2 ** 30)
      const lower = yield* Random.nextIntBetween(0, 2 ** 25)
      next(millis, high)
      return base32(lastMillis, 10) + base32(counter, 5) + base32(low, 6) + base32(lower, 5)
    })
    return {
      /** Ids made from now on sort after this one, which an earlier process may have made by a clock that was ahead. */
      ascendFrom: (id: string): void => {
        const made = id.slice(id.indexOf("_") + 1)
        const [millis, count] = [valueOf(made.slice(0, 10)), valueOf(made.slice(10, 15))]
        if (millis < lastMillis || (millis === lastMillis && count <= counter)) return
        lastMillis = millis
        counter = count
      },
      job: Effect.map(text, (id) => JobId.make(`job_${id}`)),
      run: Effect.map(text, (id) => RunId.make(`run_${id}`)),
      session: Effect.map(text, (id) => SessionId.make(`ses_${id}`)),
      delivery: Effect.map(text, (id) => DeliveryId.make(`dlv_${id}`)),
      approval: Effect.map(text, (id) => ApprovalId.make(`apr_${id}`)),
      audit: Effect.map(text, (id) => AuditId.make(`aud_${id}`)),
      key: Effect.map(text, (id) => KeyId.make(`key_${id}`)),
      boot: Effect.map(text, (id) => BootId.make(`boot_${id}`))
    } as const
  }
}) {}
