import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import type { BackfillRequest } from "../../src/Domain/Backfill.ts"
import { DurationText } from "../../src/Domain/Duration.ts"
import { formatInstant } from "../../src/Domain/Instant.ts"
import type { RunStatus } from "../../src/Domain/Run.ts"
import type { TriggerSpec } from "../../src/Domain/Schedule.ts"
import { makeRecurrence } from "../../src/index.ts"
import { askedSlots, planBackfill } from "../../src/Jobs/Backfill.ts"
import { nthJob } from "../JobStore/fixtures.ts"
import { hour, instant } from "../support/Engine.ts"

const now = instant("2026-03-10T12:30:00Z")
const created = instant("2026-03-10T09:00:00Z")

const asked = (trigger: TriggerSpec, request: BackfillRequest, job: Partial<Parameters<typeof askedSlots>[0]> = {}) => {
  const recurrence = Either.getOrThrow(makeRecurrence(trigger, { name: "job", anchor: created, timezone: "UTC" }))
  return askedSlots({ status: "paused", next_run: null, anchor: created, ...job }, recurrence, request, now)
}

const slotsOf = (...args: Parameters<typeof asked>) => Either.getOrThrow(asked(...args)).slots.map(formatInstant)

const refusal = (request: BackfillRequest, trigger: TriggerSpec = { cron_expr: "0 * * * *" }) =>
  Either.match(asked(trigger, request), { onLeft: ({ issues }) => issues, onRight: () => [] })

describe("the slots that a backfill asks for", () => {
  it("begin with from and end before to", () => {
    assert.deepStrictEqual(
      slotsOf({ cron_expr: "0 * * * *" }, { from: "2026-03-10T08:00:00Z", to: "2026-03-10T11:00:00Z" }),
      ["2026-03-10T08:00:00.000Z", "2026-03-10T09:00:00.000Z", "2026-03-10T10:00:00.000Z"]
    )
  })

  it("reach to now when no end is given", () => {
    const found = asked({ cron_expr: "30 * * * *" }, { from: "2026-03-10T10:30:00.001Z" })
    assert.deepStrictEqual(Either.getOrThrow(found), {
      from: instant("2026-03-10T10:30:00.001Z"),
      to: now,
      timezone: "UTC",
      slots: [instant("2026-03-10T11:30:00Z")]
    })
  })

  it("are read in the job's zone unless an offset says otherwise; a date is its midnight", () => {
    const trigger = { cron_expr: "0 9 * * *", timezone: "Asia/Tokyo" }
    const found = Either.getOrThrow(asked(trigger, { from: "2026-03-05", to: "2026-03-07T09:00+09:00" }))
    assert.deepStrictEqual([found.from, found.to].map(formatInstant), [
      "2026-03-04T15:00:00.000Z",
      "2026-03-07T00:00:00.000Z"
    ])
    assert.deepStrictEqual(found.slots.map(formatInstant), ["2026-03-05T00:00:00.000Z", "2026-03-06T00:00:00.000Z"])
  })

  it("are 25 on the long day of an hourly job, 23 on the short one, and one of a job at a fixed time", () => {
    const hourly = { cron_expr: "0 * * * *", timezone: "Europe/Berlin" }
    assert.lengthOf(slotsOf(hourly, { from: "2025-10-26", to: "2025-10-27" }), 25)
    assert.lengthOf(slotsOf(hourly, { from: "2025-03-30", to: "2025-03-31" }), 23)
    const fixed = { cron_expr: "30 2 * * *", timezone: "Europe/Berlin" }
    assert.deepStrictEqual(slotsOf(fixed, { from: "2025-10-26", to: "2025-10-27" }), ["2025-10-26T00:30:00.000Z"])
    assert.deepStrictEqual(slotsOf(fixed, { from: "2025-03-30", to: "2025-03-31" }), ["2025-03-30T01:00:00.000Z"])
  })

  it("of a period begin one period after its start", () => {
    assert.deepStrictEqual(
      slotsOf({ every: DurationText.make("1h") }, { from: "2026-03-01", to: "2026-03-10T11:30:00Z" }),
      ["2026-03-10T10:00:00.000Z", "2026-03-10T11:00:00.000Z"]
    )
    assert.deepStrictEqual(slotsOf({ every: DurationText.make("1h") }, { from: "2026-03-01", to: "2026-03-10" }), [])
  })

  it("of a one-shot are its only one", () => {
    const once = { at: "2026-03-10T09:30:00Z" }
    assert.deepStrictEqual(slotsOf(once, { from: "2026-03-10" }), ["2026-03-10T09:30:00.000Z"])
    assert.deepStrictEqual(slotsOf(once, { from: "2026-03-10T09:31:00Z" }), [])
  })

  it("do not take what is due but not claimed yet from the schedule of an active job", () => {
    const request = { from: "2026-03-10T10:00:00Z" }
    const due = { next_run: instant("2026-03-10T12:00:00Z") }
    assert.lengthOf(slotsOf({ cron_expr: "0 * * * *" }, request, { status: "active", ...due }), 2)
    assert.lengthOf(slotsOf({ cron_expr: "0 * * * *" }, request, { status: "paused", ...due }), 3)
  })

  it("may be 1,000, and not one more", () => {
    const minutely = { cron_expr: "* * * * *" }
    assert.lengthOf(slotsOf(minutely, { from: "2026-03-09T00:00Z", to: "2026-03-09T16:40Z" }), 1_000)
    assert.deepStrictEqual(refusal({ from: "2026-03-09T00:00Z", to: "2026-03-09T16:41Z" }, minutely), [
      {
        path: "from",
        message:
          "1001 slots from 2026-03-09T00:00:00.000Z to 2026-03-09T16:41:00.000Z, and one request may ask for 1000; narrow from and to"
      }
    ])
    assert.match(refusal({ from: "1970-01-01" }, { cron_expr: "* * * * * *" })[0]?.message ?? "", /^17\d{8} slots from/)
  })

  it("are refused where the times cannot be, each by its key", () => {
    assert.deepStrictEqual(refusal({ from: "2026-03-10", to: "2026-03-10T12:30:00.001Z" }), [
      { path: "to", message: "is in the future; backfill is for slots that have passed" }
    ])
    assert.deepStrictEqual(refusal({ from: "2026-03-09", to: "2026-03-09" }), [
      { path: "from", message: "2026-03-09T00:00:00.000Z is not before to (2026-03-09T00:00:00.000Z)" }
    ])
    assert.deepStrictEqual(refusal({ from: "2026-03-11" }), [
      { path: "from", message: "2026-03-11T00:00:00.000Z is not before now (2026-03-10T12:30:00.000Z)" }
    ])
    const both = refusal({ from: "yesterday", to: "2026-02-30" })
    assert.deepStrictEqual(
      both.map(({ path }) => path),
      ["from", "to"]
    )
    assert.include(both[0]?.message ?? "", '"yesterday" is no date and time')
    assert.include(both[1]?.message ?? "", "day: 30 is out of range 1-28")
  })
})

