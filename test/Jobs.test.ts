import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Ref from "effect/Ref"
import type { AgentHandler } from "../src/Agents.ts"
import { DurationText } from "../src/Domain/Duration.ts"
import type { Job, JobStatus } from "../src/Domain/Job.ts"
import { Jobs } from "../src/Jobs.ts"
import { failure, scriptedAgent } from "../src/testing.ts"
import { audited } from "./support/Audit.ts"
import { create, define, engine, hour, minute, runsOf, second, statusesOf, until } from "./support/Engine.ts"

const agents = {
  agent: scriptedAgent({ answers: ({ input }) => `got ${input}` }),
  bad: scriptedAgent({ fails: failure("permanent", "no") }),
  slow: scriptedAgent({ takes: "10 seconds", answers: ({ input }) => `got ${input}` })
}

/** A job in each status, under the status's name; the clock is then at 2 minutes. */
const oneInEachStatus = Effect.gen(function* () {
  const jobs = yield* Jobs
  const at = "1970-01-01T00:01:00Z"
  yield* create({ name: "active", cron_expr: "0 * * * *" })
  yield* create({ name: "paused", cron_expr: "0 * * * *" })
  yield* jobs.pause("paused", "test")
  yield* create({ name: "completed", at })
  yield* create({ name: "failed", at, policy: { require_capabilities: ["fly"] } })
  yield* create({ name: "dead_letter", agent_id: "bad", every: "1m", max_retries: 1 })
  yield* until(2 * minute)
})

const statuses = ["active", "paused", "completed", "failed", "dead_letter"] as const

