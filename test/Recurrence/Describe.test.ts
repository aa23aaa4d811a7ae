import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { make } from "../../src/Recurrence.ts"

const describeCron = (cron_expr: string): string =>
  Either.getOrThrow(make({ cron_expr }, { name: "daily-report", anchor: 0, timezone: "UTC" })).describe

describe("an expression in words", () => {
  const table: ReadonlyArray<readonly [string, string]> = [
    ["* * * * *", "Every minute"],
    ["*/5 * * * *", "Every 5 minutes"],
    ["*/13 * * * *", "At 0, 13, 26, 39, and 52 minutes past the hour"],
    ["50/20 * * * *", "At 50 minutes past the hour"],
    ["30 9,17 * * *", "At 09:30 and 17:30"],
    ["*/15 9-17 * * MON-FRI", "Every 15 minutes, between 09:00 and 17:59, Monday through Friday"],
    ["0 */5 * * *", "At 00:00, 05:00, 10:00, 15:00 and 20:00"],
    ["0 9 * * 7", "At 09:00, only on Sunday"],
    ["0 0 9 * * *", "At 09:00"],
    ["30 15 6 * * *", "At 06:15:30"],
    ["*/10 * * * * *", "Every 10 seconds"],
    ["0 0 13 * 5", "At 00:00, on day 13 of the month or on Friday"],
    [
      "0 0 1,15 JAN-MAR MON-FRI",
      "At 00:00, on day 1 and 15 of the month or Monday through Friday, January through March"
    ],
    ["*/5 * L * 5L", "Every 5 minutes, on the last day of the month or on the last Friday of the month"],
    ["30 0 0 1 * MON#2", "At 00:00:30, on day 1 of the month or on the second Monday of the month"],
    ["0 0 */2 * 1", "At 00:00, every 2 days in a month, only on Monday"],
    ["0 0 * * */3", "At 00:00, only on Sunday, Wednesday, and Saturday"],
    ["0 0 1 */5 *", "At 00:00, on day 1 of the month, only in January, June, and November"],
    ["0 0 LW * *", "At 00:00, on the last weekday of the month"],
    ["H H * * *", "At 23:44"],
    ["@monthly", "At 00:00, on day 1 of the month"],
    ["0 0 15W,20 * *", "Whenever 0 0 15W,20 * * matches"],
    ["0 0 1 * MON#1,FRI", "Whenever 0 0 1 * MON#1,FRI matches"]
  ]
  for (const [expression, expected] of table) {
    it(expression, () => assert.strictEqual(describeCron(expression), expected))
  }
})
