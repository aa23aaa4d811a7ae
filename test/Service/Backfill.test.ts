import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, folderWith, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const files = {
  "agents/report.symbi": `agent reporter {
  command: ["sh", "-c", "echo report for $SYMBI_SCHEDULED_FOR"]
}
schedule {
  name: "daily-report"
  agent: "reporter"
  cron: "0 9 * * *"
  timezone: "Europe/Berlin"
  delivery: []
}
`
}

describe("symbi cron backfill", () => {
  it.live("shows the slots, runs them once, and says how it went", () =>
    Effect.gen(function* () {
      const service = yield* startService({ folder: yield* folderWith(files) })
      const backfill = (...words: ReadonlyArray<string>) =>
        symbi(["cron", "backfill", ...words], { env: { SYMBI_SERVER: service.url } })
      const days = ["daily-report", "--from", "2026-03-28", "--to", "2026-03-31"]
      const range = "of daily-report from 2026-03-27T23:00:00Z to 2026-03-30T22:00:00Z"

      assert.deepStrictEqual(yield* backfill(...days, "--dry-run"), {
        code: 0,
        stdout: `2026-03-28T08:00:00Z  2026-03-28 09:00:00 Europe/Berlin
2026-03-29T07:00:00Z  2026-03-29 09:00:00 Europe/Berlin
2026-03-30T07:00:00Z  2026-03-30 09:00:00 Europe/Berlin
`,
        stderr: `3 slots ${range}: 3 would run; nothing was stored\n`
      })
      assert.deepStrictEqual(yield* backfill("daily-report", "--from", "2026-03-28", "--to", "2026-03-29"), {
        code: 0,
        stdout: "1 slot of daily-report from 2026-03-27T23:00:00Z to 2026-03-28T23:00:00Z: 1 run queued\n",
        stderr: "they run oldest first; follow them with: symbi cron history daily-report\n"
      })
      const rest = yield* backfill(...days)
      assert.strictEqual(rest.stdout, `3 slots ${range}: 2 runs queued, 1 left out (run already, or about to)\n`)

      const history = service.client.schedule.history({ path: { job_id: "daily-report" }, urlParams: {} })
      const runs = yield* eventually(
        "the ends of the runs",
        Effect.map(history, (found) => (found.every((run) => run.status === "succeeded") ? found : undefined))
      )
      const outputs = yield* Effect.forEach(runs, ({ id }) => service.client.runs.get({ path: { run_id: id } }))
      assert.deepStrictEqual(
        outputs.map((run) => run.output),
        [
          "report for 2026-03-30T07:00:00.000Z\n",
          "report for 2026-03-29T07:00:00.000Z\n",
          "report for 2026-03-28T08:00:00.000Z\n"
        ]
      )

      const again = yield* backfill(...days)
      assert.deepStrictEqual([again.code, again.stderr], [0, ""])
      assert.strictEqual(again.stdout, `3 slots ${range}: 0 runs queued, 3 left out (run already, or about to)\n`)
      const json = JSON.parse((yield* backfill(...days, "--all", "--dry-run", "--format", "json")).stdout)
      assert.deepInclude(json, { job_name: "daily-report", dry_run: true, slots: 3, already: 0 })
      const csv = yield* backfill(...days, "--all", "--dry-run", "--format", "csv")
      assert.match(csv.stdout, /^id,scheduled_for,status\r\n,2026-03-28T08:00:00.000Z,pending\r\n/)

      const future = yield* backfill("daily-report", "--from", "2026-03-28", "--to", "2999-01-01")
      assert.deepStrictEqual(future, {
        code: 2,
        stdout: "",
        stderr: "error: to: is in the future; backfill is for slots that have passed\n"
      })
      assert.strictEqual((yield* backfill("daily-report")).code, 2)
      assert.strictEqual((yield* backfill("nobody", "--from", "2026-03-28")).code, 3)
    }).pipe(Effect.scoped)
  )
})