describe("the plan of a backfill", () => {
  const slots = [1, 2, 3, 4].map((n) => now - (5 - n) * hour)
  const range = { from: now - 5 * hour, to: now, timezone: "UTC", slots }
  const known = (...statuses: ReadonlyArray<RunStatus>) =>
    statuses.map((status, index) => ({ status, scheduled_for: slots[index] ?? 0 }))
  const job = nthJob(1, { input: "the input" })

  it("leaves out slots with a run that succeeded or can still change", () => {
    const plan = planBackfill(job, range, known("succeeded", "failed", "running", "pending"), { actor: "cli" })
    assert.deepStrictEqual(plan.slots, slots.slice(1, 2))
    assert.deepStrictEqual(plan.runs, [
      {
        trigger: "backfill",
        status: "pending",
        scheduled_for: slots[1] ?? 0,
        start_at: null,
        input: "the input",
        reason: null,
        requested_by: "cli",
        holds_permit: false
      }
    ])
    assert.deepStrictEqual(plan.audit, [
      {
        type: "CronJobBackfilled",
        actor: "cli",
        job_id: job.id,
        job_name: job.name,
        reason: "1 of 4 slots from 2026-03-10T07:30:00.000Z to 2026-03-10T12:30:00.000Z"
      }
    ])
  })

  it("with all leaves out only those with a run that can still change", () => {
    const runs = known("succeeded", "awaiting_approval", "running", "pending")
    const plan = planBackfill(job, range, runs, { actor: "cli", all: true })
    assert.deepStrictEqual(plan.slots, slots.slice(0, 1))
  })

  it("writes nothing when no slot is left, or in a dry run", () => {
    const none = planBackfill(job, range, known("succeeded", "succeeded", "succeeded", "succeeded"), { actor: "cli" })
    assert.deepInclude(none, { slots: [], runs: [], audit: [] })
    const dry = planBackfill(job, range, [], { actor: "cli", dry_run: true })
    assert.deepInclude(dry, { slots, runs: [], audit: [] })
  })
})
