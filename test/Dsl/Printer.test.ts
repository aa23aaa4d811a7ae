import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { AgentId, type CommandAgent, type ModelAgent, type UrlAgent } from "../../src/Domain/Agent.ts"
import { DurationText } from "../../src/Domain/Duration.ts"
import { type JobDefinition, JobName } from "../../src/Domain/Job.ts"
import { parseFile, printAgent, printSchedule } from "../../src/Dsl.ts"
import { fixture, read } from "./support.ts"

const text = FastCheck.oneof(
  FastCheck.string({ unit: "binary" }),
  FastCheck.string({
    unit: FastCheck.constantFrom('"', "\\", "\n", "\r", "\t", "#", "{", "}", "$", "a", " ", "\uFEFF", "\uD800")
  })
)
const filled = text.filter((value) => value.length > 0)
const label = FastCheck.oneof(FastCheck.constantFrom("a", "daily-report", "true", "schedule", "5m"), filled)
const name = label.filter((value) => value.length <= 200 && /^[^\p{Cc}]+$/u.test(value))
const key = text.filter((value) => value !== "__proto__")
const duration = FastCheck.constantFrom("90s", "5m", "1h30m", "2555d", "1500ms").map((value) =>
  DurationText.make(value)
)
const runtime = FastCheck.oneof(duration, FastCheck.constant("none" as const))
const mode = FastCheck.constantFrom("ephemeral_with_summary", "shared_persistent", "fully_ephemeral")
const some = <A>(arbitrary: FastCheck.Arbitrary<A>) => FastCheck.array(arbitrary, { maxLength: 3 })
const partial = <A extends Record<string, FastCheck.Arbitrary<unknown>>>(model: A) =>
  FastCheck.record(model, { requiredKeys: [] })

const trigger = FastCheck.oneof(
  FastCheck.record({ cron_expr: filled }),
  FastCheck.record({ cron_expr: filled, one_shot: FastCheck.constant(false) }),
  FastCheck.record({ cron_expr: filled, one_shot: FastCheck.constant(true) }),
  FastCheck.record({ every: duration }),
  FastCheck.record({ every: duration, one_shot: FastCheck.constant(true) }),
  FastCheck.record({ at: filled, one_shot: FastCheck.constant(true) })
)

const settings = partial({
  timezone: FastCheck.constantFrom("UTC", "America/New_York"),
  dst: partial({ gap: FastCheck.constantFrom("run_after", "skip"), fold: FastCheck.constantFrom("first", "both") }),
  description: text,
  misfire: FastCheck.constantFrom("run_once", "skip", "run_all"),
  max_catchup: FastCheck.integer({ min: 1, max: 1_000 }),
  input: text,
  heartbeat: FastCheck.record(
    { enabled: FastCheck.boolean(), context_mode: mode, max_iterations: FastCheck.integer({ min: 1, max: 9 }) },
    { requiredKeys: ["enabled"] }
  ),
  webhook_url: text,
  webhook_headers: FastCheck.dictionary(key, text),
  webhook_secret: text,
  webhook_body: text,
  deliver_on: some(FastCheck.constantFrom("success", "failure", "dead_letter", "approval", "skipped")),
  delivery_subject: text,
  delivery_body: text,
  slack_channel: text,
  email_recipients: some(text),
  policy: partial({
    require_approval: FastCheck.boolean(),
    approvers: some(filled),
    max_runtime: runtime,
    require_capabilities: some(filled),
    allowed_hours: FastCheck.record(
      { start: FastCheck.constant("22:00"), end: FastCheck.constant("04:00"), timezone: FastCheck.constant("UTC") },
      { requiredKeys: ["start", "end"] }
    ),
    allowed_environments: some(filled),
    require_agent_pin: FastCheck.boolean()
  }),
  policy_ref: filled,
  audit: text,
  max_retries: FastCheck.integer({ min: 1, max: 1_000 }),
  retry: partial({
    attempts: FastCheck.integer({ min: 1, max: 100 }),
    backoff: duration,
    factor: FastCheck.double({ min: 1, max: 100, noNaN: true }),
    max: duration
  }),
  on_interrupt: FastCheck.constantFrom("retry", "fail"),
  max_runtime: runtime,
  max_jitter: FastCheck.integer({ min: 0, max: 86_400 }),
  session_max_bytes: FastCheck.integer({ min: 1_024, max: 1_073_741_824 }),
  agent_pin_jwt: text,
  session_mode: mode,
  delivery: some(FastCheck.constantFrom("stdout", "log_file", "slack", "custom:pager")),
  max_concurrent: FastCheck.integer({ min: 1, max: 10_000 }),
  overlap: FastCheck.constantFrom("skip", "queue_one", "cancel_previous"),
  labels: some(filled)
})

