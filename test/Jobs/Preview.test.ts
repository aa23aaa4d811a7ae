import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Policy } from "../../src/Domain/Policy.ts"
import type { TriggerSpec } from "../../src/Domain/Schedule.ts"
import { Jobs } from "../../src/Jobs.ts"
import { failure, scriptedAgent } from "../../src/testing.ts"
import { create, engine, hour, instant, minute, runsOf, second, until } from "../support/Engine.ts"

const agents = { agent: scriptedAgent({}), bad: scriptedAgent({ fails: failure("permanent", "no") }) }

/** Sets the clock before the engine is built: moving it on from 1970 would mean a look a minute. */
const from =
  (millis: number) =>
  <A, E, R>(test: Effect.Effect<A, E, R>) =>
    Effect.zipRight(until(millis), test)

const jitterNote = (most: string) =>
  `each start is delayed by 0 to ${most} (jitter), never past the next slot; the delay of a slot is the same whenever it is asked`

const preview = (
  trigger: { readonly [K in keyof TriggerSpec]?: unknown },
  options: { from?: number; count?: number; name?: string; policy?: unknown; max_jitter?: number } = {}
) =>
  Effect.flatMap(Jobs, (jobs) =>
    jobs.preview(trigger as TriggerSpec, { count: 5, ...options, policy: options.policy as Policy | undefined })
  )

describe("the next instants of a job", () => {
  it.effect("start where its runs do start, jitter and all, and what is foretold as denied is denied", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({
        name: "night",
        cron_expr: "0,45 */2 * * *",
        timezone: "Europe/Berlin",
        policy: { allowed_hours: { start: "21:00", end: "01:00" } }
      })
      const foretold = yield* jobs.upcoming("night", 6)
      assert.strictEqual(foretold.next_run, instant("2026-03-28T21:00:00Z"))
      assert.strictEqual(foretold.upcoming[0], foretold.next_run)
      assert.strictEqual(foretold.timezone, "Europe/Berlin")
      assert.deepStrictEqual(foretold.local.slice(-3), [
        "2026-03-29 00:45:00 Europe/Berlin",
        "2026-03-29 04:00:00 Europe/Berlin",
        "2026-03-29 04:45:00 Europe/Berlin"
      ])
      assert.include(foretold.notes[0] ?? "", "2026-03-29: 2 slots from 02:00 to 02:45 do not exist in Europe/Berlin")
      assert.deepStrictEqual(foretold.notes.slice(-2), [
        "2 of these 6 slots lie outside allowed_hours and would be denied, the first at 2026-03-29T02:00:00Z: it is 02:00 UTC; allowed from 21:00 until before 01:00 UTC",
        jitterNote("30s")
      ])
      assert.isTrue(foretold.starts.some((start, index) => start !== foretold.upcoming[index]))

      yield* until(instant("2026-03-29T02:50:00Z"))
      const runs = yield* runsOf("night")
      assert.deepStrictEqual(
        runs.map((run) => run.scheduled_for),
        [...foretold.upcoming]
      )
      assert.deepStrictEqual(
        runs.map((run) => run.started_at),
        [...foretold.starts]
      )
      assert.deepStrictEqual(
        runs.map((run) => run.status),
        ["succeeded", "succeeded", "succeeded", "succeeded", "denied", "denied"]
      )
      assert.strictEqual((yield* jobs.upcoming("night", 1)).next_run, (yield* jobs.get("night")).next_run)
    }).pipe(
      Effect.provide(engine(agents, { scheduler: { max_jitter_seconds: 30 } })),
      from(instant("2026-03-28T20:59:00Z"))
    )
  )

  it.effect("stay before the next slot, whatever the jitter, for the last one asked for too", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "wide", cron_expr: "* * * * *", max_jitter: 3_600 })
      const { notes, starts, upcoming } = yield* jobs.upcoming("wide", 3)
      assert.deepStrictEqual(upcoming, [minute, 2 * minute, 3 * minute])
      assert.deepStrictEqual(notes, [jitterNote("1h")])
      yield* until(4 * minute)
      assert.deepStrictEqual(
        (yield* runsOf("wide")).slice(0, 3).map((run) => run.started_at),
        [...starts]
      )
      assert.isBelow(starts[2] ?? Infinity, 4 * minute)
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("are none for a job that is not active, and a note says why", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const idle = (ref: string) =>
        Effect.map(jobs.upcoming(ref, 3), ({ local, next_run, notes, starts, upcoming }) => {
          assert.deepStrictEqual([next_run, upcoming, local, starts], [null, [], [], []])
          return notes
        })
      yield* create({ name: "once", at: new Date(minute).toISOString() })
      yield* create({ name: "broken", agent_id: "bad", every: "1m", max_retries: 1 })
      yield* create({ name: "held", every: "1m" })
      yield* jobs.pause("held", "test")
      yield* until(minute + second)
      assert.deepStrictEqual(yield* idle("held"), [
        "paused by operator, so nothing is due; resume it (symbi cron resume held)"
      ])
      assert.deepStrictEqual(yield* idle("broken"), [
        "dead-lettered after 1 failed run in a row, so nothing is due; reset it (symbi cron reset broken)"
      ])
      assert.deepStrictEqual(yield* idle("once"), [
        "completed: it was to run once and has; give it a new trigger to make it due again"
      ])
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("tell what its policy and its agent will deny for certain", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const notes = (fields: Parameters<typeof create>[0]) =>
        Effect.zipRight(
          create({ every: "1h", ...fields }),
          Effect.map(jobs.upcoming(fields.name, 2), (found) => found.notes)
        )
      assert.deepStrictEqual(yield* notes({ name: "plain" }), [])
      assert.deepStrictEqual(yield* notes({ name: "lost", agent_id: "nobody" }), [
        'both slots would be denied (unknown_agent): no agent named "nobody" is loaded'
      ])
      const asking = { require_approval: true, approvers: ["ada", "bob"] }
      assert.deepStrictEqual(yield* notes({ name: "asks", policy: asking }), [
        "both slots would wait for approval by ada or bob"
      ])
      assert.deepStrictEqual(yield* notes({ name: "skilled", policy: { require_capabilities: ["deploy"] } }), [
        'both slots would be denied (require_capabilities): agent "agent" lacks the capability "deploy"'
      ])
    }).pipe(Effect.provide(engine(agents)))
  )
})