describe("the state of a job", () => {
  const actions = {
    pause: (ref: string) => Effect.flatMap(Jobs, (jobs) => jobs.pause(ref, "test")),
    resume: (ref: string) => Effect.flatMap(Jobs, (jobs) => jobs.resume(ref, "test")),
    reset: (ref: string) => Effect.flatMap(Jobs, (jobs) => jobs.reset(ref, "test")),
    "new at": (ref: string) =>
      Effect.flatMap(Jobs, (jobs) => jobs.update(ref, { at: "1970-01-01T09:00:00Z" }, { actor: "test" })),
    "new cron": (ref: string) =>
      Effect.flatMap(Jobs, (jobs) => jobs.update(ref, { cron_expr: "0 9 * * *" }, { actor: "test" })),
    "new input": (ref: string) => Effect.flatMap(Jobs, (jobs) => jobs.update(ref, { input: "x" }, { actor: "test" }))
  }
  const refused = "refused"
  const table: Record<keyof typeof actions, Record<JobStatus, JobStatus | typeof refused>> = {
    pause: { active: "paused", paused: "paused", completed: refused, failed: refused, dead_letter: refused },
    resume: { active: "active", paused: "active", completed: refused, failed: refused, dead_letter: refused },
    reset: { active: refused, paused: refused, completed: refused, failed: refused, dead_letter: "active" },
    "new at": { active: "active", paused: "paused", completed: "active", failed: "active", dead_letter: "dead_letter" },
    "new cron": {
      active: "active",
      paused: "paused",
      completed: "active",
      failed: "active",
      dead_letter: "dead_letter"
    },
    "new input": {
      active: "active",
      paused: "paused",
      completed: "completed",
      failed: "failed",
      dead_letter: "dead_letter"
    }
  }

  for (const [action, row] of Object.entries(table)) {
    const act: (ref: string) => Effect.Effect<Job, { readonly _tag: string }, Jobs> =
      actions[action as keyof typeof actions]
    it.effect(`after ${action}: ${statuses.map((status) => `${status} -> ${row[status]}`).join(", ")}`, () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* oneInEachStatus
        for (const status of statuses) {
          const before = yield* jobs.get(status)
          assert.strictEqual(before.status, status)
          const result = yield* Effect.either(act(status))
          const after = yield* jobs.get(status)
          if (row[status] === refused) {
            assert.isTrue(Either.isLeft(result) && result.left._tag === "JobStateConflict", status)
            assert.deepStrictEqual(after, before)
          } else {
            assert.isTrue(Either.isRight(result), status)
            assert.strictEqual(after.status, row[status], status)
            const scheduled = after.status === "active" || after.status === "paused"
            assert.strictEqual(after.next_run !== null, scheduled, status)
          }
        }
      }).pipe(Effect.provide(engine(agents)))
    )
  }

  it.effect("of a paused job keeps its next run, counters and history, and nothing fires", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "job", agent_id: "bad", every: "1m" })
      yield* until(minute + second)
      const before = yield* jobs.get("job")
      const paused = yield* jobs.pause("job", "test")
      assert.deepStrictEqual(
        [paused.next_run, paused.last_run, paused.failure_count, paused.paused_by],
        [before.next_run, before.last_run, 1, "operator"]
      )
      assert.strictEqual(paused.next_run, 2 * minute)
      yield* until(10 * minute + 30 * second)
      assert.strictEqual((yield* runsOf("job")).length, 1)
      assert.deepStrictEqual((yield* jobs.upcoming("job", 3)).upcoming, [])
      const resumed = yield* jobs.resume("job", "test")
      assert.deepStrictEqual([resumed.next_run, resumed.failure_count, resumed.paused_by], [11 * minute, 1, null])
      yield* until(11 * minute)
      assert.deepStrictEqual(
        (yield* runsOf("job")).map((run) => run.scheduled_for),
        [minute, 11 * minute]
      )
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("paused lets a run in flight finish; deleted too, and its history stays readable by run id", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "paused", agent_id: "slow", every: "1m" })
      const { id } = yield* create({ name: "deleted", agent_id: "slow", every: "1m" })
      yield* until(minute + second)
      const [run] = yield* runsOf("deleted")
      yield* jobs.pause("paused", "test")
      assert.strictEqual(yield* jobs.remove("deleted", "test"), id)
      yield* until(5 * minute)
      assert.deepStrictEqual(yield* statusesOf("paused"), ["succeeded"])
      assert.strictEqual((yield* jobs.getRun(run?.id ?? "")).status, "succeeded")
      assert.strictEqual((yield* Effect.flip(jobs.get("deleted")))._tag, "JobNotFound")
      assert.strictEqual((yield* Effect.flip(jobs.remove("deleted", "test")))._tag, "JobNotFound")
      yield* create({ name: "deleted", every: "1m" })
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("and every change of it are on record; history outlives pause, resume and update", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const job = yield* create({ name: "job", every: "1m", webhook_headers: { "X-Key": "secret" } })
      yield* until(2 * minute)
      yield* jobs.pause("job", "ada")
      yield* jobs.resume("job", "ada")
      yield* jobs.update(
        "job",
        { every: DurationText.make("2m"), webhook_headers: { "X-Key": "secret2" } },
        { actor: "bob" }
      )
      yield* until(4 * minute)
      assert.deepStrictEqual(
        (yield* runsOf("job")).map((run) => run.scheduled_for),
        [minute, 2 * minute, 4 * minute]
      )
      const events = (yield* audited({ job: job.id, limit: 100 })).toReversed()
      assert.deepStrictEqual(
        events.map((event) => [event.type, event.actor] as const),
        [
          ["CronJobCreated", "test"],
          ["CronJobExecuted", "scheduler"],
          ["CronJobExecuted", "scheduler"],
          ["CronJobPaused", "ada"],
          ["CronJobResumed", "ada"],
          ["CronJobUpdated", "bob"],
          ["CronJobExecuted", "scheduler"]
        ]
      )
      assert.deepStrictEqual(events[5]?.before, { every: "1m", webhook_headers: "[redacted]" })
      assert.deepStrictEqual(events[5]?.after, { every: "2m", webhook_headers: "[redacted]" })
    }).pipe(Effect.provide(engine(agents)))
  )
})

