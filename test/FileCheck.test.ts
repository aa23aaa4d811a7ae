import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { AgentId, CommandAgent } from "../src/Domain/Agent.ts"
import { type CheckContext, checkFiles } from "../src/FileCheck.ts"
import { DeliverySettings } from "../src/Settings/Delivery.ts"

const context: CheckContext = {
  now: Date.UTC(2026, 10, 21),
  timezone: "UTC",
  variables: { TOKEN: "canary-4711", constructor: undefined },
  agents: [CommandAgent.make({ id: AgentId.make("known"), kind: "command", command: ["true"] })],
  policies: new Map(),
  channels: null,
  unset: "error"
}

const check = (text: string, over: Partial<CheckContext> = {}) =>
  checkFiles([{ path: "a.symbi", text }], { ...context, ...over })

const told = (text: string, over: Partial<CheckContext> = {}) =>
  check(text, over).diagnostics.map((d) => `${d.line}:${d.column} ${d.severity}: ${d.message}`)

describe("checkFiles", () => {
  const cases: ReadonlyArray<readonly [what: string, text: string, expected: ReadonlyArray<string>]> = [
    ["nothing wrong", "schedule s { agent: known every: 5m }", []],
    [
      "a field out of range",
      'schedule s {\n  agent: known\n  cron: "0 24 * * *"\n}',
      [`3:9 error: 'cron': hour: 24 is out of range 0-23`]
    ],
    [
      "a cron expression that never fires",
      'schedule s {\n  agent: known\n  cron: "0 0 30 2 *"\n}',
      [`3:9 error: 'cron': "0 0 30 2 *" never fires: no month has such a day`]
    ],
    [
      "an instant that is none",
      'schedule s { agent: known at: "tomorrow" }',
      [
        `1:31 error: 'at': "tomorrow" is no date and time; use ISO 8601 such as 2026-02-15T14:30:00Z, or without an offset for the job's timezone`
      ]
    ],
    [
      "a webhook without an address, at the list that asks for it",
      'schedule s {\n  agent: known\n  every: 5m\n  delivery: ["webhook"]\n}',
      [`4:13 error: 'webhook_url': delivery to webhook needs a webhook_url`]
    ],
    [
      "an address that is none",
      'schedule s { agent: known every: 5m delivery: ["webhook"] webhook_url: "ftp://x" }',
      ["1:72 error: 'webhook_url': must be an http or https URL"]
    ],
    [
      "templates, headers, recipients, at the values that are wrong",
      [
        "schedule s {",
        "  agent: known",
        "  every: 5m",
        '  delivery_subject: "{{job.nme}}"',
        "  webhook_headers {",
        '    "X-Ok": "a"',
        '    Host: "b"',
        "  }",
        '  email_recipients: ["a@b.c", "nobody"]',
        '  deliver_on: ["failure", "failure"]',
        "}"
      ].join("\n"),
      [
        `4:21 error: 'delivery_subject': line 1, column 3 of the template: there is no "job.nme"; did you mean job.name?`,
        "7:11 error: 'webhook_headers.Host': the header Host is set by the service; leave it out",
        `9:31 error: 'email_recipients.1': "nobody" is no email address: it has no @`,
        "10:27 error: 'deliver_on.1': failure stands here twice"
      ]
    ],
    [
      "a word that is none",
      'schedule s { agent: known every: 5m deliver_on: ["failed"] delivery_bdy: "x" }',
      [
        `1:50 error: this element cannot be "failed"; it is one of success, failure, dead_letter, approval, skipped`,
        "1:60 warning: unknown key 'delivery_bdy' is ignored"
      ]
    ],
    [
      "an instant that is past",
      'schedule s { agent: known at: "2026-11-20T23:59:59Z" }',
      ["1:31 warning: 2026-11-20T23:59:59Z is already past; it will not run"]
    ],
    ["an instant that is past, with a word on it", 'schedule s { agent: known misfire: skip at: "2026-11-20" }', []],
    [
      "an agent that nobody knows",
      "schedule s { agent: knwon every: 5m }",
      [`1:21 warning: no agent named "knwon" is loaded; its runs will be denied until one is`]
    ],
    [
      "an agent with an error of its own",
      "agent a { command: [] }\nschedule s { agent: a every: 5m }",
      ["1:11 error: 'command' must not be empty"]
    ],
    [
      "a policy that nobody provides",
      'schedule s { agent: known every: 5m policy: "strict" }',
      [`1:45 warning: no policy named "strict" is provided; runs will be denied`]
    ],
    [
      "variables of tools and of url agents that are not set",
      [
        `agent a { model: m tools { get { http_get: ["a.b"] headers: { "X-Key": "\${LACKING}" } }`,
        `  run { command: ["echo", "$X"] env { A: "\${TOKEN}\${GONE}" } } } }`,
        `agent b { url: "https://x/\${PATH_OF}" headers: { k: "\${KEY_OF}" } }`
      ].join("\n"),
      [
        "1:73 error: the environment variable LACKING is not set",
        "2:51 error: the environment variable GONE is not set",
        "3:27 error: the environment variable PATH_OF is not set",
        "3:54 error: the environment variable KEY_OF is not set"
      ]
    ],
    [
      "variables that are not set, where they are used",
      [
        `agent a { command: [x] env { A: "\${TOKEN}\${MISSING}" } }`,
        "schedule s {",
        "  agent: known",
        "  every: 5m",
        `  webhook_headers { "X": "a \${TOKEN} \${OTHER} \${constructor}" }`,
        `  agent_pin_jwt: "\${JWT}"`,
        `  webhook_body: "{{output}} \${BODY}" webhook_secret: "\${TOKEN} \${OLD}" email_recipients: ["a@b.c", "\${OPS}"]`,
        `  slack_channel: "\${ROOM}" delivery_body: "\${NOT_RESOLVED}"`,
        "}"
      ].join("\n"),
      [
        "1:42 error: the environment variable MISSING is not set",
        "5:38 error: the environment variable OTHER is not set",
        "5:47 error: the environment variable constructor is not set",
        "6:19 error: the environment variable JWT is not set",
        "7:29 error: the environment variable BODY is not set",
        "7:64 error: the environment variable OLD is not set",
        "7:101 error: the environment variable OPS is not set",
        "8:19 error: the environment variable ROOM is not set"
      ]
    ],
    [
      "variables of a shell, which are its own",
      `agent a { command: ["sh", "-c", "echo \${HOME_OF_X}"] }\nschedule s { agent: a every: 5m input: "\${Y}" }`,
      []
    ],
    [
      "everything wrong with one schedule at once",
      'schedule s {\n  agent: known\n  cron: "61 * * * *"\n  overlap: skpi\n  max_retries: 0\n  webhook_url: 5\n  delivery: ["webhook"]\n}',
      [
        `3:9 error: 'cron': minute: 61 is out of range 0-59`,
        `4:12 error: 'overlap' cannot be "skpi"; it is one of skip, queue_one, cancel_previous`,
        "5:16 error: 'max_retries': expected a number between 1 and 1000, found 0",
        "6:16 error: 'webhook_url' must be a string, found 5"
      ]
    ],
    [
      "a name taken by a schedule with an error",
      "schedule s { agent: known every: 0 }\nschedule s { agent: known every: 5m }",
      [
        `1:34 error: 'every' must be a duration such as "90s", "5m" or "1h30m", found 0`,
        `2:1 error: a second schedule named "s"; the first is on line 1`
      ]
    ]
  ]
  for (const [what, text, expected] of cases) {
    it(`says: ${what}`, () => assert.deepStrictEqual(told(text), expected))
  }

  it("keeps only schedules without errors, with their recurrence", () => {
    const { schedules } = check(
      `schedule a { agent: known cron: "0 9 * * *" }\nschedule b { agent: known cron: "61 * * * *" }\nschedule c { agent: known every: 5m webhook_headers { A: "\${NOT}" } }`,
      { timezone: "Europe/Berlin" }
    )
    assert.deepStrictEqual(
      schedules.map(({ recurrence, schedule }) => [`${schedule.definition.name}`, recurrence.next(context.now)]),
      [["a", Date.UTC(2026, 10, 21, 8)]]
    )
  })

  it("says of each channel what the configuration lacks, if it is known", () => {
    const text = 'schedule s {\n  agent: known\n  every: 5m\n  delivery: ["stdout", "slack", "custom:pager"]\n}'
    const settings = Schema.decodeUnknownSync(DeliverySettings)({})
    const channels = { settings, inCode: new Map([["pager", true]]) }
    assert.deepStrictEqual(told(text), [])
    assert.deepStrictEqual(told(text, { channels }), [
      "4:24 warning: delivery to slack needs slack_api_token (SYMBI_SLACK_TOKEN) or slack_webhook_url under [scheduler.delivery]; until it is set, such deliveries will fail"
    ])
  })

  it("can take an unset variable for a warning", () => {
    const text = `schedule s { agent: known every: 5m agent_pin_jwt: "\${JWT}" }`
    assert.deepStrictEqual(told(text, { unset: "warning" }), ["1:53 warning: the environment variable JWT is not set"])
    assert.lengthOf(check(text, { unset: "warning" }).schedules, 1)
  })

  it("finds the variables of each block, of all files", () => {
    const block = (name: string, more = "") => `schedule ${name} { agent: known every: 5m ${more} }\n`
    const secret = `agent_pin_jwt: "\${A}"`
    const { diagnostics } = checkFiles(
      [
        { path: "a.symbi", text: `# \${A}\n${block("one", secret)}${block("two")}${block("three", secret)}` },
        { path: "b.symbi", text: `${block("four")}${block("five", secret)}` }
      ],
      context
    )
    assert.deepStrictEqual(
      diagnostics.map(({ file, line, message }) => `${file}:${line}: ${message}`),
      ["a.symbi:2", "a.symbi:4", "b.symbi:2"].map((at) => `${at}: the environment variable A is not set`)
    )
  })

  it("refuses variables that hold secrets of the service, set or not", () => {
    const text = `agent a { command: ["x"] env: { K: "\${TOKEN}" } }\nschedule s { agent: a every: 5m slack_channel: "\${OTHER}" }`
    const told = (variables: CheckContext["variables"]) =>
      check(text, { variables, withheld: new Set(["TOKEN", "OTHER"]) }).diagnostics.map(({ message }) => message)
    const refused = ["TOKEN", "OTHER"].map(
      (name) => `jobs and agents may not name \${${name}}: it holds a secret of the service; use another variable`
    )
    assert.deepStrictEqual(told({}), refused)
    assert.deepStrictEqual(told({ TOKEN: "canary", OTHER: "canary" }), refused)
  })

  it("says which agent was meant", () => {
    assert.deepStrictEqual(
      check("schedule s { agent: knwon every: 5m }").diagnostics.map(({ hint }) => hint),
      ["did you mean known?"]
    )
  })

  it("knows the agents of all files, and names both places of a name taken twice, file by file", () => {
    const { diagnostics, parsed } = checkFiles(
      [
        { path: "z.symbi", text: "schedule s { agent: a every: 5m }" },
        { path: "a.symbi", text: "agent a { command: [x] }\nschedule s { agent: b every: 5m }" },
        { path: "b.symbi", text: "agent a { command: [y] }\nschedule t { agent: a every: 5x }" }
      ],
      context
    )
    assert.deepStrictEqual(
      diagnostics.map((d) => `${d.file}:${d.line}:${d.column}: ${d.message}`),
      [
        'a.symbi:2:1: a second schedule named "s"; the first is at z.symbi:1:1',
        'b.symbi:1:1: a second agent named "a"; the first is at a.symbi:1:1',
        "b.symbi:2:30: '5x' is neither a number nor a duration such as 90s, 5m or 1h30m"
      ]
    )
    assert.lengthOf(parsed.schedules, 1)
  })

  it("never tells the value of a variable", () => {
    const secret = { ...context.variables, OTHER: "canary-0815" }
    const text = `schedule s { agent: "\${TOKEN}" at: "\${OTHER}" webhook_url: "\${TOKEN}x" webhook_headers { A: "\${OTHER} \${NO}" } delivery: ["\${TOKEN}", "webhook"] overlap: "\${OTHER}" }`
    assert.notInclude(JSON.stringify(check(text, { variables: secret })), "canary")
    assert.isAbove(check(text, { variables: secret }).diagnostics.length, 2)
  })
})
