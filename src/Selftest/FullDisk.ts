import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { eventually, type Running, startService } from "./Child.ts"
import { writeLoad } from "./Load.ts"
import type { Place } from "./Place.ts"
import { makeReceiver } from "./Receiver.ts"
import { claimed, counted, type Finding, NotSeen, some } from "./Report.ts"
import { bringToRest, problemsAtRest } from "./Rest.ts"
import { openStored } from "./Stored.ts"

/** Large enough to need pages of their own. */
const input = "x".repeat(20_000)

/** Jobs after which a disk that still takes them is not full. */
const mostJobs = 2_000

const decodeRefusal = Schema.decodeUnknown(
  Schema.parseJson(Schema.Struct({ error: Schema.String, code: Schema.String }))
)

const ask = ({ url }: Running, path: string, init: RequestInit = {}) =>
  Effect.tryPromise({
    try: (signal) =>
      fetch(`${url}/api/v1${path}`, { ...init, signal }).then(async (answer) => ({
        status: answer.status,
        text: await answer.text()
      })),
    catch: (error) => new NotSeen({ message: `${path}: no answer from the service: ${String(error)}` })
  })

/** Creates jobs until one is refused; gives the names of those that were acknowledged, and the refusal. */
const createUntilRefused = Effect.fnUntraced(function* (service: Running, prefix: string) {
  const acknowledged: Array<string> = []
  while (acknowledged.length < mostJobs) {
    const name = `${prefix}-${acknowledged.length}`
    const body = JSON.stringify({ name, agent_id: "quick", cron_expr: "0 0 1 1 *", input })
    const headers = { "content-type": "application/json" }
    const { status, text } = yield* ask(service, "/schedule", { method: "POST", headers, body })
    if (status === 201) {
      acknowledged.push(name)
      continue
    }
    const { code, error } = yield* Effect.orElseSucceed(decodeRefusal(text), () => ({ code: "none", error: text }))
    return { acknowledged, name, status, code, error }
  }
  return yield* new NotSeen({ message: `${mostJobs} jobs were stored on a disk that was said to be full` })
})

/**
 * A service at work whose database gets no more room, as on a full disk, and then gets it again. Its data stay in `full`
 * of the place's folder.
 */
export const fullDisk = Effect.fn("Selftest.fullDisk")(function* (place: Place) {
  const path = yield* Path.Path
  const receiver = yield* makeReceiver
  const folder = yield* writeLoad(place, "full", receiver.url, 6)
  const problems: Array<string> = []
  const expect = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem)
  }
  yield* place.progress("a service begins to work")
  const service = yield* startService(place, folder, "full")
  const arrived = (count: number) => Effect.sync(() => (receiver.taken.size > count ? true : undefined))
  yield* eventually("deliveries before the disk is full", arrived(2))

  yield* service.signal("SIGUSR2")
  yield* place.progress("its disk is full")
  const refused = yield* createUntilRefused(service, "during")
  expect(refused.status === 507, `a write was answered ${refused.status} (${refused.code}), not 507: ${refused.error}`)
  expect(refused.error.includes("the disk is full"), `the answer does not name the full disk: ${refused.error}`)
  expect((yield* ask(service, "/schedule")).status === 200, "reads do not go on while the disk is full")
  const health = yield* ask(service, "/health/scheduler")
  expect(health.status === 503, `health answers ${health.status} while the disk is full, not 503`)
  const findings = yield* ask(service, "/health/findings")
  expect(findings.text.includes("the disk is full"), "the findings do not name the full disk")
  // Runs in flight end meanwhile, slots pass, and what is due stays due.
  yield* Effect.sleep("2500 millis")
  expect((yield* createUntilRefused(service, "later")).status === 507, "the disk is still full, and writes are taken")
  const before = receiver.taken.size
  yield* service.signal("SIGUSR2")
  yield* place.progress("its disk has room again")
  const since = yield* Clock.currentTimeMillis
  const isWell = Effect.map(ask(service, "/health/scheduler"), ({ status }) => (status === 200 ? true : undefined))
  yield* eventually("health after the disk has room again", isWell, "30 seconds")
  const recovered = (yield* Clock.currentTimeMillis) - since
  yield* eventually("deliveries after the disk has room again", arrived(before + 2))

  const db = yield* openStored(path.join(folder, ".symbi", "symbiont.db"))
  yield* bringToRest(service, db)
  const { problems: atRest, stored } = yield* problemsAtRest(place, db, receiver)
  const names = new Set(stored.jobs.map(({ name }) => name))
  const lost = refused.acknowledged.filter((name) => !names.has(name))
  expect(lost.length === 0, `acknowledged, and not stored: ${some(lost)}`)
  expect(!names.has(refused.name), `refused, and stored: ${refused.name}`)
  const kept = refused.acknowledged.length
  const wrong = [...problems, ...atRest]
  const is = (claim: string) => claimed(wrong, claim)
  return {
    summary: `a full disk:${is(" writes answered 507, reads and health went on,")} well again ${(recovered / 1_000).toFixed(1)} s after there was room, without a restart. ${counted(stored.runs.length, "run")}, ${counted(stored.deliveries.length, "delivery", "deliveries")}${kept === 0 ? "" : ` and ${counted(kept, "job")} stored until then`}${is(": nothing lost")}`,
    warnings: [],
    problems: wrong,
    counts: {
      runs: stored.runs.length,
      deliveries: stored.deliveries.length,
      acknowledged: kept,
      recovered_ms: recovered
    }
  } satisfies Finding
}, Effect.scoped)
