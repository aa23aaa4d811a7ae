import { assert, describe, it } from "@effect/vitest"
import { lines, read } from "./support.ts"

const rawOf = (text: string): ReadonlyArray<Record<string, unknown>> => {
  const parsed = read(text)
  assert.deepStrictEqual(
    parsed.diagnostics.filter((d) => d.severity === "error"),
    []
  )
  return parsed.schedules.map((s) => s.raw)
}

const rest = (entries: string): Record<string, unknown> => {
  const [raw] = rawOf(`schedule s { agent a\n cron "@daily"\n ${entries}\n}`)
  const { agent_id: _a, cron_expr: _c, name: _n, ...others } = raw ?? {}
  return others
}

describe("entries", () => {
  it("take a colon, an equals sign or nothing, and any separation", () => {
    const expected = { name: "s", agent_id: "a", cron_expr: "@daily", max_retries: 2, policy: { max_runtime: "5m" } }
    for (const text of [
      'schedule s { agent: "a", cron: "@daily", max_retries: 2, policy: { max_runtime: "5m" } }',
      'schedule s { agent = a cron = "@daily" max_retries = 2 policy = { max_runtime = 5m } }',
      'schedule s { agent a cron "@daily" max_retries 2 policy { max_runtime 5m } }',
      'schedule "s"\n{\nagent:\n"a",\ncron "@daily",,\nmax_retries: 2 policy\n{\nmax_runtime: 5m\n}\n}',
      'schedule { "name": "s" "agent": "a" "cron": "@daily" "max_retries": 2 "policy": { "max_runtime": "5m", } }'
    ]) {
      assert.deepStrictEqual(rawOf(text), [expected], text)
    }
  })

  it("hold strings with escapes, and texts without", () => {
    assert.deepStrictEqual(rest(`input: "a\\"b\\\\c\\nd\\te\\u00e9$X \${Y} # // {"`), {
      input: `a"b\\c\nd\teé$X \${Y} # // {`
    })
    assert.deepStrictEqual(rest('input: """\n  a "b" \\n # no comment\n\n"""'), {
      input: '  a "b" \\n # no comment\n\n'
    })
    assert.deepStrictEqual(rest('input: """\r\na\r\n"""'), { input: "a\r\n" })
    assert.deepStrictEqual(rest('input: """one line"""'), { input: "one line" })
    assert.deepStrictEqual(rest('input: """"""'), { input: "" })
  })

  it("hold durations in every dialect", () => {
    assert.deepStrictEqual(rest("max_runtime: 60.seconds retry { backoff 1h30m, max: 2555d } max_jitter: 5m"), {
      max_runtime: "1m",
      retry: { backoff: "1h30m", max: "2555d" },
      max_jitter: 300
    })
    assert.deepStrictEqual(rest('max_runtime: none, max_jitter: "90s"'), { max_runtime: "none", max_jitter: 90 })
    assert.deepStrictEqual(rest("max_runtime: 300, max_jitter 0, retry { backoff 30 }"), {
      max_runtime: "300s",
      max_jitter: 0,
      retry: { backoff: "30s" }
    })
    assert.deepStrictEqual(rest("max_jitter 0 retry { factor: 1.5 }"), { max_jitter: 0, retry: { factor: 1.5 } })
  })

  it("hold lists of words and strings, empty ones, and trailing commas", () => {
    assert.deepStrictEqual(rest('labels: [a, "b c",] delivery []'), { labels: ["a", "b c"], delivery: [] })
    assert.deepStrictEqual(rest('labels [\n  one # first\n  "two" // second\n]'), { labels: ["one", "two"] })
  })

  it("keep a policy named and a policy written apart", () => {
    assert.deepStrictEqual(rest('policy: "strict" policy { require_approval: true }'), {
      policy_ref: "strict",
      policy: { require_approval: true }
    })
  })
})

describe("names and agents", () => {
  it("come from the block, the name key or the agent", () => {
    const parsed = rawOf(
      [
        'agent "my agent" {',
        "  schedule { every 5m }",
        "  schedule second { every 6m }",
        "  schedule { name: third, every 7m, agent: other }",
        "}",
        'schedule { agent: "fourth", every: 8m }'
      ].join("\n")
    )
    assert.deepStrictEqual(
      parsed.map((raw) => [raw["name"], raw["agent_id"]]),
      [
        ["my agent", "my agent"],
        ["second", "my agent"],
        ["third", "other"],
        ["fourth", "fourth"]
      ]
    )
  })

  it("make agents of each kind", () => {
    const { agents } = read(
      [
        'agent m(input: Text) -> Array<Text> { model: "x" temperature: 0.5 max_tokens: 10 capabilities = [read, "write"] }',
        'agent c { command: ["sh", "-c", "x"] env { A: "1" "B.C": two } description "d" }',
        'agent u {\n  url: "https://example.com"\n}'
      ].join("\n")
    )
    assert.deepStrictEqual<unknown>(
      agents.map((agent) => agent.definition),
      [
        { id: "m", kind: "model", model: "x", temperature: 0.5, max_tokens: 10, capabilities: ["read", "write"] },
        {
          id: "c",
          kind: "command",
          command: ["sh", "-c", "x"],
          env: { A: "1", "B.C": "two" },
          description: "d",
          capabilities: []
        },
        { id: "u", kind: "url", url: "https://example.com", capabilities: [] }
      ]
    )
  })
})

describe("other constructs", () => {
  const skipped: ReadonlyArray<string> = [
    'metadata {\n  version = "1"\n  schedule { broken }\n}',
    'version = "1.0"',
    'version "1.0"',
    "import other",
    'with memory = "x", // schedule {\n  timeout = 1 {\n  schedule x { }\n}',
    "with\n  a = 1,\n  b = 2.0\n{\n}",
    'capabilities {\n  tool "schedule {"\n}',
    "type T = {\n  schedule: String,\n  agent: Option<String>\n}",
    'function schedule_it(a: T<U>) -> R<T> {\n  let s = "}";\n  return schedule(s, [1, {}]);\n}',
    "function schedule(x: Y) { }",
    'policy schedule {\n  allow: ["a"]\n    if text.length <= 5 || x\n}',
    'channel c {\n  url = env("X") # }\n  text = """ } """\n}',
    'webhook {\n  provider custom\n  path "/x"\n}',
    "try { a } catch (e) { schedule { } }"
  ]
  for (const text of skipped) {
    it(`skips ${JSON.stringify(text.slice(0, 40))} at the top and in an agent`, () => {
      const behind = "schedule s { agent: a, every: 5m }"
      assert.deepStrictEqual(
        rawOf(`${text}\n${behind}\n${text}\n`).map((raw) => raw["name"]),
        ["s"]
      )
      const parsed = read(`agent a {\n${text}\n${behind}\n${text}\nurl: "u"\n}`)
      assert.deepStrictEqual(
        parsed.schedules.map((s) => s.definition.name),
        ["s"]
      )
      assert.deepStrictEqual(
        parsed.agents.map((a) => a.definition.id),
        ["a"]
      )
      assert.deepStrictEqual(
        lines(parsed).filter((line) => !line.includes("unknown key 'version'")),
        []
      )
    })
  }

  it("end where the next block begins on the same line", () => {
    assert.deepStrictEqual(
      rawOf('version = "1" schedule a { agent: x every: 5m } metadata { } schedule b { agent: x every: 5m }').map(
        (raw) => raw["name"]
      ),
      ["a", "b"]
    )
  })
})
