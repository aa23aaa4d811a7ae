import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import { JobName } from "../../src/Domain/Job.ts"
import type { Stores } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { audited } from "../support/Audit.ts"
import { approvalsConform } from "./ConformanceOfApprovals.ts"
import { auditConforms } from "./ConformanceOfAudit.ts"
import { backfillsConform } from "./ConformanceOfBackfills.ts"
import { bulkConforms } from "./ConformanceOfBulk.ts"
import { clocksConform } from "./ConformanceOfClocks.ts"
import { deliveriesConform } from "./ConformanceOfDeliveries.ts"
import { keysConform } from "./ConformanceOfKeys.ts"
import { runsConform } from "./ConformanceOfRuns.ts"
import { insert, jobId, look, manual, minutely, newRun, nthJob, runsOf, t0 } from "./fixtures.ts"

/** The database under a store, for what no store would do: damaging rows. */
export class Database extends Context.Tag("test/Database")<
  Database,
  { readonly execute: (statement: string) => Effect.Effect<void> }
>() {}

/** Makes an empty store and a hand on its database. */
export type MakeStore = () => Layer.Layer<Stores | Database>

/** What every implementation of `JobStore` must do, whatever its database. */
export const conforms = (engine: string, makeStore: MakeStore) => {
  const test = <E>(name: string, body: () => Effect.Effect<void, E, Stores | Database>) =>
    it.effect(name, () => Effect.provide(body(), makeStore()))

  describe(`a store on ${engine} keeps jobs`, () => {
    test("as they were given", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        const job = nthJob(1, {
          labels: ["a", "b"],
          input: "say \u{1F600}'; --",
          policy: { allowed_hours: { start: "22:00", end: "04:00" } },
          applied: { ...nthJob(1), name: JobName.make("job-1") }
        })
        yield* insert(job)
        const stored = yield* store.findJob(job.id)
        assert.deepStrictEqual({ ...stored, applied: null }, { ...job, applied: null })
        assert.strictEqual(stored.applied?.agent_id, job.agent_id)
        assert.deepStrictEqual(yield* store.findJob("job-1"), stored)
        const missing = yield* Effect.flip(store.findJob("job-2"))
        assert.strictEqual(missing._tag, "JobNotFound")
      }))

    test("all or none of a batch, each name once", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1))
        const taken = yield* Effect.flip(insert(nthJob(2), nthJob(3, { name: JobName.make("job-1") })))
        assert.deepInclude(taken, { _tag: "JobNameTaken", name: "job-1", id: jobId(1) })
        const twice = yield* Effect.flip(insert(nthJob(4), nthJob(5, { name: JobName.make("job-4") })))
        assert.strictEqual(twice._tag, "JobNameTaken")
        const { items } = yield* store.listJobs({ limit: 10 })
        assert.deepStrictEqual(
          items.map((job) => job.id),
          [jobId(1)]
        )
        assert.strictEqual((yield* audited({ limit: 10 })).length, 1)
      }))

    test("with names that are free again after a delete", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1))
        const deleted = yield* store.deleteJob("job-1", t0, ({ id, name }) => ({
          audit: { type: "CronJobDeleted", actor: "test", job_id: id, job_name: name }
        }))
        assert.strictEqual(deleted, jobId(1))
        assert.strictEqual((yield* Effect.flip(store.findJob(jobId(1))))._tag, "JobNotFound")
        const again = yield* Effect.flip(
          store.deleteJob("job-1", t0, () => ({ audit: { type: "CronJobDeleted", actor: "test" } }))
        )
        assert.strictEqual(again._tag, "JobNotFound")
        yield* insert(nthJob(2, { name: JobName.make("job-1") }))
        assert.strictEqual((yield* store.findJob("job-1")).id, jobId(2))
        const [event] = yield* audited({ type: "CronJobDeleted", limit: 10 })
        assert.deepInclude(event, { job_id: jobId(1), job_name: "job-1" })
      }))

    test("that change as one transaction, and not at all when refused", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1), nthJob(2))
        const changed = yield* store.modifyJob("job-1", (job) =>
          Either.right({
            job: { ...job, description: "new", version: job.version + 1 },
            audit: [{ type: "CronJobUpdated", actor: "test", job_id: job.id }]
          })
        )
        assert.deepInclude(changed, { description: "new", version: 2 })
        assert.deepStrictEqual(yield* store.findJob("job-1"), changed)
        assert.strictEqual(yield* Effect.flip(store.modifyJob("job-1", () => Either.left("no" as const))), "no")
        const rename = store.modifyJob("job-1", (job) =>
          Either.right({
            job: { ...job, name: JobName.make("job-2"), version: 3 },
            audit: [{ type: "CronJobUpdated", actor: "test" }]
          })
        )
        assert.deepInclude(yield* Effect.flip(rename), { _tag: "JobNameTaken", id: jobId(2) })
        const same = yield* store.modifyJob("job-1", (job) =>
          Either.right({ job, audit: [{ type: "CronJobUpdated", actor: "test" }] })
        )
        assert.strictEqual(same.version, 2)
        assert.strictEqual((yield* audited({ type: "CronJobUpdated", limit: 10 })).length, 1)
      }))

    test("and loses none of many changes at once", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1))
        yield* Effect.forEach(
          Array.from({ length: 100 }),
          () =>
            store.modifyJob("job-1", (job) => Either.right({ job: { ...job, version: job.version + 1 }, audit: [] })),
          { concurrency: "unbounded", discard: true }
        )
        assert.strictEqual((yield* store.findJob("job-1")).version, 101)
      }))

    test("listed by every filter, in the order of their ids", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(
          nthJob(1, { labels: ["red"] }),
          nthJob(2, { status: "paused", paused_by: "operator" }),
          nthJob(3, { agent_id: nthJob(3).agent_id, labels: ["red", "blue"], source_file: "a.symbi" }),
          nthJob(4, { status: "completed", next_run: null, labels: ["re"] })
        )
        const listed = (filter: Omit<Parameters<typeof store.listJobs>[0], "limit">) =>
          Effect.map(store.listJobs({ ...filter, limit: 10 }), ({ items }) => items.map((job) => job.name as string))
        assert.deepStrictEqual(yield* listed({}), ["job-1", "job-2", "job-3", "job-4"])
        assert.deepStrictEqual(yield* listed({ status: "paused" }), ["job-2"])
        assert.deepStrictEqual(yield* listed({ label: "red" }), ["job-1", "job-3"])
        assert.deepStrictEqual(yield* listed({ label: "red", status: "active", agent_id: "probe" }), ["job-1", "job-3"])
        assert.deepStrictEqual(yield* listed({ agent_id: "nobody" }), [])
      }))

    test("paged without repeats or gaps while jobs are added and removed", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(...[10, 20, 30, 40, 50].map((n) => nthJob(n)))
        const first = yield* store.listJobs({ limit: 2 })
        assert.deepStrictEqual(
          first.items.map((job) => job.id),
          [jobId(10), jobId(20)]
        )
        yield* insert(nthJob(5), nthJob(35))
        yield* store.deleteJob("job-20", t0, () => ({ audit: { type: "CronJobDeleted", actor: "test" } }))
        const second = yield* store.listJobs({ limit: 3, cursor: first.next ?? "" })
        assert.deepStrictEqual(
          second.items.map((job) => job.id),
          [jobId(30), jobId(35), jobId(40)]
        )
        const third = yield* store.listJobs({ limit: 3, cursor: second.next ?? "" })
        assert.deepStrictEqual(
          third.items.map((job) => job.id),
          [jobId(50)]
        )
        assert.isNull(third.next)
      }))

    test("and counts them truly after many changes", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(...Array.from({ length: 30 }, (_, n) => nthJob(n, n < 5 ? { status: "paused" } : {})))
        const set = (n: number, status: "active" | "paused" | "dead_letter") =>
          store.modifyJob(jobId(n), (job) => Either.right({ job: { ...job, status }, audit: [] }))
        yield* Effect.forEach([5, 6, 7], (n) => set(n, "paused"), { concurrency: "unbounded" })
        yield* Effect.forEach([0, 5], (n) => set(n, "active"))
        yield* set(8, "dead_letter")
        yield* Effect.forEach([1, 9, 10], (n) =>
          store.deleteJob(jobId(n), t0, () => ({ audit: { type: "CronJobDeleted", actor: "test" } }))
        )
        const counts = yield* store.counts
        assert.deepInclude(counts, { active_jobs: 21, paused_jobs: 5, quarantined_jobs: 0, running: 0 })
      }))
  })

  describe(`a store on ${engine} sets damaged rows aside`, () => {
    const damages = {
      "a definition that is no JSON": "definition = '{'",
      "a definition that is no job": `definition = '{"max_concurrent": "many"}'`,
      "an unknown status": "status = 'asleep'",
      "an unknown pauser": "paused_by = 'nobody'"
    }
    for (const [damage, assignment] of Object.entries(damages)) {
      test(damage, () =>
        Effect.gen(function* () {
          const store = yield* JobStore
          const { execute } = yield* Database
          yield* insert(nthJob(1, { labels: ["red"] }), nthJob(2, { labels: ["red"] }), nthJob(3))
          yield* execute(`UPDATE jobs SET ${assignment} WHERE id = '${jobId(1)}'`)
          const seen = yield* look()
          assert.deepStrictEqual(
            seen.started.map(({ job }) => job.id),
            [jobId(2), jobId(3)]
          )
          assert.deepStrictEqual(
            seen.quarantined.map((row) => row.job_id),
            [jobId(1)]
          )
          assert.strictEqual((yield* look()).claimed, 0)
          assert.deepInclude(yield* store.counts, { quarantined_jobs: 1, active_jobs: 2 })
          assert.strictEqual((yield* Effect.flip(store.findJob("job-1")))._tag, "JobUnreadable")
          assert.strictEqual((yield* Effect.flip(manual("job-1")))._tag, "JobUnreadable")
          const { items } = yield* store.listJobs({ limit: 10 })
          assert.deepStrictEqual(
            items.map((job) => job.id),
            [jobId(2), jobId(3)]
          )
          const red = yield* store.listJobs({ label: "red", limit: 10 })
          assert.deepStrictEqual(
            red.items.map((job) => job.id),
            [jobId(2)]
          )
          const [event] = yield* audited({ type: "CronJobQuarantined", limit: 10 })
          assert.strictEqual(event?.job_id, jobId(1))
          yield* store.deleteJob("job-1", t0, () => ({ audit: { type: "CronJobDeleted", actor: "test" } }))
          assert.deepInclude(yield* store.counts, { quarantined_jobs: 0, active_jobs: 2 })
        })
      )
    }

    test("a job that is damaged between its claim and its start", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        const { execute } = yield* Database
        yield* insert(nthJob(1), nthJob(2))
        yield* look({ permits: 0 })
        yield* execute(`UPDATE jobs SET definition = 'x' WHERE id = '${jobId(1)}'`)
        const seen = yield* look()
        assert.deepStrictEqual(
          seen.started.map(({ job }) => job.id),
          [jobId(2)]
        )
        const [run] = yield* runsOf("job-1")
        assert.strictEqual(run?.status, "failed")
        assert.strictEqual(run?.attempts[0]?.outcome, "failed")
        assert.deepInclude(yield* store.counts, { quarantined_jobs: 1, running: 1, runs_failed: 1 })
      }))

    test("a run that is damaged before it starts, and the runs queued behind it go on", () =>
      Effect.gen(function* () {
        const { execute } = yield* Database
        yield* insert(nthJob(1, { next_run: null }))
        const damaged = yield* manual("job-1")
        const queued = yield* manual("job-1", { holds_permit: false })
        yield* execute(`UPDATE runs SET iterations = 'x' WHERE id = '${damaged.id}'`)
        assert.deepStrictEqual((yield* look()).started, [])
        const after = yield* look()
        assert.deepStrictEqual(
          after.started.map(({ run }) => run.id),
          [queued.id]
        )
        const store = yield* JobStore
        const ended = yield* store.findRun(damaged.id)
        assert.deepInclude(ended, { status: "failed" })
        assert.strictEqual(ended.reason?.code, "run_unreadable")
        const [failed] = yield* audited({ type: "CronJobFailed", run: damaged.id, limit: 9 })
        assert.deepInclude(failed ?? {}, { job_id: jobId(1), reason: ended.reason?.text })
      }))

    test("a page of damaged runs does not end a history", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        const { execute } = yield* Database
        yield* insert(nthJob(1, { next_run: null }))
        const first = yield* manual("job-1")
        yield* manual("job-1")
        yield* manual("job-1")
        yield* execute(`UPDATE runs SET reason = 'x' WHERE id <> '${first.id}'`)
        const page = yield* store.listRuns("job-1", { limit: 2 })
        assert.deepStrictEqual(page.items, [])
        const rest = yield* store.listRuns("job-1", { limit: 2, cursor: page.next ?? "" })
        assert.deepStrictEqual(
          rest.items.map((run) => run.id),
          [first.id]
        )
      }))
  })

  describe(`a store on ${engine} claims`, () => {
    test("due jobs in due order, each with its row and its next slot", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(
          nthJob(1, { next_run: t0 - 10 }),
          nthJob(2, { next_run: t0 - 30 }),
          nthJob(3, { next_run: t0 - 20 }),
          nthJob(4, { next_run: t0 + 1 }),
          nthJob(5, { status: "paused" })
        )
        const planned: Array<string> = []
        const seen = yield* look({
          plan: (job) => {
            planned.push(job.name)
            return minutely(job)
          }
        })
        assert.deepStrictEqual(planned, ["job-2", "job-3", "job-1"])
        assert.strictEqual(seen.claimed, 3)
        const [run] = yield* runsOf("job-2")
        assert.deepInclude(run, { scheduled_for: t0 - 30, status: "running", trigger: "schedule" })
        assert.strictEqual((yield* store.findJob("job-2")).next_run, t0 + 59_970)
        assert.strictEqual((yield* store.findJob("job-4")).next_run, t0 + 1)
        assert.strictEqual(yield* store.nextWake({ now: t0, permits: 1, partitions: null }), t0 + 1)
      }))

    test("no more than a batch, earliest first", () =>
      Effect.gen(function* () {
        yield* insert(...[1, 2, 3].map((n) => nthJob(n, { next_run: t0 - n })))
        const seen = yield* look({ batch: 2 })
        assert.deepStrictEqual(
          seen.started.map(({ job }) => job.name as string),
          ["job-3", "job-2"]
        )
        assert.strictEqual((yield* look({ batch: 2 })).claimed, 1)
      }))

    test("and sets a job aside whose slots cannot be planned, until it is written again", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: t0 - 1 }), nthJob(2))
        const seen = yield* look({
          plan: (job) => {
            if (job.id === jobId(1)) throw new Error("boom")
            return minutely(job)
          }
        })
        assert.deepStrictEqual(
          seen.started.map(({ job }) => job.id),
          [jobId(2)]
        )
        assert.include(seen.quarantined[0]?.detail, "boom")
        assert.deepInclude(yield* store.counts, { quarantined_jobs: 1, active_jobs: 1 })
        assert.isNull((yield* store.findJob("job-1")).next_run)
        yield* store.modifyJob("job-1", (job) => Either.right({ job: { ...job, next_run: t0 }, audit: [] }))
        assert.deepInclude(yield* store.counts, { quarantined_jobs: 0, active_jobs: 2 })
        assert.strictEqual((yield* look()).claimed, 1)
      }))

    test("a slot once: one that has its row keeps it when the clock comes by again", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1))
        yield* look()
        yield* store.modifyJob("job-1", (job) => Either.right({ job: { ...job, next_run: t0 }, audit: [] }))
        const again = yield* look()
        assert.deepInclude(again, { claimed: 1, started: [] })
        assert.strictEqual((yield* runsOf("job-1")).length, 1)
        assert.strictEqual((yield* store.findJob("job-1")).next_run, t0 + 60_000)
        yield* manual("job-1")
        assert.strictEqual((yield* runsOf("job-1")).length, 2)
      }))

    test("slots that end at once, with status, range, cancellations and audit of the plan", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1))
        yield* look()
        const [live] = yield* runsOf("job-1")
        const seen = yield* look({
          now: t0 + 60_000,
          plan: (_job, { holders, holding }) => ({
            runs: [
              newRun({
                scheduled_for: t0 + 1,
                status: "missed",
                missed_count: 7,
                missed_from: t0 + 1,
                missed_to: t0 + 9
              })
            ],
            next_run: null,
            status: "failed",
            cancel: holding === 1 ? holders : [],
            audit: [{ type: "CronJobFailed", actor: "scheduler", job_id: jobId(1) }]
          })
        })
        assert.deepStrictEqual(seen.ended, [{ job_name: "job-1", status: "missed" }])
        assert.deepStrictEqual(
          seen.cancel.map(({ run_id }) => run_id),
          live === undefined ? [] : [live.id]
        )
        const [missed] = yield* store.listRuns("job-1", { limit: 1 }).pipe(Effect.map((page) => page.items))
        assert.deepInclude(missed, { status: "missed", missed_count: 7, missed_from: t0 + 1, missed_to: t0 + 9 })
        assert.deepInclude(yield* store.findJob("job-1"), { status: "failed", next_run: null })
        assert.strictEqual((yield* audited({ type: "CronJobFailed", limit: 9 })).length, 1)
      }))

    test("only its own partitions", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(...Array.from({ length: 40 }, (_, n) => nthJob(n)))
        const low = Array.from({ length: 32 }, (_, n) => n)
        const high = low.map((n) => n + 32)
        assert.strictEqual((yield* look({ partitions: [] })).claimed, 0)
        assert.isNull(yield* store.nextWake({ now: t0, permits: 1, partitions: [] }))
        const first = yield* look({ partitions: low })
        assert.isAbove(first.claimed, 0)
        assert.isBelow(first.claimed, 40)
        const second = yield* look({ partitions: high })
        assert.strictEqual(first.claimed + second.claimed, 40)
        assert.strictEqual(second.started.length, second.claimed)
      }))
  })

  approvalsConform(engine, test)
  auditConforms(engine, test)
  backfillsConform(engine, test)
  bulkConforms(engine, test)
  runsConform(engine, test)
  deliveriesConform(engine, test)
  clocksConform(engine, test)
  keysConform(engine, test)
}
