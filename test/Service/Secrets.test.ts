import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, folderWith, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

/** What a variable of the service's environment holds; nothing but the agent that asks for it may ever see it. */
const canary = "canary-2f9c71e4d0"

const files = {
  "symbiont.toml": "[server]\nport = 0\n",
  "agents/secret.symbi": `agent holder {
  command: ["sh", "-c", "printf %s \\"$TOKEN\\" | wc -c > seen.txt; echo done"]
  env: { TOKEN: "\${CANARY}" }
}
agent failing {
  command: ["sh", "-c", "echo trouble >&2; exit 3"]
  env: { TOKEN: "\${CANARY}" }
}
agent remote {
  url: "https://example.invalid/\${CANARY}"
}
schedule { name: "holder" agent: "holder" cron: "0 0 1 1 *" input: "use \${CANARY}" description: "\${CANARY}" }
schedule {
  name: "hooked"
  agent: "holder"
  cron: "0 0 1 1 *"
  delivery: ["webhook", "log_file"]
  webhook_url: "http://127.0.0.1:9/\${CANARY}"
  webhook_headers: { "Authorization": "Bearer \${CANARY}" }
  webhook_secret: "\${CANARY}"
  webhook_body: "{{output}} \${CANARY}"
  agent_pin_jwt: "\${CANARY}"
}
schedule {
  name: "posted"
  agent: "holder"
  cron: "0 0 1 1 *"
  delivery: ["slack", "email", "custom:pager"]
  slack_channel: "\${CANARY}"
  email_recipients: ["\${CANARY}@example.com"]
  delivery_subject: "{{job.name}} \${CANARY}"
  delivery_body: "{{output}} \${CANARY}"
}
schedule { name: "failing" agent: "failing" cron: "0 0 1 1 *" }
schedule { name: "remote" agent: "remote" cron: "0 0 1 1 *" }
`
}

const filesUnder = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => statSync(name).isFile())

describe("the value of a variable", () => {
  it.scopedLive(
    "reaches the agent that asks for it, and no answer, table, log, file, audit entry, export or error",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(files)
        const env = { CANARY: canary }
        const service = yield* startService({ folder, env })
        const told: Array<readonly [where: string, text: string]> = []
        const cli = (...words: ReadonlyArray<string>) =>
          Effect.map(symbi(["--server", service.url, ...words], { cwd: folder, env }), ({ code, stderr, stdout }) => {
            told.push([`symbi ${words.join(" ")}`, stdout + stderr])
            return { code, stdout }
          })

        for (const name of ["holder", "hooked", "posted", "failing", "remote"])
          yield* cli("cron", "run", name, "--wait")
        assert.strictEqual(readFileSync(join(folder, "seen.txt"), "utf8").trim(), String(canary.length))

        const { client } = service
        const jobs = yield* client.schedule.list({ urlParams: {} })
        const runs = yield* Effect.forEach(jobs, (job) =>
          client.schedule.history({ path: { job_id: job.id }, urlParams: {} })
        )
        const get = (path: string) =>
          Effect.promise(async () => {
            const answer = await fetch(service.url + path)
            told.push([`GET ${path} ${answer.status}`, await answer.text()])
          })
        const paths = [
          ...["/api/v1/schedule", "/api/v1/agents", "/api/v1/export", "/api/v1/export?format=json", "/metrics"],
          ...["/openapi.json", "/api/v1/health/scheduler", "/api/v1/schedule/canary"],
          ...jobs.flatMap(({ id }) => [
            `/api/v1/schedule/${id}`,
            `/api/v1/schedule/${id}/history`,
            `/api/v1/schedule/${id}/next_run?count=2`
          ]),
          ...runs.flat().flatMap(({ id }) => [`/api/v1/runs/${id}`, `/api/v1/runs/${id}/log`])
        ]
        yield* Effect.forEach(paths, get, { discard: true })
        assert.isAtLeast(runs.flat().length, 4)

        yield* cli("cron", "list")
        yield* cli("cron", "list", "--format", "json")
        yield* cli("cron", "status", "hooked")
        yield* cli("cron", "history", "hooked", "--format", "csv")
        yield* cli("cron", "next", "hooked")
        yield* cli("why", "hooked")
        yield* cli("why", "posted")
        yield* cli("config")
        yield* cli("validate")
        yield* cli("validate", "--format", "json")
        yield* cli("fmt", "--check")
        const exported = yield* cli("export")
        assert.include(exported.stdout, `\${CANARY}`)
        yield* cli("export", "--format", "json")
        yield* cli("apply", "-f", "agents", "--dry-run")
        yield* cli("apply", "-f", "agents", "--dry-run", "--format", "json")
        yield* cli("run", "holder")

        // A change, so that the audit log holds a diff of what names the variable.
        yield* client.schedule.update({
          path: { job_id: "hooked" },
          headers: {},
          payload: { webhook_headers: { Authorization: `Basic \${CANARY}` } }
        })
        yield* eventually(
          "the deliveries' ends",
          Effect.map(client.schedule.history({ path: { job_id: "hooked" }, urlParams: {} }), ([run]) =>
            run?.deliveries.every(({ state }) => state !== "pending") === true ? true : undefined
          )
        )
        const lost = yield* cli("deliveries", "list", "--all")
        assert.include(lost.stdout, "posted")
        const [one] = yield* client.deliveries.list({ urlParams: { job: "hooked" } })
        yield* cli("deliveries", "show", one?.id ?? "")
        yield* cli("deliveries", "redeliver", one?.id ?? "")
        yield* cli("deliveries", "redeliver", "--all-failed", "--all-dead")
        yield* cli("cron", "status", "hooked")
        yield* get("/api/v1/deliveries")
        yield* get("/metrics")
        yield* service.signal("SIGTERM")
        assert.strictEqual(yield* service.exitCode, 0)
        told.push(["the service's stdout", service.stdout()], ["the service's stderr", service.stderr()])
        for (const file of filesUnder(join(folder, ".symbi"))) told.push([file, readFileSync(file, "latin1")])

        // A start that fails says which variable is missing, not what others hold.
        const without = yield* symbi(["validate"], { cwd: folder, env: { OTHER: canary } })
        assert.strictEqual(without.code, 1)
        assert.include(without.stderr, "CANARY is not set")
        told.push(["validate without it", without.stdout + without.stderr])

        assert.isAbove(told.length, 35)
        assert.deepStrictEqual(
          told.filter(([, text]) => text.includes(canary)).map(([where]) => where),
          []
        )
      }),
    60_000
  )
})