const definition = FastCheck.tuple(name, name, trigger, settings).map(([jobName, agent, when, others]) => ({
  session_mode: "ephemeral_with_summary",
  delivery: ["log_file"],
  max_concurrent: 1,
  overlap: "skip",
  labels: [],
  ...others,
  ...when,
  name: JobName.make(jobName),
  agent_id: AgentId.make(agent)
}))

const common = FastCheck.record(
  { id: name.map((id) => AgentId.make(id)), capabilities: some(text), description: text },
  { requiredKeys: ["id", "capabilities"] }
)
const withCommon = <A>(arbitrary: FastCheck.Arbitrary<A>) =>
  FastCheck.tuple(common, arbitrary).map(([first, second]) => ({ ...first, ...second }))

const commandAgent: FastCheck.Arbitrary<CommandAgent> = withCommon(
  FastCheck.record({
    kind: FastCheck.constant("command" as const),
    command: FastCheck.tuple(text, text),
    env: FastCheck.dictionary(key, text)
  })
)
const modelAgent: FastCheck.Arbitrary<ModelAgent> = withCommon(
  FastCheck.record(
    {
      kind: FastCheck.constant("model" as const),
      model: filled,
      system_prompt: text,
      // Adding 0 turns -0, which no text tells from 0, into 0.
      temperature: FastCheck.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      max_tokens: FastCheck.integer({ min: 1 })
    },
    { requiredKeys: ["kind", "model"] }
  )
)
const urlAgent: FastCheck.Arbitrary<UrlAgent> = withCommon(
  FastCheck.record({ kind: FastCheck.constant("url" as const), url: filled })
)

/** Drops the null prototypes that the generators like. */
const plain = (value: unknown): unknown => structuredClone(value)

describe("printSchedule", () => {
  it("gives text that reads as the same definition", () => {
    FastCheck.assert(
      FastCheck.property(definition, (generated) => {
        const job = generated as JobDefinition
        const parsed = read(printSchedule(job))
        assert.deepStrictEqual(parsed.diagnostics, [])
        assert.deepStrictEqual(
          parsed.schedules.map((s) => plain(s.definition)),
          [plain(job)]
        )
      }),
      { numRuns: 400, seed: 1 }
    )
  })

  it("prints the guide's style, without defaults", () => {
    const [schedule] = read(fixture("guide_09_production-deploy.symbi")).schedules
    assert.isDefined(schedule)
    assert.strictEqual(
      printSchedule(schedule.definition),
      [
        "schedule {",
        '  name: "production-deploy"',
        '  agent: "deploy-agent"',
        '  cron: "0 0 * * 0"',
        "  policy {",
        "    require_approval: true",
        '    max_runtime: "30m"',
        '    require_capabilities: ["deployment", "production_write"]',
        "    allowed_hours: {",
        '      start: "00:00"',
        '      end: "04:00"',
        "    }",
        '    allowed_environments: ["staging", "production"]',
        "    require_agent_pin: true",
        "  }",
        "}",
        ""
      ].join("\n")
    )
  })
})

describe("printAgent", () => {
  it("gives text that reads as the same definition", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.oneof(commandAgent, modelAgent, urlAgent), (agent) => {
        const parsed = read(printAgent(agent))
        assert.deepStrictEqual(parsed.diagnostics, [])
        assert.deepStrictEqual(
          parsed.agents.map((a) => plain(a.definition)),
          [plain(agent)]
        )
      }),
      { numRuns: 400, seed: 2 }
    )
  })

  it("prints tools as they are read", () => {
    const text = `agent watcher {
  model: "m"
  tools {
    log { command: ["git", "log", "-n", "{n}", "--since={since}"] parameters {
      n { type: "integer" min: 1 max: 5 }
      since { pattern: "\\\\d+" optional: true }
    } env { A: "\${B}" } timeout: "5s" }
    get { http_get: ["a.example.com:8080"] headers { "X-Key": "\${KEY}" } max_bytes: 100 }
    tell { description: "Tell them" notify: "custom:pager" }
    files { read_files: "notes" }
  }
  tool_limits { calls: 0 bytes: 10 time: "1m" }
}`
    const first = read(text)
    assert.deepStrictEqual(first.diagnostics, [])
    const [definition] = first.agents.map((one) => one.definition)
    if (definition === undefined || definition.kind === "effect") return assert.fail("no agent")
    assert.deepStrictEqual(plain(read(printAgent(definition)).agents[0]?.definition), plain(definition))
  })

  it("prints texts of several lines between triple quotes", () => {
    const [agent] = parseFile('agent a { model: "m" system_prompt: """\nOne "1"\nTwo\n""" }', "a.symbi").agents
    assert.isDefined(agent)
    assert.isTrue(agent.definition.kind === "model")
    if (agent.definition.kind !== "model") return
    assert.strictEqual(
      printAgent(agent.definition),
      'agent a {\n  model: "m"\n  system_prompt: """\nOne "1"\nTwo\n"""\n}\n'
    )
  })
})
