import { assert, describe, it } from "@effect/vitest"
import { deliveryProblems } from "../../src/Selftest/SimulationChecks.ts"

const row = { job_name: "told", trigger: "schedule", status: "failed", scheduled_for: 0, start_at: 0, started_at: 0 }
const ended = { created_at: 0, finished_at: 1, missed_count: null, missed_from: null, missed_to: null, reason: null }

/** Of a run that was told of so often in each life of its service. */
const problems = (isDeadly: boolean, ...times: ReadonlyArray<number>): number => {
  const runs = [{ id: "run_1", ...row, ...ended }]
  const died = { type: "CronJobDeadLettered", job_name: "told", run_id: isDeadly ? "run_1" : "run_0" }
  const jobs: ReadonlyMap<string, { readonly delivers: boolean }> = new Map([["told", { delivers: true }]])
  const delivered = new Map([["run_1", new Map(times.entries())]])
  const ledger = { runs, events: [died] }
  return deliveryProblems({ jobs, delivered, ledger } satisfies Parameters<typeof deliveryProblems>[0]).length
}

describe("the deliveries of a simulation", () => {
  it("are made once in each life of the service, and twice of a run that its job died of", () => {
    assert.deepStrictEqual(
      [problems(false, 1), problems(false, 1, 1), problems(true, 2), problems(true, 1, 1)],
      [0, 0, 0, 0]
    )
    assert.deepStrictEqual([problems(false), problems(false, 2), problems(false, 1, 2)], [1, 1, 1])
    assert.deepStrictEqual([problems(true, 1), problems(true, 3), problems(true, 4)], [1, 1, 1])
  })
})
