import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import { folderWith, startService, writeFiles } from "../support/Service.ts"

const older = { "symbiont.toml": "[scheduler]\ntick_interval_seconds = 1\n" }
const newer = {
  "symbiont.toml": `${older["symbiont.toml"]}max_jitter_seconds = 30\ndefault_max_retries = 3\nshutdown_timeout_seconds = 60\n`
}
const block = `schedule {
  name: "my-job"
  agent: "my-agent"
  cron: "0 * * * *"
}
`
/** What 0.9 knew of a job; all else is to be filled in. */
const body = { name: "by-hand", agent_id: "my-agent", cron_expr: "0 9 * * *" }

const later = {
  session_mode: "ephemeral_with_summary",
  delivery: ["log_file"],
  max_concurrent: 1,
  overlap: "skip",
  labels: [],
  status: "active"
}

describe("what was written for 0.9", () => {
  it.scopedLive(
    "goes on as it is: blocks, request bodies, stored definitions and both forms of the configuration",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith({ ...older, "agents/job.symbi": block })
        const first = yield* startService({ folder })
        assert.notInclude(first.stderr(), "unknown key")
        const answer = yield* Effect.promise(() =>
          fetch(`${first.url}/api/v1/schedule`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(body)
          })
        )
        assert.strictEqual(answer.status, 201)
        assert.deepInclude(yield* Effect.promise(() => answer.json()), { ...body, ...later })
        const mine = yield* first.client.schedule.get({ path: { job_id: "my-job" } })
        assert.deepInclude<object>(mine, {
          agent_id: "my-agent",
          cron_expr: "0 * * * *",
          max_concurrent: 1,
          status: "active"
        })
        yield* first.signal("SIGTERM")
        assert.strictEqual(yield* first.exitCode, 0)

        // A row that holds no more than 0.9 would have written.
        const db = new Database(join(folder, ".symbi", "symbiont.db"))
        db.prepare("UPDATE jobs SET definition = ? WHERE name = ?").run(JSON.stringify(body), body.name)
        db.close()

        yield* writeFiles(folder, newer)
        const second = yield* startService({ folder })
        const byHand = yield* second.client.schedule.get({ path: { job_id: body.name } })
        assert.deepInclude<object>(byHand, { ...body, max_concurrent: 1, overlap: "skip", status: "active" })
        assert.strictEqual((yield* second.client.schedule.get({ path: { job_id: "my-job" } })).id, mine.id)
      })
  )
})