describe("the preview of a trigger", () => {
  it.effect("takes zone and jitter from the service, and H from the name that the job will have", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const seen = yield* preview({ cron_expr: "H 9 * * *" }, { name: "daily-report", count: 1 })
      const job = yield* create({ name: "daily-report", cron_expr: "H 9 * * *" })
      assert.deepStrictEqual([...seen.upcoming], [job.next_run ?? 0])
      assert.deepStrictEqual([seen.timezone, seen.description], ["Asia/Tokyo", "At 09:44"])
      assert.deepStrictEqual(seen.local, ["2026-03-11 09:44:00 Asia/Tokyo"])
      assert.deepStrictEqual(seen.notes, [
        'H stands for "44 9 * * *"; it is drawn from the job\'s name ("daily-report")',
        jitterNote("5s")
      ])
      assert.deepStrictEqual((yield* preview({ cron_expr: "0 9 * * *" }, { max_jitter: 0 })).notes, [])
      assert.lengthOf((yield* jobs.list({ limit: 10 })).items, 1)
    }).pipe(
      Effect.provide(engine(agents, { scheduler: { timezone: "Asia/Tokyo", max_jitter_seconds: 5 } })),
      from(instant("2026-03-10T12:00:00Z"))
    )
  )

  it.effect("begins after `from`, and says what the policy would deny", () =>
    Effect.gen(function* () {
      const nine = instant("2026-01-05T09:00:00Z")
      const hours = { allowed_hours: { start: "09:00", end: "12:00", timezone: "Europe/Berlin" } }
      const hourly = yield* preview({ cron_expr: "0 * * * *" }, { from: nine, count: 4, policy: hours })
      assert.deepStrictEqual(
        hourly.upcoming,
        [1, 2, 3, 4].map((n) => nine + n * hour)
      )
      // 11:00 in Berlin is within; 12:00 is not, as the end is exclusive.
      assert.deepStrictEqual(hourly.notes, [
        "3 of these 4 slots lie outside allowed_hours and would be denied, the first at 2026-01-05T11:00:00Z: it is 12:00 Europe/Berlin; allowed from 09:00 until before 12:00 Europe/Berlin"
      ])
      const elsewhere = yield* preview(
        { every: "2h" },
        { from: nine, count: 3, policy: { allowed_environments: ["prod"] } }
      )
      assert.deepStrictEqual(elsewhere.notes, [
        "counts from the instant at which the job is created (here taken as 2026-01-05T09:00:00Z), not from the full hour or day",
        "all 3 slots would be denied (allowed_environments): the environment is development; allowed: prod"
      ])
      // The agent is not known here, so nothing is said of what it can.
      const skilled = yield* preview({ every: "2h" }, { from: nine, policy: { require_capabilities: ["deploy"] } })
      assert.lengthOf(skilled.notes, 1)
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("of a time that is past has no instants, and says so", () =>
    Effect.gen(function* () {
      const past = yield* preview({ at: "2020-01-01T00:00:00Z" }, { from: instant("2026-01-01T00:00:00Z") })
      assert.deepStrictEqual(past.upcoming, [])
      assert.deepStrictEqual(past.notes, [
        "its only slot, 2020-01-01T00:00:00Z, is already past; a new job at that time is refused unless misfire is set"
      ])
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("refuses what a job would refuse, each thing named", () =>
    Effect.gen(function* () {
      const refused = (trigger: Parameters<typeof preview>[0]) =>
        Effect.map(Effect.flip(preview(trigger)), ({ issues }) =>
          issues.map(({ path, message }) => `${path}: ${message}`)
        )
      assert.deepStrictEqual(yield* refused({ cron_expr: "61 9 * * 8" }), [
        "cron_expr: minute: 61 is out of range 0-59",
        "cron_expr: day-of-week: 8 is out of range 0-7"
      ])
      assert.deepStrictEqual(yield* refused({}), [": set exactly one of cron_expr, every and at; none is set"])
      assert.deepStrictEqual(yield* refused({ every: "500ms" }), ["every: 500ms is too short; the shortest is 1s"])
      assert.deepStrictEqual(yield* refused({ cron_expr: "@every 10ms" }), [
        "cron_expr: 10ms is too short; the shortest is 1s"
      ])
    }).pipe(Effect.provide(engine(agents)))
  )
})
