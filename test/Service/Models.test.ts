import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Run } from "../../src/Domain/Run.ts"
import { cut, fails, type ModelServer, modelServer, say, uses } from "../support/ModelServer.ts"
import { folderWith, type Service, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const key = "sk-ant-canary-7f3a9c51d2e84b60"

const agents = `
agent monitor {
  model: "claude-sonnet-4.5"
  system_prompt: """
  You are a system monitoring agent.
  Say "sleep" when you are done, or 'sleep'.
  """
  max_tokens: 300
  tools {
    disk {
      description: "How full a disk is"
      command: ["sh", "-c", "echo \\"$1 is 91% full\\"", "disk", "{path}"]
      parameters { path { values: ["/", "/home"] } }
    }
  }
}
schedule {
  name: "watch"
  agent: "monitor"
  cron: "0 0 1 1 *"
  heartbeat: { enabled: true, max_iterations: 10 }
}

agent poet {
  model: "local/llama3.2"
  description: "Answers in verse"
}

agent leaky { command: ["sh", "-c", "env"] }
schedule { name: "leak" agent: "leaky" cron: "0 0 1 1 *" }

agent asking { command: ["sh", "-c", "echo $KEY"] env: { KEY: "\${ANTHROPIC_API_KEY}" } }
schedule {
  name: "post"
  agent: "leaky"
  cron: "0 0 1 1 *"
  delivery: ["webhook"]
  webhook_url: "https://example.com/\${ANTHROPIC_API_KEY}"
}
`

const settings = (models: ModelServer) => `
[server]
port = 0
[providers.anthropic]
base_url = "${models.url}"
retries = 0
[providers.anthropic.prices."claude-sonnet-*"]
input = 3.0
output = 15.0
[providers.local]
base_url = "${models.url}/v1"
`

const started = Effect.gen(function* () {
  const models = yield* modelServer
  const folder = yield* folderWith({ "symbiont.toml": settings(models), "agents/all.symbi": agents })
  const service = yield* startService({ folder, env: { ANTHROPIC_API_KEY: key } })
  return { folder, models, service }
})

const cli = (service: Service, ...words: ReadonlyArray<string>) => symbi(words, { env: { SYMBI_SERVER: service.url } })

/** Runs a job by hand, and gives the run when it has ended. */
const ran = (service: Service, job: string) =>
  Effect.gen(function* () {
    yield* cli(service, "cron", "run", job, "--wait")
    const [latest] = yield* service.client.schedule.history({ path: { job_id: job }, urlParams: {} })
    const run: Run = yield* service.client.runs.get({ path: { run_id: latest?.id ?? ("run_none" as never) } })
    return run
  })

const filesUnder = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => statSync(name).isFile())

