import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Diagnostic, locateIssues, parseFile, parseFiles } from "../src/Dsl.ts"
import { fixture, lines, read } from "./Dsl/support.ts"

/** Each fixture's schedules as written (plus what is implied), and the agents that can be run. */
const expected: Record<string, { schedules: ReadonlyArray<unknown>; agents?: ReadonlyArray<string> }> = {
  "guide_01_daily-report.symbi": {
    schedules: [
      {
        name: "daily-report",
        agent_id: "reporter-agent",
        cron_expr: "0 9 * * *",
        session_mode: "ephemeral_with_summary",
        delivery: ["stdout", "log_file"],
        policy: { require_approval: false, max_runtime: "5m" }
      }
    ]
  },
  "guide_02_deployment-check.symbi": {
    schedules: [
      {
        name: "deployment-check",
        agent_id: "health-checker",
        at: "2026-02-15T14:30:00Z",
        one_shot: true,
        delivery: ["webhook"],
        webhook_url: "https://ops.example.com/hooks/deployment"
      }
    ]
  },
  "guide_03_system-monitor.symbi": {
    schedules: [
      {
        name: "system-monitor",
        agent_id: "heartbeat-agent",
        cron_expr: "*/5 * * * *",
        heartbeat: { enabled: true, context_mode: "ephemeral_with_summary", max_iterations: 100 }
      }
    ]
  },
  "guide_04_heartbeat-monitor.symbi": {
    schedules: [
      {
        name: "heartbeat-monitor",
        agent_id: "heartbeat_monitor",
        cron_expr: "*/10 * * * *",
        heartbeat: { enabled: true, context_mode: "ephemeral_with_summary", max_iterations: 50 },
        delivery: ["log_file", "slack"],
        slack_channel: "#ops-alerts"
      }
    ],
    agents: ["heartbeat_monitor"]
  },
  "guide_05_data-pipeline.symbi": {
    schedules: [
      {
        name: "data-pipeline",
        agent_id: "etl-agent",
        cron_expr: "0 2 * * *",
        session_mode: "ephemeral_with_summary"
      }
    ]
  },
  "guide_06_backup.symbi": {
    schedules: [{ name: "backup", agent_id: "backup-agent", cron_expr: "0 3 * * *", delivery: ["log_file"] }]
  },
  "guide_07_security-scan.symbi": {
    schedules: [
      {
        name: "security-scan",
        agent_id: "scanner",
        cron_expr: "0 1 * * *",
        delivery: ["log_file", "slack", "email"],
        slack_channel: "#security",
        email_recipients: ["ops@example.com", "security@example.com"]
      }
    ]
  },
  "guide_08_metrics-report.symbi": {
    schedules: [
      {
        name: "metrics-report",
        agent_id: "metrics-agent",
        cron_expr: "*/30 * * * *",
        delivery: ["webhook"],
        webhook_url: "https://metrics.example.com/ingest",
        webhook_headers: {
          Authorization: `Bearer \${METRICS_API_KEY}`,
          "Content-Type": "application/json"
        }
      }
    ]
  },
  "guide_09_production-deploy.symbi": {
    schedules: [
      {
        name: "production-deploy",
        agent_id: "deploy-agent",
        cron_expr: "0 0 * * 0",
        policy: {
          require_approval: true,
          max_runtime: "30m",
          require_capabilities: ["deployment", "production_write"],
          allowed_hours: { start: "00:00", end: "04:00" },
          allowed_environments: ["staging", "production"],
          require_agent_pin: true
        }
      }
    ]
  },
  "guide_10_data-sync.symbi": {
    schedules: [{ name: "data-sync", agent_id: "sync-agent", cron_expr: "*/5 * * * *", max_concurrent: 2 }]
  },
  "guide_11_flaky-job.symbi": {
    schedules: [{ name: "flaky-job", agent_id: "unreliable-agent", cron_expr: "0 * * * *", max_retries: 3 }]
  },
  "guide_12_secure-task.symbi": {
    schedules: [
      {
        name: "secure-task",
        agent_id: "trusted-agent",
        cron_expr: "0 * * * *",
        agent_pin_jwt: `\${AGENT_PIN_JWT}`,
        policy: { require_agent_pin: true }
      }
    ]
  },
  "guide_13_my-job.diff": {
    schedules: [
      {
        name: "my-job",
        agent_id: "my-agent",
        cron_expr: "0 * * * *",
        max_concurrent: 2,
        agent_pin_jwt: `\${AGENT_PIN_JWT}`,
        policy: { require_agent_pin: true }
      }
    ]
  },
  "flat_schedule_definition_parsing.symbi": {
    schedules: [
      {
        name: "morning_report",
        agent_id: "compliance_reporter",
        cron_expr: "0 7 * * 1-5",
        timezone: "America/New_York",
        policy_ref: "hipaa_guard",
        audit: "all_operations"
      }
    ]
  },
  "flat_schedule_one_shot.symbi": {
    schedules: [
      {
        name: "quarterly_check",
        agent_id: "sox_auditor",
        at: "2026-03-31T23:59:00",
        timezone: "UTC",
        one_shot: true
      }
    ]
  },
  "flat_multiple_schedules.symbi": {
    schedules: [
      { name: "job_a", agent_id: "agent_a", cron_expr: "0 * * * *" },
      { name: "job_b", agent_id: "agent_b", at: "2026-06-01T12:00:00", one_shot: true }
    ]
  },
  "spaced_in_agent_unnamed.symbi": {
    schedules: [{ name: "foo", agent_id: "foo", cron_expr: "0 6 * * *", max_jitter: 300 }]
  },
  "spaced_hybrid_compliance_agent.dsl": {
    schedules: [
      {
        name: "compliance_agent",
        agent_id: "compliance_agent",
        cron_expr: "0 6 * * *",
        max_jitter: 300,
        max_concurrent: 1
      }
    ]
  },
  "equals_claude_code_skill.symbi": {
    schedules: [{ name: "cron_task", agent_id: "name", cron_expr: "0 9 * * MON-FRI" }]
  },
  "no_schedule_nlp_processor.symbi": { schedules: [] },
  "no_schedule_orga_task-agent.symbi": { schedules: [] },
  "no_schedule_hybrid_data_processor.dsl": { schedules: [] },
  "no_schedule_samples_valid_complete_example.dsl": { schedules: [] }
}

