import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, folderWith, startService, writeFiles } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const files = {
  "symbiont.toml": '[scheduler.delivery]\nretry_attempts = 0\nfallback = "none"\n',
  "agents/report.symbi": `agent reporter { command: ["echo", "all is well"] }
schedule {
  name: "report"
  agent: "reporter"
  every: "100d"
  delivery: ["log_file", "custom:pager"]
  deliver_on: ["success"]
  delivery_body: """
{{job.name}} {{run.status | upper}}: {{output | first_line}}
"""
}
`
}

describe("symbi deliveries", () => {
  it.scopedLive(
    "shows what did not arrive and why, and sends it again when its channel is there",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(files)
        const first = yield* startService({ folder })
        const ask = (url: string, ...words: ReadonlyArray<string>) =>
          symbi(words, { env: { SYMBI_SERVER: url }, cwd: folder })
        const empty = yield* ask(first.url, "deliveries", "list")
        assert.deepStrictEqual(empty, { code: 0, stdout: "", stderr: "no such deliveries\n" })
        const ran = yield* ask(first.url, "cron", "run", "report", "--wait")
        assert.strictEqual(ran.code, 0)
        const lost = yield* eventually(
          "the failed delivery",
          Effect.map(first.client.deliveries.list({ urlParams: { job: "report", state: "failed" } }), ([one]) => one)
        )

        const table = yield* ask(first.url, "deliveries", "list", "--job", "report", "--state", "failed")
        const [head = "", row = "", ...more] = table.stdout.trimEnd().split("\n")
        assert.match(head, /^DELIVERY +STATE +TO +JOB +LAST$/)
        assert.match(row, new RegExp(`^${lost.id} +failed +custom:pager +report +tried once: no channel custom:pager`))
        assert.deepStrictEqual(more, [])
        const json = JSON.parse((yield* ask(first.url, "deliveries", "list", "--format", "json")).stdout)
        assert.deepStrictEqual(
          json.map(({ channel, state }: { channel: string; state: string }) => `${channel} ${state}`).sort(),
          ["custom:pager failed", "log_file delivered"]
        )
        const csv = (yield* ask(first.url, "deliveries", "list", "--all", "--format", "csv")).stdout.split("\r\n")
        assert.strictEqual(
          csv[0],
          "id,state,channel,destination,kind,job_name,run_id,attempts,created_at,next_attempt_at,delivered_at,error"
        )
        const shown = yield* ask(first.url, "deliveries", "show", lost.id)
        assert.include(shown.stdout, `Run       ${lost.run_id}\nAttempts  1\n`)
        assert.include(shown.stdout, `Again     symbi deliveries redeliver ${lost.id}\n`)

        const status = yield* ask(first.url, "cron", "status", "report")
        assert.include(status.stdout, `Lost      1 failed (symbi deliveries list --job ${lost.job_id} --state failed)`)
        const why = yield* ask(first.url, "why", "report")
        assert.include(why.stdout, "Not delivered: custom:pager (no channel custom:pager is part of this service")
        assert.include(why.stdout, `next: when the channel works again: symbi deliveries redeliver ${lost.id}`)

        const again = yield* ask(first.url, "deliveries", "redeliver", lost.id)
        assert.deepStrictEqual([again.code, again.stdout], [0, `${lost.id} is due again: custom:pager, job report\n`])
        yield* eventually(
          "its second end",
          Effect.map(first.client.deliveries.get({ path: { delivery_id: lost.id } }), ({ state }) =>
            state === "failed" ? true : undefined
          )
        )
        const bulk = yield* ask(first.url, "deliveries", "redeliver", "--all-failed", "--channel", "custom:pager")
        assert.deepStrictEqual([bulk.code, bulk.stdout], [0, "1 failed delivery is due again\n"])
        const dead = yield* ask(first.url, "deliveries", "redeliver", "--all-dead", "--job", "report")
        assert.deepStrictEqual([dead.code, dead.stdout], [0, "0 dead deliveries are due again\n"])
        const audit = yield* ask(first.url, "audit", "query", "--type", "DeliveryRequeued", "--format", "json")
        assert.deepStrictEqual(
          JSON.parse(audit.stdout).map(({ actor, reason }: { actor: string; reason: string }) => [actor, reason]),
          [
            ["cli", "all failed deliveries are sent again (1)"],
            ["cli", `delivery ${lost.id} to custom:pager was failed; it is sent again`]
          ]
        )

        yield* eventually(
          "its third end",
          Effect.map(first.client.deliveries.get({ path: { delivery_id: lost.id } }), ({ state }) =>
            state === "failed" ? true : undefined
          )
        )
        assert.notInclude(first.stderr(), "not delivered:")
        yield* first.signal("SIGTERM")
        yield* first.exitCode
        const channel = '[scheduler.delivery.custom.pager]\ncommand = ["tee", "page.txt"]\n'
        yield* writeFiles(folder, { "symbiont.toml": `${files["symbiont.toml"]}${channel}` })
        const second = yield* startService({ folder })
        assert.include(second.stderr(), "not delivered: 1 failed (symbi deliveries list --state failed)\n")
        yield* ask(second.url, "deliveries", "redeliver", "--all-failed")
        yield* eventually(
          "its arrival",
          Effect.map(second.client.deliveries.get({ path: { delivery_id: lost.id } }), ({ state }) =>
            state === "delivered" ? true : undefined
          )
        )
        assert.strictEqual(readFileSync(join(folder, "page.txt"), "utf8"), "report SUCCEEDED: all is well\n")
      }),
    60_000
  )

  it.scopedLive("refuses what it cannot mean", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      const { url } = yield* startService({ folder })
      const refused = (code: number, message: string, ...words: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const ended = yield* symbi(["deliveries", ...words], { env: { SYMBI_SERVER: url } })
          assert.deepStrictEqual([ended.code, ended.stdout], [code, ""])
          assert.include(ended.stderr, message)
        })
      yield* refused(2, "say which: ids of deliveries, --all-failed or --all-dead", "redeliver")
      yield* refused(2, "give either ids, or --all-failed and --all-dead", "redeliver", "dlv_x", "--all-dead")
      yield* refused(2, "give either ids, or --all-failed and --all-dead", "redeliver", "dlv_x", "--job", "a")
      yield* refused(3, 'no delivery with the id "dlv_x"', "redeliver", "dlv_x")
      yield* refused(3, 'no delivery with the id "dlv_x"', "show", "dlv_x")
      yield* refused(3, 'no job with the id or name "nowhere"', "list", "--job", "nowhere")
      yield* refused(2, "--state must be one of: pending, delivered, failed, dead", "list", "--state", "lost")
      yield* refused(2, '"pigeon" is no delivery channel', "list", "--channel", "pigeon")
      yield* refused(2, 'did you mean "redeliver"?', "redelivr")
    })
  )
})
