import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, folderWith, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const files = {
  "agents/deploy.symbi": `agent deployer {
  command: ["sh", "-c", "cat; echo once >> runs.txt"]
}
schedule {
  name: "deploy"
  agent: "deployer"
  every: "100d"
  input: "ship it\\n"
  delivery: ["stdout"]
  policy {
    require_approval: true
    approval_timeout: "2h"
  }
}
`
}

describe("symbi approvals", () => {
  it.live("lets a run wait over kill -9, shows it, and runs it once when it is approved", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith(files)
      const first = yield* startService({ folder })
      const cli = (url: string, ...words: ReadonlyArray<string>) => symbi(words, { env: { SYMBI_SERVER: url } })
      const asked = yield* cli(first.url, "cron", "run", "deploy")
      const id = /^(run_\w+)/.exec(asked.stdout)?.[1] ?? ""
      const run = first.client.runs.get({ path: { run_id: id } })
      const waiting = yield* eventually(
        "the wait for approval",
        Effect.map(run, (one) => (one.status === "awaiting_approval" ? one : undefined))
      )
      const approval = waiting.approval_id ?? ""
      yield* eventually(
        "the notice",
        Effect.sync(() => (first.stdout().includes(`symbi approvals approve ${approval}`) ? true : undefined))
      )
      yield* first.signal("SIGKILL")
      yield* first.exitCode

      const second = yield* startService({ folder })
      const listed = yield* cli(second.url, "approvals", "list")
      assert.match(listed.stdout, new RegExp(`${approval}\\s+pending\\s+deploy`))
      const json = JSON.parse((yield* cli(second.url, "approvals", "list", "--format", "json")).stdout)
      assert.deepInclude(json[0], {
        id: approval,
        run_id: id,
        state: "pending",
        input: "ship it\n",
        submitted_by: "cli"
      })
      const csv = (yield* cli(second.url, "approvals", "list", "--format", "csv")).stdout.split("\r\n")
      assert.strictEqual(csv[0], "id,state,job_name,run_id,scheduled_for,requested_at,expires_at,decided_by,reason")
      assert.include((yield* cli(second.url, "approvals", "show", id)).stdout, "Input     ship it")

      const why = yield* cli(second.url, "why", "deploy")
      assert.include(why.stdout, "It waits for approval until")
      assert.include(why.stdout, `next: symbi approvals approve ${approval}`)

      const approved = yield* cli(second.url, "approvals", "approve", approval, "--reason", "looks good")
      assert.deepStrictEqual(
        [approved.code, approved.stdout],
        [0, `${approval} approved: run ${id} of deploy goes on\n`]
      )
      const done = yield* eventually(
        "the end of the run",
        Effect.map(second.client.runs.get({ path: { run_id: id } }), (one) =>
          one.status === "succeeded" ? one : undefined
        )
      )
      assert.strictEqual(done.output, "ship it\n")
      assert.lengthOf(done.attempts, 1)
      const again = yield* cli(second.url, "approvals", "deny", approval)
      assert.deepStrictEqual(
        [again.code, again.stderr],
        [5, `error: approval ${approval} is approved already: looks good\n`]
      )
      assert.strictEqual((yield* cli(second.url, "approvals", "list")).stderr, "nothing waits for approval\n")
      assert.strictEqual((yield* cli(second.url, "approvals", "approve", "apr_nothing")).code, 3)
      const answer = yield* cli(second.url, "why", id, "--format", "json")
      assert.deepInclude(JSON.parse(answer.stdout).approval, { state: "approved", decided_by: "cli" })
      assert.include((yield* cli(second.url, "approvals", "aprove", approval)).stderr, 'did you mean "approve"?')
    }).pipe(Effect.scoped)
  )
})
