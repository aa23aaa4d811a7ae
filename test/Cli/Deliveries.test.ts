import { assert, describe, it } from "@effect/vitest"
import { columnsAt } from "../../src/Cli/Deliveries.ts"
import { renderTable } from "../../src/Cli/Table.ts"
import { relative } from "../../src/Cli/Times.ts"
import type { ListedDelivery } from "../../src/Domain/Delivery.ts"
import { pendingDelivery } from "../Delivery/fixtures.ts"

const now = Date.UTC(2026, 1, 15, 14, 30)

const at = (millis: number | null) => (millis === null ? "-" : relative(millis, now))

const delivery = (change: Partial<ListedDelivery>): ListedDelivery => ({
  ...pendingDelivery(1, "webhook"),
  destination: "webhook metrics.example.com:8443",
  job_name: "a job with a long name",
  ...change
})

describe("a table of deliveries", () => {
  const error = "the receiver answered 503: come back later"
  const rows: ReadonlyArray<readonly [row: ListedDelivery, last: string]> = [
    [delivery({ next_attempt_at: now - 5 }), "due"],
    [delivery({ next_attempt_at: now + 400_000, attempts: 1, error }), `in 6m, tried once: ${error}`],
    [delivery({ state: "dead", attempts: 4, error, next_attempt_at: null }), `tried 4 times: ${error}`],
    [delivery({ state: "failed", attempts: 1, error: "no\nroom", next_attempt_at: null }), "tried once: no room"],
    [delivery({ state: "delivered", attempts: 2, delivered_at: now - 3 * 3_600_000 - 59_000 }), "3h ago"],
    [delivery({ state: "delivered", delivered_at: now }), "now"]
  ]

  it("says what came of each, and when", () => {
    const lines = renderTable(
      rows.map(([row]) => row),
      columnsAt(now),
      0,
      at
    ).split("\n")
    for (const [index, [, last]] of rows.entries()) assert.isTrue(lines[index + 1]?.endsWith(`  ${last}`), last)
  })

  it("fits 80 characters with whole ids and states", () => {
    const table = renderTable(
      rows.map(([row]) => row),
      columnsAt(now),
      80,
      at
    )
    for (const [index, line] of table.split("\n").slice(1).entries()) {
      assert.isAtMost(line.length, 80)
      assert.isTrue(line.startsWith(`${rows[index]?.[0].id}  ${rows[index]?.[0].state} `), line)
    }
  })

  it("tells notices and alerts from output", () => {
    const table = renderTable([delivery({ kind: "undelivered", destination: "log_file" })], columnsAt(now), 0, at)
    assert.include(table, "log_file (undelivered)")
  })
})
