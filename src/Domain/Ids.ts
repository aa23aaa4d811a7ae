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
    const digit = rest % 32
    text = crockford.charAt(digit) + text
    rest = (rest - digit) / 32
  }
  return text
}

const valueOf = (text: string): number =>
  Array.from(text).reduce((value, digit) => value * 32 + Math.max(0, crockford.indexOf(digit)), 0)

/** What the ids of runs made at an instant (UTC ms) or later do not sort before. */
export const leastRunId = (millis: number): string => `run_${base32(millis, 10)}`

/** Numbers of 32 bits, the same for the same seeds: sfc32 (Chris Doty-Humphrey, PractRand). */
const makeDraw = (seeds: readonly [number, number, number]) => {
  let [a, b, c] = seeds
  let counter = 1
  return (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
}

const seed = Random.nextIntBetween(0, 2 ** 32)

/**
 * Makes time-sortable ids in the manner of ULID (github.com/ulid/spec): 48 bits of UTC milliseconds, 80 random bits,
 * and within one millisecond a counter instead of new leading random bits, so ids made by one process always ascend, and after those of the processes before it once told of them.
 */
export class Ids extends Effect.Service<Ids>()("symbiont/Ids", {
  effect: Effect.gen(function* () {
    const clock = yield* Effect.clock
    const draw = makeDraw([yield* seed, yield* seed, yield* seed])
    let lastMillis = 0
    let lastTime = base32(0, 10)
    let counter = 0
    const next = (): void => {
      const millis = clock.unsafeCurrentTimeMillis()
      if (millis <= lastMillis && counter < 2 ** 25 - 1) {
        counter++
        return
      }
      lastMillis = Math.max(millis, lastMillis + 1)
      counter = draw() >>> 8
      lastTime = base32(lastMillis, 10)
    }
    const text = (): string => {
      next()
      return lastTime + base32(counter, 5) + base32(draw() >>> 2, 6) + base32(draw() >>> 7, 5)
    }
    // What is made here has the shape that the schemas ask for.
    const nextJob = () => `job_${text()}` as JobId
    const nextRun = () => `run_${text()}` as RunId
    const nextDelivery = () => `dlv_${text()}` as DeliveryId
    const nextAudit = () => `aud_${text()}` as AuditId
    return {
      /** Ids made from now on sort after this one, which an earlier process may have made by a clock that was ahead. */
      ascendFrom: (id: string): void => {
        const made = id.slice(id.indexOf("_") + 1)
        const [millis, count] = [valueOf(made.slice(0, 10)), valueOf(made.slice(10, 15))]
        if (millis < lastMillis || (millis === lastMillis && count <= counter)) return
        lastMillis = millis
        lastTime = base32(millis, 10)
        counter = count
      },
      nextAudit,
      nextDelivery,
      nextJob,
      nextRun,
      job: Effect.sync(nextJob),
      run: Effect.sync(nextRun),
      session: Effect.sync(() => `ses_${text()}` as SessionId),
      delivery: Effect.sync(nextDelivery),
      approval: Effect.sync(() => ApprovalId.make(`apr_${text()}`)),
      audit: Effect.sync(nextAudit),
      key: Effect.sync(() => KeyId.make(`key_${text()}`)),
      boot: Effect.sync(() => BootId.make(`boot_${text()}`))
    } as const
  })
}) {}