describe("parseFile", () => {
  for (const [name, { agents = [], schedules }] of Object.entries(expected)) {
    it(`reads ${name}`, () => {
      const parsed = parseFile(fixture(name), name)
      assert.deepStrictEqual(
        parsed.diagnostics.filter((d) => d.severity === "error"),
        []
      )
      assert.deepStrictEqual<unknown>(
        parsed.schedules.map((schedule) => schedule.raw),
        schedules
      )
      assert.deepStrictEqual<unknown>(
        parsed.agents.map((agent) => agent.definition.id),
        agents
      )
    })
  }

  it("fills in the defaults of a definition", () => {
    const [schedule] = read(fixture("guide_10_data-sync.symbi")).schedules
    assert.deepStrictEqual<unknown>(schedule?.definition, {
      name: "data-sync",
      agent_id: "sync-agent",
      cron_expr: "*/5 * * * *",
      max_concurrent: 2,
      session_mode: "ephemeral_with_summary",
      delivery: ["log_file"],
      overlap: "skip",
      labels: []
    })
  })

  it("keeps a triple-quoted prompt byte for byte", () => {
    const text = fixture("guide_04_heartbeat-monitor.symbi")
    const [agent] = read(text).agents
    const from = text.indexOf('"""\n') + 4
    assert.deepStrictEqual<unknown>(agent?.definition, {
      id: "heartbeat_monitor",
      kind: "model",
      model: "claude-sonnet-4.5",
      system_prompt: text.slice(from, text.indexOf('"""', from)),
      capabilities: []
    })
    assert.include(JSON.stringify(agent?.definition), "Return 'sleep' when done")
  })

  it("refuses a schedule without a trigger, at its head", () => {
    assert.deepStrictEqual(lines(read(fixture("invalid_flat_schedule_missing_cron_and_at.symbi"))), [
      "1:1 error: a schedule must specify either 'cron' or 'at' or 'every'"
    ])
  })

  it("reports a missing closing brace where it was opened", () => {
    assert.deepStrictEqual(lines(read(fixture("invalid_samples_invalid_missing_brace.dsl"))), [
      "1:10 error: syntax error: this '{' is never closed"
    ])
  })

  it("accepts a byte order mark and CRLF, with the same positions", () => {
    for (const name of Object.keys(expected)) {
      const text = fixture(name)
      const plain = read(text)
      const windows = read(`\uFEFF${text.replaceAll("\n", "\r\n")}`)
      const withoutPrompts = (raw: unknown) => JSON.parse(JSON.stringify(raw).replaceAll("\\r\\n", "\\n"))
      assert.deepStrictEqual(
        windows.schedules.map((s) => withoutPrompts(s.raw)),
        plain.schedules.map((s) => withoutPrompts(s.raw))
      )
      assert.deepStrictEqual(windows.diagnostics, plain.diagnostics)
    }
  })

  it("says where a block stands", () => {
    const text = "# first\nagent a { command: [x] }\n  schedule b { cron: daily, agent: a }\n"
    const { agents, schedules } = read(text)
    const slice = (span: { offset: number; length: number } | undefined) =>
      span && text.slice(span.offset, span.offset + span.length)
    assert.strictEqual(slice(agents[0]?.span), "agent a { command: [x] }")
    assert.strictEqual(slice(schedules[0]?.span), "schedule b { cron: daily, agent: a }")
    assert.deepInclude(schedules[0]?.span, { line: 3, column: 3 })
  })

  it("makes diagnostics that are data", () => {
    const decode = Schema.decodeUnknownSync(Schema.Array(Diagnostic))
    const { diagnostics } = read("schedule {}\nshedule x {}\n")
    assert.isAbove(diagnostics.length, 1)
    assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(diagnostics))), diagnostics)
  })

  it("refuses a text longer than 16 MiB", () => {
    assert.deepStrictEqual(lines(read(" ".repeat(16 * 1024 * 1024 + 1))), [
      "1:1 error: this file is longer than 16 MiB"
    ])
  })
})

