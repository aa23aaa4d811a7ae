import { assert, describe, it } from "@effect/vitest"
import { renderDiagnostic } from "../../src/Dsl.ts"
import { hints, lines, read } from "./support.ts"

const schedule = (rest: string): string => `schedule s { agent: a, cron: "@daily", ${rest} }`

const names = (text: string): ReadonlyArray<string> => read(text).schedules.map((s) => s.definition.name)

describe("recovery", () => {
  it("knows the places of many keys, in each of several blocks", () => {
    const headers = Array.from({ length: 40 }, (_, n) => `    h${n}: "x"`)
    const block = (name: string, over: string) =>
      `schedule ${name} {\n  agent: a\n  every: 5m\n  webhook_headers: {\n${headers.join("\n")}\n    ${over}: "y"\n  }\n}`
    assert.deepStrictEqual(lines(read(`${block("one", "h39")}\n${block("two", "h0")}\n${block("three", "h40")}`)), [
      "45:5 error: 'h39' is given twice; the first is on line 44",
      "92:5 error: 'h0' is given twice; the first is on line 52"
    ])
  })

  it("reports all errors of a file, each at its place", () => {
    const text = [
      "schedule one {",
      "  agent: a",
      '  cron: "0 9 * * *',
      "}",
      "schedule two {",
      "  agent: b",
      '  max_retries: "3"',
      "  every: 5m",
      "}",
      "schedule three {",
      "  agent: c",
      "  session_mode: ephemeral",
      "  timezone: America/New_York",
      "  at:",
      "}",
      "schedule four { agent: d, every: 1h }"
    ].join("\n")
    const parsed = read(text)
    assert.deepStrictEqual(lines(parsed), [
      "3:9 error: this string is not closed on its line",
      `7:16 error: 'max_retries' must be a number, found the string "3"`,
      `12:17 error: 'session_mode' cannot be "ephemeral"; it is one of ephemeral_with_summary, shared_persistent, fully_ephemeral`,
      "13:20 error: unexpected '/' after the value of 'timezone'",
      "14:3 error: 'at' has no value"
    ])
    assert.deepStrictEqual(
      parsed.schedules.map((s) => s.definition.name),
      ["four"]
    )
  })

  it("reads the schedules behind a missing brace", () => {
    const parsed = read(
      "schedule a {\n  agent: x\n  policy {\n    max_runtime: 5m\n}\nschedule b { agent: y every: 5m }"
    )
    assert.deepStrictEqual(lines(parsed), ["1:12 error: syntax error: this '{' is never closed"])
    assert.deepStrictEqual(
      parsed.schedules.map((s) => s.definition.name),
      ["b"]
    )
    assert.deepStrictEqual(names("metadata {\n  a: 1\nschedule b { agent: y every: 5m }"), ["b"])
    assert.deepStrictEqual(names("agent x {\n  schedule in { every 5m }\nschedule b { agent: y every: 5m }"), [
      "in",
      "b"
    ])
  })

  it("reads the keys behind a missing bracket", () => {
    const parsed = read("schedule a {\n  agent: x\n  labels: [one, two\n  max_retries: no\n  every: 5m\n}")
    assert.deepStrictEqual(lines(parsed), [
      "3:11 error: syntax error: this '[' is never closed",
      "4:16 error: 'max_retries' must be a number, found the word no"
    ])
  })

  it("names what closes nothing and what begins nothing", () => {
    assert.deepStrictEqual(lines(read('}\n"text"\nschedule a { agent: x every: 5m }\n')), [
      "1:1 error: syntax error: this '}' closes nothing",
      `2:1 error: expected a schedule or agent block, found '"text"'`
    ])
  })

  it("refuses nesting without end, without ending itself", () => {
    const deep = `${"[".repeat(5_000)}${"]".repeat(5_000)}`
    assert.deepStrictEqual(lines(read(schedule(`labels: ${deep}`))), [
      "1:49 error: this element must be a string, found a list",
      "1:80 error: nested more than 32 deep"
    ])
  })

  it("keeps at least one error and stops counting at 500", () => {
    const { diagnostics } = read(`${"shedule { }\n".repeat(600)}${"}\n".repeat(600)}`)
    assert.strictEqual(diagnostics.filter((d) => d.severity === "error").length, 500)
    assert.strictEqual(diagnostics.filter((d) => d.severity === "warning").length, 500)
    assert.sameMembers(
      diagnostics.slice(-2).map((d) => d.message),
      ["more than 500 warnings; the further ones are left out", "more than 500 errors; the further ones are left out"]
    )
  })
})

