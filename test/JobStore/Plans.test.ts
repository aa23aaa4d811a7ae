import { SqlClient } from "@effect/sql/SqlClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { AuditLog } from "../../src/AuditLog.ts"
import { RunId } from "../../src/Domain/Ids.ts"
import { InvariantStore } from "../../src/Invariants.ts"
import { layerDatabase, StatementListener } from "../../src/JobStore/Database.ts"
import type { Stores } from "../../src/JobStore/Sqlite.ts"
import { layerOnClient } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { RetentionStore } from "../../src/Retention.ts"
import { RunTotals } from "../../src/RunTotals.ts"
import { SessionStore } from "../../src/Sessions.ts"
import { audited } from "../support/Audit.ts"
import { backfill, finish, insert, interrupted, jobId, look, manual, me, nthJob, success, t0 } from "./fixtures.ts"

interface Asked {
  readonly text: string
  readonly parameters: ReadonlyArray<unknown>
}

/** The statements that a store's methods send, and SQLite's plans for them. */
const planned = Effect.gen(function* () {
  const asked: Array<Asked> = []
  const listening = Layer.succeed(StatementListener, (text, parameters) => {
    asked.push({ text, parameters })
  })
  const store = layerOnClient(":memory:").pipe(
    Layer.provideMerge(layerDatabase(":memory:")),
    Layer.provide(listening),
    Layer.orDie
  )
  return { asked, store }
})

const plansOf = <A, E, E2>(
  setUp: Effect.Effect<unknown, E2, JobStore>,
  body: (store: typeof JobStore.Service) => Effect.Effect<A, E, Stores | SqlClient>
) =>
  Effect.gen(function* () {
    const { asked, store } = yield* planned
    return yield* Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* setUp
      asked.length = 0
      yield* body(yield* JobStore)
      const statements = asked.filter(({ text }) => /^\s*(SELECT|UPDATE|DELETE|INSERT)/.test(text))
      assert.isAbove(statements.length, 0)
      const plans: Array<{ readonly text: string; readonly steps: ReadonlyArray<string> }> = []
      for (const { parameters, text } of [...statements]) {
        const rows = yield* sql.unsafe<Record<string, unknown>>(`EXPLAIN QUERY PLAN ${text}`, parameters)
        plans.push({ text, steps: rows.map((row) => String(row["detail"])) })
      }
      return plans
    }).pipe(Effect.provide(store))
  })

/** Fails on a walk over a whole table; a partial index of few rows may be walked. */
const assertIndexed = (plans: Effect.Effect.Success<ReturnType<typeof plansOf>>) => {
  for (const { steps, text } of plans) {
    for (const step of steps) {
      assert.notMatch(
        step,
        /^SCAN (jobs|runs|deliveries|attempts|audit|idempotency)(?! USING (COVERING )?INDEX (jobs_due|runs_ready|runs_running|runs_live|deliveries_due))/,
        text
      )
    }
  }
}

const change = (statement: string) => Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement))

const jobs = insert(...Array.from({ length: 20 }, (_, n) => nthJob(n)))