describe("parseFiles", () => {
  it("merges files and names both places of a name taken twice", () => {
    const parsed = parseFiles([
      { path: "one.symbi", text: 'agent a { url: "https://a.example" }\nschedule s { cron: "@daily" agent: a }' },
      {
        path: "two.symbi",
        text: '\nschedule s { every: 5m agent: a }\nagent a { command: ["true"] }\nschedule t { every: 5m agent: a }'
      }
    ])
    assert.deepStrictEqual(
      parsed.schedules.map((s) => [s.file, s.definition.name]),
      [
        ["one.symbi", "s"],
        ["two.symbi", "t"]
      ]
    )
    assert.deepStrictEqual(
      parsed.agents.map((a) => [a.file, a.definition.id]),
      [["one.symbi", "a"]]
    )
    assert.deepStrictEqual(
      parsed.diagnostics.map((d) => `${d.file}:${d.line}:${d.column}: ${d.message}`),
      [
        'two.symbi:2:1: a second schedule named "s"; the first is at one.symbi:2:1',
        'two.symbi:3:1: a second agent named "a"; the first is at one.symbi:1:1'
      ]
    )
  })
})

describe("locateIssues", () => {
  it("puts issues found later where the field was written", () => {
    const [schedule] = read('schedule s {\n  agent: a\n  cron: "61 * * * *"\n  policy { max_runtime: 5m }\n}').schedules
    assert.isDefined(schedule)
    const found = locateIssues(schedule, [
      { path: "cron_expr", message: "minute 61 is above 59" },
      { path: "policy.approvers", message: "names nobody" },
      { path: "", message: "never fires" }
    ])
    assert.deepStrictEqual(
      found.map((d) => `${d.line}:${d.column} ${d.message}`),
      ["3:9 'cron': minute 61 is above 59", "4:3 'policy.approvers': names nobody", "1:1 never fires"]
    )
  })
})