describe("schedules", () => {
  const errors: ReadonlyArray<readonly [name: string, text: string, expected: ReadonlyArray<string>]> = [
    ["no trigger", "schedule s { agent: a }", ["1:1 error: a schedule must specify either 'cron' or 'at' or 'every'"]],
    [
      "two triggers",
      'schedule s {\n  agent: a\n  cron: "@daily"\n  every: 5m\n}',
      ["4:3 error: a schedule takes only one of 'cron', 'at' and 'every'; 'cron' is on line 3"]
    ],
    ["no agent", 'schedule s { cron: "@daily" }', ["1:1 error: this schedule names no agent"]],
    [
      "no brace",
      'schedule\nagent a { url: "http://x" }',
      ["1:1 error: expected a name or '{' after 'schedule', found 'agent'"]
    ],
    ["a key twice", schedule("\ncron: x"), ["2:1 error: 'cron' is given twice; the first is on line 1"]],
    [
      "a nested key twice",
      schedule("policy { max_runtime: 5m max_runtime: 6m }"),
      ["1:65 error: 'max_runtime' is given twice; the first is on line 1"]
    ],
    [
      "a name twice in a file",
      `${schedule("")}\n${schedule("")}`,
      [`2:1 error: a second schedule named "s"; the first is on line 1`]
    ],
    ["two names", schedule("name: t"), [`1:46 error: this schedule is named "s" on line 1 already`]],
    [
      "an out-of-range number",
      schedule("max_retries: 0"),
      ["1:53 error: 'max_retries': expected a number between 1 and 1000, found 0"]
    ],
    [
      "a number with quotes",
      schedule('max_concurrent: "2"'),
      [`1:56 error: 'max_concurrent' must be a number, found the string "2"`]
    ],
    ["a string without words", schedule("input: 5"), ["1:47 error: 'input' must be a string, found 5"]],
    [
      "a quoted boolean",
      schedule('policy { require_approval: "true" }'),
      [`1:67 error: 'require_approval' must be true or false, found the string "true"`]
    ],
    [
      "seconds in quotes",
      schedule('max_runtime: "300"'),
      [`1:53 error: 'max_runtime' must be a duration such as "90s", "5m" or "1h30m" or "none", found the string "300"`]
    ],
    [
      "a word as list",
      schedule("delivery: stdout"),
      ["1:50 error: 'delivery' must be a list [ … ], found the word stdout"]
    ],
    ["a list as block", schedule("policy: []"), ["1:48 error: 'policy' must be a block { … }, found a list"]],
    [
      "an unknown channel",
      schedule('delivery: ["stdout", slak]'),
      [
        `1:61 error: 'delivery.1': "slak" is no delivery channel; use one of stdout, log_file, webhook, slack, email, custom:<name>`
      ]
    ],
    ["a missing nested key", schedule("heartbeat { max_iterations: 3 }"), ["1:40 error: 'enabled' is missing"]],
    [
      "jitter below a second",
      schedule("max_jitter: 1500ms"),
      [`1:52 error: 'max_jitter' must be whole seconds or a duration such as "90s" or "5m", found the duration 1500ms`]
    ],
    [
      "an unknown zone",
      schedule('timezone: "Mars/Olympus"'),
      [
        `1:50 error: 'timezone': "Mars/Olympus" is no known IANA time zone; use a name such as "UTC" or "America/New_York"`
      ]
    ],
    [
      "equal hours",
      schedule('policy { allowed_hours { start: "04:00" end: "04:00" } }'),
      ["1:63 error: 'policy.allowed_hours': start and end must differ"]
    ],
    [
      "an instant that is no one-shot",
      'schedule s { agent: a at: "2026-02-15T14:30:00Z" one_shot: false }',
      ["1:60 error: a schedule with 'at' is a one-shot; one_shot cannot be false"]
    ],
    ["an unknown escape", schedule('input: "a\\d"'), ["1:49 error: unknown escape '\\d'"]],
    [
      "a half number",
      schedule("max_retries: 3x"),
      ["1:53 error: '3x' is neither a number nor a duration such as 90s, 5m or 1h30m"]
    ],
    [
      "a policy block with a name",
      schedule("policy strict { }"),
      ["1:54 error: unexpected '{' after the value of 'policy'"]
    ],
    ["a map in a list", schedule("delivery: [a: 1, b: 2]"), ["1:52 error: unexpected ':' in a list"]]
  ]
  for (const [name, text, expected] of errors) {
    it(`refuses ${name}`, () => {
      const parsed = read(text)
      assert.deepStrictEqual(lines(parsed), expected)
      assert.isAtMost(parsed.schedules.length, 1)
    })
  }

  it("warns of unknown keys and says what was meant", () => {
    const parsed = read(schedule("max_retrys: 3, agent_id: b, colour: red, policy { aprovers: [a] }"))
    assert.deepStrictEqual(lines(parsed), [
      "1:40 warning: unknown key 'max_retrys' is ignored",
      "1:55 warning: unknown key 'agent_id' is ignored",
      "1:68 warning: unknown key 'colour' is ignored",
      "1:90 warning: unknown key 'aprovers' is ignored"
    ])
    assert.deepStrictEqual(hints(parsed), [
      "did you mean max_retries?",
      "in a file it is written agent",
      undefined,
      "did you mean approvers?"
    ])
    assert.strictEqual(parsed.schedules.length, 1)
  })

  it("says which value was meant", () => {
    const wrong = schedule('session_mode: shared, overlap: "skp", delivery: ["slak"], max_runtime: "300"')
    assert.deepStrictEqual(hints(read(wrong)), [
      "did you mean shared_persistent?",
      "did you mean skip?",
      "did you mean slack?",
      `write 300 without quotes, or "300s"`
    ])
  })

  it("warns of a block that is almost a schedule or an agent", () => {
    const parsed = read('shedule s { agent: a }\nAgents a { url: "x" }\nmetadata { }')
    assert.deepStrictEqual(lines(parsed), [
      "1:1 warning: this 'shedule' block is ignored",
      "2:1 warning: this 'Agents' block is ignored"
    ])
    assert.deepStrictEqual(hints(parsed), ["did you mean schedule?", "did you mean agent?"])
  })
})

