import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "fast-check"
import { type AuditFilter, AuditLog } from "../../src/AuditLog.ts"
import type { AuditDraft, AuditEvent, AuditType } from "../../src/Domain/Audit.ts"
import { RunId } from "../../src/Domain/Ids.ts"
import { audited } from "../support/Audit.ts"
import { Database } from "./Conformance.ts"
import type { StoreTest } from "./ConformanceOfRuns.ts"
import { jobId, t0 } from "./fixtures.ts"

const types = ["CronJobCreated", "CronJobFailed", "ConfigChanged"] as const satisfies ReadonlyArray<AuditType>
const actors = ["cli", "api", "scheduler"]
const hour = 3_600_000
const runId = (n: number) => RunId.make(`run_${String(n).padStart(26, "0")}`)

const drafts = FastCheck.array(
  FastCheck.record<AuditDraft>({
    type: FastCheck.constantFrom(...types),
    actor: FastCheck.constantFrom(...actors),
    // Not in the order of writing: the clock may be set back.
    time: FastCheck.integer({ min: t0 - 3 * hour, max: t0 + 3 * hour }),
    job_id: FastCheck.constantFrom(null, jobId(1), jobId(2)),
    job_name: FastCheck.constantFrom(null, "a", "b"),
    run_id: FastCheck.constantFrom(null, runId(1), runId(2))
  }),
  { minLength: 150, maxLength: 150 }
)

const maybe = <A>(arbitrary: FastCheck.Arbitrary<A>) => FastCheck.option(arbitrary, { nil: undefined, freq: 2 })
const instants = FastCheck.integer({ min: t0 - 4 * hour, max: t0 + 4 * hour })

const filters = FastCheck.record<AuditFilter>({
  type: maybe(FastCheck.constantFrom(...types, "ClockJumped" as const)),
  actor: maybe(FastCheck.constantFrom(...actors, "nobody")),
  since: maybe(instants),
  until: maybe(instants),
  job: maybe(FastCheck.constantFrom(jobId(1), jobId(3), "a", "c")),
  run: maybe(FastCheck.constantFrom(runId(1), runId(3))),
  limit: FastCheck.integer({ min: 1, max: 60 })
})

const matches =
  ({ actor, job, run, since, type, until }: AuditFilter) =>
  (event: AuditEvent): boolean =>
    (type === undefined || event.type === type) &&
    (actor === undefined || event.actor === actor) &&
    (job === undefined || event.job_id === job || event.job_name === job) &&
    (run === undefined || event.run_id === run) &&
    (since === undefined || event.time >= since) &&
    (until === undefined || event.time < until)

const pages = Effect.fnUntraced(function* (filter: AuditFilter) {
  const log = yield* AuditLog
  const items: Array<AuditEvent> = []
  let cursor: string | undefined
  do {
    const page = yield* log.query({ ...filter, cursor })
    assert.isAtMost(page.items.length, filter.limit)
    assert.isTrue(page.next === null || page.items.length === filter.limit)
    items.push(...page.items)
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  return items
})

/** What every audit log does, whatever its database. */
export const auditConforms = (engine: string, test: StoreTest) => {
  describe(`an audit log on ${engine}`, () => {
    test("gives what every combination of filters asks for, newest first, page after page", () =>
      Effect.gen(function* () {
        const log = yield* AuditLog
        const [events = []] = FastCheck.sample(drafts, { numRuns: 1, seed: 11 })
        yield* log.append(events, t0)
        const all = yield* audited({ limit: 1_000 })
        assert.deepStrictEqual(
          all.map(({ time }) => time),
          events.map(({ time }) => time ?? t0).toReversed()
        )
        let found = 0
        for (const filter of FastCheck.sample(filters, { numRuns: 300, seed: 12 })) {
          const expected = all.filter(matches(filter))
          assert.deepStrictEqual(yield* pages(filter), expected, JSON.stringify(filter))
          found += expected.length
        }
        assert.isAbove(found, 1_000)
      }))

    test("gives the rest when an entry cannot be read", () =>
      Effect.gen(function* () {
        const log = yield* AuditLog
        const { execute } = yield* Database
        yield* log.append(
          [1, 2, 3].map((n) => ({ type: "ClockJumped", actor: "scheduler", reason: `${n}` })),
          t0
        )
        yield* execute("DROP TRIGGER audit_no_update")
        yield* execute("UPDATE audit SET type = 'NobodyKnows' WHERE seq = 2")
        const { items: rest, next } = yield* log.query({ limit: 2 })
        assert.deepStrictEqual([rest.map(({ reason }) => reason), next], [["3"], "2"])
      }))

    test("records a configuration when it is not the one recorded last, without its secrets", () =>
      Effect.gen(function* () {
        const log = yield* AuditLog
        const first = { "server.port": 8080, "scheduler.enable_metrics": true, "delivery.slack_api_token": "xoxb-1" }
        assert.isTrue(yield* log.recordConfiguration(first, t0))
        assert.isFalse(yield* log.recordConfiguration(first, t0 + 1))
        assert.isTrue(yield* log.recordConfiguration({ "server.port": 9090, "scheduler.enable_metrics": true }, t0 + 2))
        assert.isTrue(yield* log.recordConfiguration({ ...first, "server.port": 9090 }, t0 + 3))
        const events = yield* audited({ type: "ConfigChanged", limit: 9 })
        assert.deepStrictEqual(
          events.map(({ actor, after, before, time }) => [time - t0, actor, before, after]),
          [
            [3, "scheduler", {}, { "delivery.slack_api_token": "[redacted]" }],
            [
              2,
              "scheduler",
              { "server.port": 8080, "delivery.slack_api_token": "[redacted]" },
              { "server.port": 9090 }
            ],
            [0, "scheduler", {}, { ...first, "delivery.slack_api_token": "[redacted]" }]
          ]
        )
      }))

    test("verifies while entries are appended, and lets other fibers work meanwhile", () =>
      Effect.gen(function* () {
        const log = yield* AuditLog
        const event = { type: "ClockJumped", actor: "scheduler" } as const
        yield* log.append(
          Array.from({ length: 2_000 }, () => event),
          t0
        )
        let appended = 0
        let meanwhile = 0
        const [verdict] = yield* Effect.all(
          [
            Effect.tap(log.verify(), () => Effect.sync(() => (meanwhile = appended))),
            Effect.repeatN(
              Effect.tap(log.append([event], t0), () => Effect.sync(() => appended++)),
              29
            )
          ],
          { concurrency: 2 }
        )
        assert.isTrue(verdict.ok)
        assert.isAbove(meanwhile, 0)
        assert.strictEqual(appended, 30)
        assert.deepInclude(yield* log.verify(), { ok: true, entries: 2_030 })
      }))
  })
}