describe("model agents of a running service", () => {
  it.scopedLive("beat: assess with a tool, act, and sleep, with all of it on the run", () =>
    Effect.gen(function* () {
      const { models, service } = yield* started
      models.script(
        uses("disk", { path: "/" }, { text: "Let me look.", tokens: { input: 1_000, output: 100 } }),
        say('The disk is nearly full.\n{"next":"act","summary":"/ is 91% full"}', {
          tokens: { input: 1_200, output: 50 }
        }),
        say('Removed old logs.\n{"next":"assess"}', { tokens: { input: 900, output: 50 } }),
        say("All is well.\nsleep", { tokens: { input: 900, output: 20 } })
      )
      const run = yield* ran(service, "watch")
      assert.deepInclude(run, {
        status: "succeeded",
        stop_reason: "sleep",
        output: "All is well.\nsleep",
        usage: { input_tokens: 4_000, output_tokens: 220, cost_usd: 0.0153 }
      })
      assert.deepStrictEqual(
        run.iterations.map(({ phase, summary, usage }) => [phase, summary, usage?.input_tokens]),
        [
          ["assess", "/ is 91% full", 2_200],
          ["act", 'Removed old logs.\n{"next":"assess"}', 900],
          ["sleep", "All is well.\nsleep", 900]
        ]
      )
      const [tool] = run.tool_calls
      assert.deepInclude(tool, { name: "disk", arguments: '{"path":"/"}' })
      assert.strictEqual(tool?.result_bytes, "/ is 91% full\n".length)

      const [first, second, third] = models.calls
      assert.strictEqual(first?.model, "claude-sonnet-4-5")
      assert.strictEqual(first?.headers["x-api-key"], key)
      assert.include(JSON.stringify(first?.body["system"]), String.raw`Say \"sleep\" when you are done, or 'sleep'.`)
      assert.include(JSON.stringify(second?.body["messages"]), "/ is 91% full")
      // The next iteration knows no more of this one than its summary.
      assert.include(JSON.stringify(third?.body["messages"]), "/ is 91% full")
      assert.notInclude(JSON.stringify(third?.body["messages"]), "nearly full")

      const log = yield* service.client.runs.log({ path: { run_id: run.id }, urlParams: {} })
      assert.include(log, "Let me look.")
      assert.include(log, "disk")
    })
  )

  it.scopedLive("are run by hand, listed and shown; what fails exits with 1 and leaves no run", () =>
    Effect.gen(function* () {
      const { models, service } = yield* started
      models.script(say("Roses are red."), cut("Violets are"))
      const spoken = yield* cli(service, "run", "poet", "--input", "Flowers, please")
      assert.deepStrictEqual([spoken.code, spoken.stdout], [0, "Roses are red.\n"], spoken.stderr)
      assert.include(models.calls[0]?.text ?? "", "Flowers, please")
      assert.strictEqual(models.calls[0]?.path, "/v1/chat/completions")
      const failed = yield* cli(service, "run", "poet")
      assert.deepStrictEqual([failed.code, failed.stdout], [1, ""])
      assert.match(failed.stderr, /^error: .+\n$/)
      assert.include((yield* cli(service, "run", "nobody")).stderr, 'no agent named "nobody"')

      const list = yield* cli(service, "agents", "list")
      assert.match(list.stdout, /^poet +model +local\/llama3.2 +Answers in verse$/m)
      assert.match(list.stdout, /^monitor +model +claude-sonnet-4.5 with disk/m)
      const show = yield* cli(service, "agents", "show", "monitor")
      assert.include(show.stdout, 'values: ["/", "/home"]')
      assert.strictEqual((yield* cli(service, "agents", "show", "nobody")).code, 3)
      assert.lengthOf(yield* service.client.agents.list(), 4)
      const jobs = yield* service.client.schedule.list({ urlParams: {} })
      for (const { id } of jobs) {
        assert.lengthOf(yield* service.client.schedule.history({ path: { job_id: id }, urlParams: {} }), 0)
      }
    })
  )

  it.scopedLive("never let the provider's key out", () =>
    Effect.gen(function* () {
      const { folder, models, service } = yield* started
      models.script(fails(401, `invalid x-api-key: ${key}`), fails(400, `bad ${key}`), cut("you are"))
      const runs = [yield* ran(service, "watch"), yield* ran(service, "watch"), yield* ran(service, "watch")]
      assert.deepStrictEqual(
        runs.map(({ status }) => status),
        ["failed", "failed", "failed"]
      )
      const leak = yield* ran(service, "leak")
      assert.notInclude(leak.output ?? "", "ANTHROPIC")
      assert.include((yield* ran(service, "post")).deliveries[0]?.error ?? "", "holds a secret of the service")
      const asking = yield* cli(service, "run", "asking")
      assert.strictEqual(asking.code, 1)
      assert.include(asking.stderr, "ANTHROPIC_API_KEY")

      const said = [
        JSON.stringify(runs),
        JSON.stringify(leak),
        asking.stderr,
        service.stdout(),
        service.stderr(),
        (yield* cli(service, "config", "--config", join(folder, "symbiont.toml"))).stdout,
        (yield* cli(service, "audit", "query", "--format", "json")).stdout,
        (yield* cli(service, "export")).stdout,
        (yield* cli(service, "why", "watch")).stdout,
        (yield* cli(service, "agents", "list", "--format", "json")).stdout,
        yield* Effect.promise(async () => (await fetch(`${service.url}/metrics`)).text())
      ]
      for (const text of said) assert.notInclude(text, key)
      for (const file of filesUnder(folder)) assert.isFalse(readFileSync(file).includes(key), file)
    })
  )
})