describe("agents", () => {
  const cases: ReadonlyArray<readonly [name: string, text: string, expected: ReadonlyArray<string>]> = [
    [
      "no way to run",
      "agent a { }",
      [`1:1 warning: agent "a" is not loaded: it has none of 'model', 'command' and 'url'`]
    ],
    [
      "two ways to run",
      'agent a { model: m\n url: "u" }',
      ["2:2 error: an agent takes only one of 'model', 'command' and 'url'; it has 'model' too"]
    ],
    ["no name", "agent { }", ["1:1 error: expected a name after 'agent'"]],
    [
      "a name taken",
      'agent a { url: "u" }\nagent a { url: "v" }',
      [`2:1 error: a second agent named "a"; the first is on line 1`]
    ],
    ["an empty command", "agent a { command: [] }", ["1:11 error: 'command' must not be empty"]],
    [
      "an environment of numbers",
      "agent a { command: [x] env { PORT: 1 } }",
      ["1:36 error: 'PORT' must be a string, found 1"]
    ],
    [
      "an idle key",
      'agent a { url: "u" temperature: 0.5 }',
      ["1:20 warning: 'temperature' has no effect on an agent with 'url'"]
    ],
    ["an unknown key", "agent a { model: m max_token: 5 }", ["1:20 warning: unknown key 'max_token' is ignored"]]
  ]
  for (const [name, text, expected] of cases) {
    it(`speaks of ${name}`, () => assert.deepStrictEqual(lines(read(text)), expected))
  }
})

describe("renderDiagnostic", () => {
  const render = (text: string): string =>
    read(text)
      .diagnostics.map((d) => renderDiagnostic(d, text))
      .join("\n\n")

  it("shows the line, a caret and the hint", () => {
    assert.strictEqual(
      render('schedule s {\r\n\tagent: a\r\n\tevery: 0.5\r\n\tsesion_mode: "x"\r\n}\r\n'),
      [
        `a.symbi:3:9: error: 'every' must be a duration such as "90s", "5m" or "1h30m", found 0.5`,
        "\tevery: 0.5",
        "\t       ^^^",
        "",
        "a.symbi:4:2: warning: unknown key 'sesion_mode' is ignored",
        '\tsesion_mode: "x"',
        "\t^^^^^^^^^^^",
        "hint: did you mean session_mode?"
      ].join("\n")
    )
  })

  it("stays under wide characters, shortens long lines and shows nothing that a terminal obeys", () => {
    assert.strictEqual(
      render('schedule s { agent: "🦊", every: 5x }'),
      [
        "a.symbi:1:34: error: '5x' is neither a number nor a duration such as 90s, 5m or 1h30m",
        'schedule s { agent: "🦊", every: 5x }',
        `${" ".repeat(32)}^^`
      ].join("\n")
    )
    const shown = render(`schedule s { agent: a, input: "${"x".repeat(5_000)}", overlap: "\u001b[31m" }`)
    assert.notInclude(shown, "\u001b")
    assert.isBelow(shown.length, 600)
    assert.include(shown, `overlap: "\uFFFD[31m"`)
  })
})