describe("an edit", () => {
  it.effect("of the trigger counts from now and fires nothing; all else stays", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const created = yield* create({ name: "job", cron_expr: "0 * * * *", input: "x", labels: ["a"] })
      yield* until(30 * minute + 10 * second)
      const edited = yield* jobs.update("job", { cron_expr: "*/10 * * * *" }, { actor: "test" })
      assert.deepStrictEqual(
        [edited.next_run, edited.version, edited.input, edited.labels, edited.id],
        [40 * minute, created.version + 1, "x", ["a"], created.id]
      )
      yield* until(39 * minute)
      assert.deepStrictEqual(yield* runsOf("job"), [])
      const every = yield* jobs.update("job", { every: DurationText.make("7m") }, { actor: "test" })
      assert.isUndefined(every.cron_expr)
      assert.strictEqual(every.next_run, 46 * minute)
      yield* until(47 * minute)
      assert.deepStrictEqual(
        (yield* runsOf("job")).map((run) => run.scheduled_for),
        [46 * minute]
      )
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("of something else leaves the next run where it is, and null clears a field", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "job", every: "10m", input: "x" })
      yield* until(4 * minute)
      const edited = yield* jobs.update(
        "job",
        { input: null, max_retries: 7, name: define({ name: "new" }).name },
        {
          actor: "test"
        }
      )
      assert.deepStrictEqual(
        [edited.next_run, edited.input, edited.max_retries, edited.name as string],
        [10 * minute, undefined, 7, "new"]
      )
      assert.strictEqual((yield* Effect.flip(jobs.get("job")))._tag, "JobNotFound")
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("of a stale version, to a taken name, or to a trigger that never fires changes nothing", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "job", every: "10m" })
      yield* create({ name: "other", every: "10m" })
      const before = yield* jobs.get("job")
      const update = (patch: Parameters<typeof jobs.update>[1], ifVersion?: number) =>
        Effect.map(Effect.flip(jobs.update("job", patch, { actor: "test", ifVersion })), (error) => error._tag)
      assert.strictEqual(yield* update({ input: "x" }, 99), "JobVersionMismatch")
      assert.strictEqual(yield* update({ name: define({ name: "other" }).name }), "JobNameTaken")
      assert.strictEqual(yield* update({ cron_expr: "0 0 31 2 *" }), "JobInvalid")
      assert.strictEqual(yield* update({ cron_expr: "61 * * * *" }), "JobInvalid")
      assert.deepStrictEqual(yield* jobs.get("job"), before)
      assert.strictEqual(
        (yield* Effect.flip(jobs.create(define({ name: "job", every: "1m" }), "test")))._tag,
        "JobNameTaken"
      )
    }).pipe(Effect.provide(engine(agents)))
  )
})

describe("a list of jobs", () => {
  it.effect("is filtered by status, agent and label together, in order of creation, page by page", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      for (let n = 0; n < 12; n++) {
        yield* create({
          name: `job-${n}`,
          agent_id: n % 2 === 0 ? "agent" : "bad",
          every: "1h",
          labels: n % 3 === 0 ? ["three"] : []
        })
      }
      for (const n of [0, 1, 2, 3]) yield* jobs.pause(`job-${n}`, "test")
      const names = (filter: Omit<Parameters<typeof jobs.list>[0], "limit">, limit = 100) =>
        Effect.map(jobs.list({ ...filter, limit }), ({ items }) => items.map((job) => job.name as string))
      assert.deepStrictEqual(yield* names({ status: "paused" }), ["job-0", "job-1", "job-2", "job-3"])
      assert.deepStrictEqual(yield* names({ agent_id: "bad", status: "paused" }), ["job-1", "job-3"])
      assert.deepStrictEqual(yield* names({ agent_id: "agent", status: "active", label: "three" }), ["job-6"])
      assert.deepStrictEqual(yield* names({ agent_id: "nobody" }), [])
      const all: Array<string> = []
      let cursor: string | undefined
      do {
        const page = yield* jobs.list({ limit: 5, cursor })
        all.push(...page.items.map((job) => job.name))
        cursor = page.next ?? undefined
      } while (cursor !== undefined)
      assert.deepStrictEqual(
        all,
        Array.from({ length: 12 }, (_, n) => `job-${n}`)
      )
    }).pipe(Effect.provide(engine(agents)))
  )
})