describe("every statement of the store uses its index", () => {
  const sorted = /TEMP B-TREE/

  it.effect("a look", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(jobs, () => look())
      assertIndexed(plans)
      const due = plans.find(({ text }) => text.includes("FROM jobs") && text.includes("next_run <="))
      assert.match(due?.steps.join("\n") ?? "", /SEARCH jobs USING INDEX jobs_due \(next_run/)
      assert.notMatch(due?.steps.join("\n") ?? "", sorted)
      const ready = plans.find(
        ({ text }) => text.includes("SELECT id, ready_at FROM runs") && text.includes("ready_at <=")
      )
      assert.match(ready?.steps.join("\n") ?? "", /SEARCH runs USING (COVERING )?INDEX runs_ready/)
      assert.notMatch(ready?.steps.join("\n") ?? "", sorted)
    })
  )

  it.effect("a look at some partitions", () =>
    Effect.map(
      plansOf(jobs, () => look({ partitions: [1, 2, 3] })),
      assertIndexed
    )
  )

  it.effect("the next wake", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(jobs, (store) => store.nextWake({ now: t0, permits: 1, partitions: null }))
      const steps = plans.flatMap((plan) => plan.steps).join("\n")
      assert.match(steps, /jobs USING (COVERING )?INDEX jobs_due/)
      assert.match(steps, /runs USING (COVERING )?INDEX runs_ready/)
      assert.notMatch(steps, sorted)
      assertIndexed(plans)
    })
  )

  it.effect("the end of a run", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(jobs, () =>
        Effect.flatMap(look(), ({ started }) =>
          Effect.forEach(started.slice(0, 1), ({ run }) =>
            finish(run, success({ deliveries: [{ channel: "stdout", kind: "output" }] }))
          )
        )
      )
      assertIndexed(plans)
    })
  )

  it.effect("the totals of jobs and of the service", () =>
    Effect.map(
      plansOf(jobs, () =>
        Effect.gen(function* () {
          const totals = yield* RunTotals
          yield* totals.ofJobs([jobId(1), jobId(2)])
          yield* totals.ofService
        })
      ),
      assertIndexed
    )
  )

  it.effect("recovery", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(Effect.zipRight(jobs, look()), (store) => store.recover(t0, me, interrupted))
      assertIndexed(plans)
      assert.match(plans.flatMap((plan) => plan.steps).join("\n"), /runs_running/)
    })
  )

  it.effect("a run by hand, and its cancellation", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(jobs, (store) =>
        Effect.flatMap(manual("job-1"), ({ id }) =>
          store.cancelWaiting(id, t0, () => ({
            end: { run: { status: "cancelled" }, job: {} },
            approval: null,
            audit: []
          }))
        ).pipe(Effect.orDie)
      )
      assertIndexed(plans)
    })
  )

  it.effect("a backfill", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(jobs, () => backfill("job-1", [t0 - 60_000, t0]))
      assertIndexed(plans)
      const steps = plans.flatMap((plan) => plan.steps).join("\n")
      assert.match(steps, /SEARCH runs USING INDEX runs_slot \(job_id=\? AND scheduled_for=\?\)/)
      assert.match(steps, /SEARCH runs USING INDEX runs_backfill \(job_id=\? AND scheduled_for=\?\)/)
    })
  )

  it.effect("history, whole and by status", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(jobs, (store) =>
        Effect.all([
          store.listRuns("job-1", { limit: 5, cursor: "run_z" }),
          store.listRuns(jobId(1), { limit: 5, status: "failed" })
        ]).pipe(Effect.orDie)
      )
      assertIndexed(plans)
      const lists = plans.filter(({ text }) => text.includes("ORDER BY id DESC"))
      assert.match(lists[0]?.steps.join() ?? "", /^SEARCH runs USING INDEX runs_history \(job_id=\? AND id<\?\)$/)
      assert.match(
        lists[1]?.steps.join() ?? "",
        /^SEARCH runs USING INDEX runs_history_status \(job_id=\? AND status=\?\)$/
      )
    })
  )

  it.effect("lists of jobs by status and by agent", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(jobs, (store) =>
        Effect.all([
          store.listJobs({ limit: 5, status: "active", cursor: jobId(2) }),
          store.listJobs({ limit: 5, agent_id: "probe", cursor: jobId(2) }),
          store.changeJobs({ names: ["job-1", "job-2"], files: ["/x/a.symbi"], folders: ["agents"] }, t0, () =>
            Either.right({ creates: [], changes: [], removals: [] })
          )
        ])
      )
      assert.match(plans[0]?.steps.join() ?? "", /^SEARCH jobs USING INDEX jobs_status \(status=\? AND id>\?\)$/)
      assert.match(plans[1]?.steps.join() ?? "", /^SEARCH jobs USING INDEX jobs_agent \(agent_id=\? AND id>\?\)$/)
      assert.match(plans[2]?.steps.join("\n") ?? "", /USING INDEX jobs_name \(name=\?\)/)
      for (const plan of plans.slice(3)) assert.match(plan.steps.join("\n"), /SEARCH jobs USING INDEX jobs_source/)
    })
  )

  it.effect("due deliveries, and the next", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(jobs, (store) =>
        Effect.all([store.dueDeliveries("stdout", t0, 10, []), store.waitingDestinations(t0)])
      )
      assertIndexed(plans)
      assert.match(
        plans[0]?.steps.join() ?? "",
        /^SEARCH deliveries USING INDEX deliveries_due \(destination=\? AND next_attempt_at<\?\)$/
      )
      assert.notMatch(plans.flatMap((plan) => plan.steps).join("\n"), sorted)
    })
  )

  it.effect("counts", () =>
    Effect.map(
      plansOf(jobs, (store) => store.counts),
      assertIndexed
    )
  )

  it.effect("the audit log, appended to, by each of its filters, and verified", () =>
    Effect.gen(function* () {
      const range = { since: t0 - 3_600_000, until: t0 + 1, cursor: "9", limit: 5 }
      const asked = {
        "INDEX audit_type (type=? AND seq>? AND seq<?)": { type: "CronJobCreated" },
        "INDEX audit_job (job_id=? AND seq>? AND seq<?)": { job: jobId(1) },
        "INDEX audit_job_name (job_name=? AND seq>? AND seq<?)": { job: "job-1" },
        "INDEX audit_run (run_id=? AND seq>? AND seq<?)": { run: "run_1" },
        "INDEX audit_actor (actor=? AND seq>? AND seq<?)": { actor: "test" },
        "INTEGER PRIMARY KEY (rowid>? AND rowid<?)": {}
      } as const
      for (const [index, filter] of Object.entries(asked)) {
        const plans = yield* plansOf(jobs, () => audited({ ...filter, ...range }))
        assertIndexed(plans)
        const [first = [], last = [], list = []] = plans.map(({ steps }) => steps)
        assert.deepStrictEqual(list, [`SEARCH audit USING ${index}`])
        for (const bound of [first, last]) {
          assert.match(bound.join(), /^SEARCH audit_hours USING INTEGER PRIMARY KEY \(rowid[<>]\?\)$/)
        }
      }
      const more = yield* plansOf(jobs, () =>
        Effect.flatMap(AuditLog, (log) =>
          Effect.zipRight(log.append([{ type: "ClockJumped", actor: "test" }], t0), log.verify())
        )
      )
      assertIndexed(more)
      const pages = more.filter(({ text }) => text.includes("ORDER BY seq LIMIT"))
      assert.isAbove(pages.length, 0)
      for (const { steps } of pages) {
        assert.deepStrictEqual(steps, [
          "SEARCH audit USING INTEGER PRIMARY KEY (rowid>?)",
          "CORRELATED SCALAR SUBQUERY 1",
          "SEARCH audit_hours USING INTEGER PRIMARY KEY (rowid=?)"
        ])
      }
    })
  )

  it.effect("the scanner's questions, each bounded", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(Effect.zipRight(jobs, look()), () =>
        Effect.gen(function* () {
          const store = yield* InvariantStore
          yield* store.overdueJobs(t0)
          yield* store.staleRuns(me, t0)
          yield* store.running(200)
          yield* store.unstartedRuns(t0)
          yield* store.overdueApprovals(t0)
          yield* store.waitingDeliveries(t0)
          yield* store.undelivered
          yield* change("UPDATE job_counts SET n = 1 WHERE status = 'active'")
          yield* change("INSERT INTO job_counts VALUES ('quarantined', 1)")
          yield* store.quarantined
          yield* store.unknownStates
          yield* store.auditTail
          yield* store.gauges
          yield* store.jobsNamed(["job-1", "job-2"])
        })
      )
      assertIndexed(
        plans.map(({ steps, text }) => ({
          text,
          // The latest rows, in the order of their ids, as many as the limit says.
          steps: /ORDER BY id DESC LIMIT/.test(text)
            ? steps.filter((step) => !/^SCAN (runs|deliveries) USING INDEX sqlite_autoindex/.test(step))
            : steps
        }))
      )
      for (const { steps, text } of plans) {
        assert.notMatch(steps.join("\n"), /SCAN approvals(?! USING (COVERING )?INDEX)/, text)
        assert.notMatch(steps.join("\n"), sorted, text)
      }
    })
  )

  it.effect("upkeep, each batch by an index", () =>
    Effect.gen(function* () {
      const plans = yield* plansOf(jobs, () =>
        Effect.gen(function* () {
          const { started } = yield* look()
          yield* finish(started[0]?.run ?? assert.fail("nothing started"))
          const store = yield* RetentionStore
          yield* store.lookAtClock((before) => before ?? { seen: t0, since: t0 })
          const { ids } = yield* store.endedBefore(t0 + 60_000, { finished_at: 0, id: "" }, 500)
          yield* store.removeRuns(ids.length === 0 ? [RunId.make(`run_${"0".repeat(26)}`)] : ids, "keep_runs")
          yield* store.keepers("", 500)
          yield* store.beyond({ id: jobId(1), keep_runs: 3 }, null, 500)
          yield* store.archiveSessions(t0, t0, 500)
          yield* store.removeArchives(t0, 500)
          yield* store.forgetKeys(t0, 500)
          yield* store.removeJobs(t0, 500)
          yield* store.prunedTo(jobId(1))
        })
      )
      assertIndexed(plans)
      const stepsOf = (text: string) => plans.find((plan) => plan.text.includes(text))?.steps.join("\n") ?? ""
      assert.match(stepsOf("SELECT id, finished_at"), /SEARCH runs USING INDEX runs_ended \(/)
      assert.notMatch(stepsOf("SELECT id, finished_at"), sorted)
      assert.match(stepsOf("AS keep_runs FROM jobs"), /jobs USING INDEX jobs_keep_runs/)
      const beyond = stepsOf("ORDER BY rowid DESC LIMIT")
      assert.match(beyond, /SEARCH runs USING INDEX runs_made \(job_id=\? AND rowid<\?\)/)
      assert.match(beyond, /SEARCH runs USING (COVERING )?INDEX runs_woken \(job_id=\?\)/)
      assert.match(beyond, /SEARCH later USING (COVERING )?INDEX runs_made \(job_id=\? AND rowid>\?\)/)
      assert.notMatch(beyond, sorted)
      for (const step of plans.flatMap(({ steps }) => steps)) {
        assert.notMatch(step, /^SCAN (sessions|session_archives|idempotency|jobs|runs|deliveries)(?! USING)/)
      }
    })
  )

  it.effect("what is deleted is looked for in all that refers to it by an index", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const tables = (yield* sql`SELECT name FROM sqlite_master WHERE type = 'table'`).map((row) => String(row["name"]))
      let found = 0
      for (const table of tables) {
        const indexes = yield* sql`SELECT (SELECT name FROM pragma_index_info(list.name) WHERE seqno = 0) AS first
          FROM pragma_index_list(${table}) AS list WHERE list.partial = 0`
        const leading = new Set(indexes.map((row) => row["first"]))
        for (const { from } of yield* sql`SELECT "from" FROM pragma_foreign_key_list(${table})`) {
          found++
          assert.isTrue(leading.has(from), `${table}.${String(from)} has no index`)
        }
      }
      assert.isAbove(found, 5)
    }).pipe(Effect.provide(layerOnClient(":memory:").pipe(Layer.provideMerge(layerDatabase(":memory:")))))
  )

  it.effect("a shared session, told of and cleared", () =>
    Effect.map(
      plansOf(jobs, () =>
        Effect.gen(function* () {
          const store = yield* SessionStore
          yield* store.describe("job-1")
          yield* store.clear("job-1", t0, () => ({ type: "SessionCleared", actor: "test" }))
          yield* store.known([])
        }).pipe(Effect.orDie)
      ),
      assertIndexed
    )
  )
})
