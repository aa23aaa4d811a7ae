import { cpSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { eventually, folderWith, type Service, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** The words after `symbi up` of `npm start`. */
const startWords = () => {
  const { scripts } = Schema.decodeUnknownSync(
    Schema.parseJson(Schema.Struct({ scripts: Schema.Struct({ start: Schema.String }) }))
  )(readFileSync(join(root, "package.json"), "utf8"))
  const [exec, node, program, up, ...words] = scripts.start.split(" ")
  assert.deepStrictEqual([exec, node, program, up], ["exec", "node", "bin/symbi.js", "up"])
  return words
}

const saidOnStdout = (service: Service, ...texts: ReadonlyArray<string | RegExp>) =>
  Effect.forEach(texts, (text) =>
    eventually(
      `${text} on stdout`,
      Effect.sync(() => (service.stdout().match(text) === null ? undefined : true))
    )
  )

describe("The quickstart, as npm start runs it", () => {
  it.scopedLive(
    "delivers from every job, stops at Ctrl-C, and does not greet twice",
    () =>
      Effect.gen(function* () {
        // A copy, so that its data do not end up in the repository.
        const folder = yield* folderWith({})
        cpSync(join(root, "examples"), join(folder, "examples"), {
          recursive: true,
          filter: (path) => !path.endsWith(".symbi") || path.includes("agents")
        })
        const words = startWords()
        const first = yield* startService({ folder, words })
        assert.match(first.stderr(), /docs: http:\/\/127\.0\.0\.1:\d+\/docs/)
        for (const name of ["machine-monitor", "load-report", "welcome"]) assert.include(first.stderr(), name)
        yield* saidOnStdout(
          first,
          /── welcome · succeeded · .*\nhello, world: this one-shot ran/,
          /── machine-monitor · succeeded · .*\ndisk \d+% free, load [\d.]+: /,
          /── load-report · succeeded · .*\n.*looks/
        )
        yield* first.signal("SIGINT")
        assert.strictEqual(yield* first.exitCode, 0, first.stderr())

        const second = yield* startService({ folder, words })
        yield* saidOnStdout(second, "machine-monitor · succeeded")
        const history = yield* second.client.schedule.history({ path: { job_id: "welcome" }, urlParams: {} })
        assert.deepStrictEqual(
          history.map(({ scheduled_for, status, trigger }) => [status, trigger, scheduled_for]),
          [["succeeded", "catch_up", Date.parse("2026-01-01T00:00:00Z")]]
        )
        assert.strictEqual((yield* second.client.schedule.get({ path: { job_id: "welcome" } })).status, "completed")
        yield* second.signal("SIGINT")
        assert.strictEqual(yield* second.exitCode, 0, second.stderr())
        assert.notInclude(second.stdout(), "welcome")
      }),
    120_000
  )
})

/** The guide's report and heartbeat examples, but that they fire each second and their agents are commands. */
const files = {
  "agents/reporter.symbi": `
agent reporter-agent {
  command: ["sh", "-c", "echo \\"report $SYMBI_SCHEDULED_FOR: $(cat)\\"; echo working >&2"]
}

schedule {
  name: "daily-report"
  agent: "reporter-agent"
  cron: "*/1 * * * * *"

  session_mode: "ephemeral_with_summary"
  delivery: ["stdout", "log_file"]

  policy {
    require_approval: false
    max_runtime: "5m"
  }
}
`,
  "agents/monitor.symbi": `
agent heartbeat-agent {
  command: ["sh", "-c", "echo iteration $SYMBI_ITERATION; test $SYMBI_ITERATION = 1 || echo sleep"]
}

schedule {
  name: "system-monitor"
  agent: "heartbeat-agent"
  every: "1s"

  heartbeat: {
    enabled: true
    context_mode: "ephemeral_with_summary"
    max_iterations: 100    # Safety limit
  }
}
`
}

const Listed = Schema.parseJson(
  Schema.Array(Schema.Struct({ id: Schema.String, name: Schema.String, status: Schema.String }))
)
const Told = Schema.parseJson(
  Schema.Array(Schema.Struct({ id: Schema.String, status: Schema.String, trigger: Schema.String }))
)
const Shown = Schema.parseJson(
  Schema.Struct({
    status: Schema.String,
    output: Schema.NullOr(Schema.String),
    stop_reason: Schema.NullOr(Schema.String),
    iterations: Schema.Array(Schema.Struct({ phase: Schema.String, summary: Schema.String })),
    deliveries: Schema.Array(Schema.Struct({ channel: Schema.String, state: Schema.String }))
  })
)

describe("A folder of one's own", () => {
  it.scopedLive("runs the guide's examples, seen through the command line and curl", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith(files)
      const service = yield* startService({ folder })
      const ask = (...words: ReadonlyArray<string>) => symbi(words, { env: { SYMBI_SERVER: service.url } })
      const get = (path: string) =>
        Effect.promise(async () => {
          const answer = await fetch(`${service.url}${path}`)
          assert.strictEqual(answer.status, 200, path)
          return answer.text()
        })

      const list = yield* ask("cron", "list", "--format", "json")
      assert.deepStrictEqual([list.code, list.stderr], [0, ""])
      assert.deepStrictEqual(
        Schema.decodeUnknownSync(Listed)(list.stdout).map(({ name, status }) => [name, status]),
        [
          ["system-monitor", "active"],
          ["daily-report", "active"]
        ]
      )

      const succeeded = (name: string) =>
        eventually(
          `a run of ${name} in the history`,
          Effect.map(
            ask("cron", "history", name, "--status", "succeeded", "--format", "json", "--limit", "1"),
            ({ code, stdout }) => {
              assert.strictEqual(code, 0)
              return Schema.decodeUnknownSync(Told)(stdout)[0]
            }
          )
        )
      const show = (id: string) => Effect.map(get(`/api/v1/runs/${id}`), Schema.decodeUnknownSync(Shown))
      const report = yield* succeeded("daily-report")
      assert.strictEqual(report.trigger, "schedule")
      const delivered = yield* eventually(
        "both deliveries of the report",
        Effect.map(show(report.id), (run) => {
          return run.deliveries.every(({ state }) => state === "delivered") ? run : undefined
        })
      )
      assert.sameMembers(
        delivered.deliveries.map(({ channel }) => channel),
        ["stdout", "log_file"]
      )
      const output = delivered.output ?? ""
      assert.match(output, /^report \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z: \n$/)
      assert.include(service.stdout(), output)
      assert.include(readFileSync(join(folder, ".symbi", "logs", "jobs", "daily-report.log"), "utf8"), output)
      assert.strictEqual(yield* get(`/api/v1/runs/${report.id}/log`), "working\n")

      const beat = Schema.decodeUnknownSync(Shown)(
        yield* get(`/api/v1/runs/${(yield* succeeded("system-monitor")).id}`)
      )
      assert.strictEqual(beat.stop_reason, "sleep")
      assert.deepStrictEqual(
        beat.iterations.map(({ summary }) => summary.split("\n")[0]),
        ["iteration 1", "iteration 2"]
      )

      const status = yield* ask("cron", "status", "daily-report", "--history", "1")
      assert.strictEqual(status.code, 0)
      assert.match(status.stdout, /^Job {7}daily-report\n/)
      assert.match(status.stdout, /\nStatus {4}active\n/)
      assert.match(status.stdout, /\nDelivery {2}stdout, log_file\n/)
      assert.match(status.stdout, /\nrun_\w+ /)

      assert.strictEqual((yield* ask("cron", "pause", "daily-report")).code, 0)
      const run = yield* ask("cron", "run", "daily-report", "--input", "by hand", "--queue", "--wait")
      assert.strictEqual(run.code, 0, run.stderr)
      assert.match(run.stdout, /^report .*: by hand$/m)
      const byHand = Schema.decodeUnknownSync(Told)(
        (yield* ask("cron", "history", "daily-report", "--format", "json", "--limit", "1")).stdout
      )
      assert.deepStrictEqual([byHand[0]?.trigger, byHand[0]?.status], ["manual", "succeeded"])

      assert.strictEqual((yield* ask("cron", "status", "nobody")).code, 3)
      assert.include(yield* get("/api/v1/health/scheduler"), `"status":"healthy","active_jobs":1,"paused_jobs":1`)
      assert.include(yield* get("/metrics"), `symbiont_cron_runs_total{job_name="system-monitor",status="succeeded"}`)
    })
  )
})
