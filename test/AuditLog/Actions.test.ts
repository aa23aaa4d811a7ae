import { SqlClient } from "@effect/sql/SqlClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as FastCheck from "fast-check"
import { AuditLog } from "../../src/AuditLog.ts"
import type { AuditType } from "../../src/Domain/Audit.ts"
import { layerDatabase } from "../../src/JobStore/Database.ts"
import { detailOf } from "../../src/JobStore/Details.ts"
import { layerOnClient } from "../../src/JobStore/Sqlite.ts"
import { Jobs } from "../../src/Jobs.ts"
import { failure, scriptedAgent } from "../../src/testing.ts"
import { audited } from "../support/Audit.ts"
import { define, engine, runsOf } from "../support/Engine.ts"

const filename = ":memory:"
const onClient = Layer.orDie(layerOnClient(filename).pipe(Layer.provideMerge(layerDatabase(filename))))

const agents = {
  agent: scriptedAgent({}),
  failing: scriptedAgent({ fails: failure("permanent", "it broke") }),
  slow: scriptedAgent({ takes: "1 hour" })
}

const names = ["a", "b", "c"] as const
const agentNames = ["agent", "failing", "slow", "unknown"] as const

/** Something that a person may ask for; much of it is refused, depending on what was done before. */
const operation = FastCheck.record({
  what: FastCheck.constantFrom(
    "create",
    "create",
    "update",
    "rename",
    "pause",
    "resume",
    "reset",
    "remove",
    "run",
    "run",
    "cancel",
    "backfill",
    "wait"
  ),
  job: FastCheck.constantFrom(...names),
  agent: FastCheck.constantFrom(...agentNames),
  other: FastCheck.constantFrom(...names)
})
type Operation = typeof operation extends FastCheck.Arbitrary<infer O> ? O : never

const by = "somebody"

/** Does one thing; gives the events that it alone must have written, if it was not refused. */
const perform = ({ agent, job, other, what }: Operation) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const before = yield* Effect.option(jobs.get(job))
    const status = before._tag === "Some" ? before.value.status : undefined
    switch (what) {
      case "create":
        yield* jobs.create(define({ name: job, agent_id: agent, cron_expr: "0 0 1 1 *", max_retries: 2 }), by)
        return ["CronJobCreated"]
      case "update":
        yield* jobs.update(
          job,
          { agent_id: define({ name: job, agent_id: agent, every: "1h" }).agent_id },
          { actor: by }
        )
        return ["CronJobUpdated"]
      case "rename":
        yield* jobs.update(job, { name: define({ name: other, every: "1h" }).name }, { actor: by })
        return ["CronJobUpdated"]
      case "pause":
        yield* jobs.pause(job, by)
        return status === "paused" ? [] : ["CronJobPaused"]
      case "resume":
        yield* jobs.resume(job, by)
        return status === "active" ? [] : ["CronJobResumed"]
      case "reset":
        yield* jobs.reset(job, by)
        return ["CronJobReset"]
      case "remove":
        yield* jobs.remove(job, by)
        return ["CronJobDeleted"]
      case "run":
        yield* jobs.runNow(job, { actor: by })
        return []
      case "cancel": {
        const [live] = (yield* jobs.history(job, { limit: 1 })).items
        if (live === undefined) return []
        yield* jobs.cancelRun(live.id, by)
        return ["RunCancelled"]
      }
      case "backfill":
        yield* jobs.backfill(
          job,
          { from: "1969-01-01T00:00:00Z", to: "1970-01-01T00:00:00Z", dry_run: agent === "slow" },
          by
        )
        return agent === "slow" ? [] : ["CronJobBackfilled"]
      case "wait":
        yield* TestClock.adjust("10 minutes")
        return []
    }
  }) as Effect.Effect<ReadonlyArray<AuditType>, unknown, Jobs>

/** What a run's end must have written, by its status. */
const ends: Readonly<Record<string, AuditType>> = {
  succeeded: "CronJobExecuted",
  failed: "CronJobFailed",
  timed_out: "CronJobFailed",
  denied: "CronJobDenied",
  cancelled: "RunCancelled"
}

const counted = (types: Iterable<string>) => {
  const counts: Record<string, number> = {}
  for (const type of types) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

const tables = ["jobs", "runs", "attempts", "deliveries", "sessions", "audit", "idempotency", "counters"]

/** All that the store holds, but for what only tells that the service lives. */
const stored = Effect.gen(function* () {
  const sql = yield* SqlClient
  return JSON.stringify(yield* Effect.forEach(tables, (table) => sql.unsafe(`SELECT * FROM ${table} ORDER BY 1, 2`)))
})

const refusing = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql`CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room for this entry'); END`
    return yield* Effect.ensuring(body, Effect.orDie(sql`DROP TRIGGER refuse`))
  })