describe("a run by hand", () => {
  it.effect("is running at once, gets exactly its input, and leaves the schedule alone", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "job", agent_id: "slow", cron_expr: "0 * * * *", input: "usual" })
      yield* until(10 * minute)
      const input = 'Check "production"\n  database ü '
      const run = yield* jobs.runNow("job", { actor: "test", input })
      assert.deepStrictEqual([run.status, run.trigger, run.scheduled_for], ["running", "manual", 10 * minute])
      assert.strictEqual((yield* jobs.get("job")).next_run, hour)
      yield* until(11 * minute)
      assert.strictEqual((yield* jobs.getRun(run.id)).output, `got ${input}`)
      yield* jobs.runNow("job", { actor: "test" })
      yield* until(12 * minute)
      assert.strictEqual((yield* jobs.getRun((yield* runsOf("job"))[1]?.id ?? "")).output, "got usual")
      assert.strictEqual((yield* jobs.get("job")).next_run, hour)
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("works in every state of the job and changes none, but for the failures it adds", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* oneInEachStatus
      for (const status of statuses) {
        const before = yield* jobs.get(status)
        const run = yield* jobs.runNow(status, { actor: "test" })
        yield* until((yield* Effect.clockWith((clock) => clock.currentTimeMillis)) + second)
        const expected = status === "failed" ? "denied" : status === "dead_letter" ? "failed" : "succeeded"
        assert.strictEqual((yield* jobs.getRun(run.id)).status, expected, status)
        const after = yield* jobs.get(status)
        assert.deepStrictEqual([after.status, after.next_run], [before.status, before.next_run])
      }
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("with an idempotency key is made once in 24 hours; another request under the key is refused", () =>
    Effect.gen(function* () {
      const calls = yield* Ref.make(0)
      const agent: AgentHandler = () =>
        Effect.as(
          Ref.update(calls, (n) => n + 1),
          { output: "" }
        )
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "job", every: "30d" })
        yield* create({ name: "other", every: "30d" })
        const run = (input: string, idempotencyKey = "key", ref = "job") =>
          jobs.runNow(ref, { actor: "test", input, idempotencyKey })
        const first = yield* run("a")
        yield* until(minute)
        const repeated = yield* run("a")
        assert.strictEqual(repeated.id, first.id)
        assert.strictEqual(repeated.status, "succeeded")
        assert.strictEqual((yield* Effect.flip(run("b")))._tag, "IdempotencyConflict")
        assert.notStrictEqual((yield* run("b", "another")).id, first.id)
        assert.notStrictEqual((yield* run("a", "key", "other")).id, first.id)
        yield* until(2 * minute)
        assert.strictEqual(yield* Ref.get(calls), 3)
      }).pipe(Effect.provide(engine({ agent })))
    })
  )

  it.effect("of a job that nobody knows is refused", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      assert.strictEqual((yield* Effect.flip(jobs.runNow("nobody", { actor: "test" })))._tag, "JobNotFound")
      assert.strictEqual((yield* Effect.flip(jobs.getRun("run_x")))._tag, "RunNotFound")
    }).pipe(Effect.provide(engine(agents)))
  )
})

describe("history", () => {
  it.effect("is newest first, filtered before it is limited", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "job", agent_id: "alternating", every: "1m", max_retries: 100 })
      yield* until(9 * minute)
      const slots = (filter: Parameters<typeof jobs.history>[1]) =>
        Effect.map(jobs.history("job", filter), ({ items }) => items.map((run) => run.scheduled_for / minute))
      assert.deepStrictEqual(yield* slots({ limit: 3 }), [9, 8, 7])
      assert.deepStrictEqual(yield* slots({ limit: 3, status: "failed" }), [8, 6, 4])
      const first = yield* jobs.history("job", { limit: 4 })
      assert.deepStrictEqual(yield* slots({ limit: 4, cursor: first.next ?? "" }), [5, 4, 3, 2])
    }).pipe(
      Effect.provide(
        engine({
          alternating: ({ run }) =>
            ((run?.scheduled_for ?? 0) / minute) % 2 === 0
              ? Effect.fail(failure("permanent", "even"))
              : Effect.succeed({ output: "odd" })
        })
      )
    )
  )
})
