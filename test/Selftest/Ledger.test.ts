import { assert, describe, it } from "@effect/vitest"
import { type LedgerRows, ledgerViolations, slotsEvery } from "../../src/Selftest/Ledger.ts"

const job = { id: "job_1", name: "tick", slots: slotsEvery(0, 1_000, 6_000) }

const run = (id: string, scheduled_for: number, more: Partial<LedgerRows["runs"][number]> = {}) => ({
  id,
  job_id: job.id,
  trigger: "schedule",
  status: "succeeded",
  scheduled_for,
  missed_count: null,
  missed_from: null,
  missed_to: null,
  ...more
})

const missed = (from: number, to: number, count: number) =>
  run("missed", from, { status: "missed", missed_count: count, missed_from: from, missed_to: to })

const whole = [run("a", 1_000), missed(2_000, 4_000, 3), run("b", 5_000, { trigger: "catch_up" })]

const lawsOf = (runs: LedgerRows["runs"], deliveries: LedgerRows["deliveries"] = []) =>
  ledgerViolations({ jobs: [job], runs, deliveries }).map(({ law, subject }) => `${law} ${subject}`)

describe("the ledger equation", () => {
  it("holds where each slot has one row or lies in one range", () => {
    assert.deepStrictEqual(job.slots, [1_000, 2_000, 3_000, 4_000, 5_000])
    assert.deepStrictEqual(lawsOf(whole), [])
    const beside = [run("m", 1_500, { trigger: "manual" }), run("f", 1_000, { trigger: "backfill" })]
    assert.deepStrictEqual(lawsOf([...whole, ...beside]), [])
  })

  it("names what breaks it", () => {
    assert.deepStrictEqual(lawsOf(whole.slice(1)), ["one_row_per_slot tick"])
    assert.deepStrictEqual(lawsOf([...whole, run("c", 1_000)]), ["one_row_per_slot tick"])
    assert.deepStrictEqual(lawsOf([...whole, run("c", 3_000)]), ["one_row_per_slot tick"])
    assert.deepStrictEqual(lawsOf([...whole, run("c", 1_500)]), ["one_row_per_slot tick"])
    assert.deepStrictEqual(lawsOf([run("a", 1_000), missed(2_000, 4_000, 2), run("b", 5_000)]), ["range missed"])
    assert.deepStrictEqual(lawsOf([run("a", 1_000, { status: "running" }), ...whole.slice(1)]), ["at_rest a"])
    assert.deepStrictEqual(lawsOf([...whole, run("c", 1_000, { job_id: "job_2" })]), ["known_job c"])
  })

  it("holds for deliveries that ended, each under one id", () => {
    const delivery = { id: "d1", run_id: "a", channel: "webhook", state: "delivered" }
    assert.deepStrictEqual(lawsOf(whole, [delivery, { ...delivery, id: "d2", channel: "stdout" }]), [])
    assert.deepStrictEqual(lawsOf(whole, [delivery, { ...delivery, id: "d2" }]), ["delivered_once d2"])
    assert.deepStrictEqual(lawsOf(whole, [{ ...delivery, state: "pending" }]), ["at_rest d1"])
  })
})