describe("every action", () => {
  it.effect(
    "that was done is in the audit log once, and none that was refused",
    () =>
      Effect.forEach(
        FastCheck.sample(FastCheck.array(operation, { minLength: 15, maxLength: 30 }), { numRuns: 25, seed: 178 }),
        (operations) =>
          Effect.gen(function* () {
            const expected: Array<string> = []
            const cancelled: Array<string> = []
            for (const one of operations) {
              const seen = yield* Effect.map(audited({ limit: 1_000 }), (events) => events.length)
              const done = yield* Effect.exit(perform(one))
              if (Exit.isSuccess(done)) {
                const events = (yield* audited({ limit: 1_000 })).slice(0, -seen || undefined)
                for (const type of done.value) {
                  const own = events.filter((event) => event.type === type && event.actor === by)
                  assert.strictEqual(own.length, 1, `${one.what} ${one.job}: ${JSON.stringify(events)}`)
                }
                expected.push(...done.value.filter((type) => type !== "RunCancelled"))
                cancelled.push(...done.value.filter((type) => type === "RunCancelled"))
              }
            }
            yield* TestClock.adjust("2 hours")
            const sql = yield* SqlClient
            const runs = yield* sql`SELECT status FROM runs`
            const events = yield* audited({ limit: 1_000 })
            const dead = events.filter(({ type }) => type === "CronJobDeadLettered").length
            const ofRuns = runs.flatMap((run) => ends[String(run["status"])] ?? [])
            assert.deepStrictEqual(counted(events.map(({ type }) => type)), {
              ...counted([...expected, ...ofRuns]),
              ...(dead === 0 ? {} : { CronJobDeadLettered: dead })
            })
            assert.isAtMost(cancelled.length, ofRuns.filter((type) => type === "RunCancelled").length)
            assert.isTrue((yield* (yield* AuditLog).verify()).ok)
          }).pipe(Effect.provide(engine(agents, { store: onClient }).pipe(Layer.provideMerge(onClient)))),
        { discard: true }
      ),
    120_000
  )

  it.effect("whose event cannot be written fails whole: nothing of it is stored", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      for (const name of ["a", "b", "dead"]) {
        yield* jobs.create(
          define({ name, agent_id: name === "dead" ? "failing" : "slow", cron_expr: "0 0 1 1 *", max_retries: 1 }),
          by
        )
      }
      yield* jobs.pause("b", by)
      yield* jobs.runNow("dead", { actor: by })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* jobs.get("dead")).status, "dead_letter")
      const waiting = yield* jobs.runNow("a", { actor: by })
      const queued = yield* jobs.runNow("a", { actor: by, queue: true })
      assert.deepStrictEqual([waiting.status, queued.status], ["running", "pending"])
      const actions: Readonly<Record<string, Effect.Effect<unknown, unknown>>> = {
        create: jobs.create(define({ name: "new", every: "1h" }), by),
        update: jobs.update("a", { max_concurrent: 2 }, { actor: by }),
        pause: jobs.pause("a", by),
        resume: jobs.resume("b", by),
        reset: jobs.reset("dead", by),
        remove: jobs.remove("a", by),
        cancel: jobs.cancelRun(queued.id, by),
        backfill: jobs.backfill("a", { from: "1969-01-01T00:00:00Z", to: "1970-01-01T00:00:00Z" }, by)
      }
      for (const [name, action] of Object.entries(actions)) {
        const before = yield* stored
        const exit = yield* refusing(Effect.exit(action))
        assert.isTrue(Exit.isFailure(exit), name)
        assert.include(
          Exit.match(exit, { onFailure: (cause) => detailOf(Cause.squash(cause)), onSuccess: () => "" }),
          "no room for this entry",
          name
        )
        assert.strictEqual(yield* stored, before, name)
      }
      for (const action of Object.values(actions)) yield* Effect.ignore(action)
      assert.isTrue((yield* (yield* AuditLog).verify()).ok)
      assert.strictEqual((yield* runsOf("b")).length, 0)
    }).pipe(Effect.provide(engine(agents, { store: onClient }).pipe(Layer.provideMerge(onClient))))
  )
})
