import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { JobStore } from "../../src/JobStore.ts"
import { type ChannelsKnown, checkDefinition, doubtsOf, Jobs } from "../../src/Jobs.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { DeliverySettings } from "../../src/Settings/Delivery.ts"
import { scriptedAgent } from "../../src/testing.ts"
import { nthJob } from "../JobStore/fixtures.ts"
import { create, define, engine, hour, runsOf, until } from "../support/Engine.ts"

type Fields = Readonly<Record<string, unknown>>

const job = (fields: Fields) => define({ name: "job", every: "1h", ...fields })

/** `path: message` of each thing wrong. */
const wrong = (fields: Fields): ReadonlyArray<string> =>
  Either.match(checkDefinition(job(fields), { anchor: 0, timezone: "UTC" }), {
    onRight: () => [],
    onLeft: ({ issues }) => issues.map(({ message, path }) => `${path}: ${message}`)
  })

const known = (settings: Fields, ...inCode: ReadonlyArray<string>): ChannelsKnown => ({
  settings: Schema.decodeUnknownSync(DeliverySettings)(settings),
  inCode: new Set(inCode)
})

const agent = { kind: "effect", id: job({}).agent_id, capabilities: [] } as const

const doubted = (fields: Fields, channels: ChannelsKnown | null = known({})): ReadonlyArray<string> =>
  doubtsOf(job(fields), agent, new Map(), channels).map(({ message, path }) => `${path}: ${message}`)

const hook = { delivery: ["webhook"], webhook_url: "https://hooks.example.com/a" }

describe("where and how a job delivers", () => {
  const cases: ReadonlyArray<readonly [what: string, fields: Fields, expected: ReadonlyArray<string>]> = [
    ["nothing wrong", { ...hook, webhook_body: "{{output}}", deliver_on: ["failure", "skipped"] }, []],
    [
      "templates, each at its place",
      { delivery_subject: "{{job.nam}}", delivery_body: "a\n{{#if output}}", webhook_body: "{{output | jsn}}" },
      [
        'webhook_body: line 1, column 12 of the template: there is no filter "jsn"; did you mean json?',
        'delivery_subject: line 1, column 3 of the template: there is no "job.nam"; did you mean job.name?',
        "delivery_body: line 2, column 1 of the template: this {{#if …}} has no {{/if}}"
      ]
    ],
    [
      "headers that are no headers, that the service sets, and that stand twice",
      { webhook_headers: { "X Y": "a", Host: "b", "webhook-id": "c", "X-A": "d\r\ne", "x-a": `\${F}` } },
      [
        'webhook_headers.X Y: "X Y" is no name of a header',
        "webhook_headers.Host: the header Host is set by the service; leave it out",
        "webhook_headers.webhook-id: the header webhook-id is set by the service; leave it out",
        "webhook_headers.X-A: the value of the header X-A has a line break or another character that no header can carry",
        "webhook_headers.x-a: the header x-a stands here twice"
      ]
    ],
    [
      "a signing key that is none",
      { webhook_secret: "whsec_canary!" },
      ["webhook_secret: what follows whsec_ is no base64"]
    ],
    ["a signing key that is a variable", { webhook_secret: `whsec_\${KEY}` }, []],
    [
      "recipients that are none, or several",
      {
        email_recipients: [
          "ops@example.com",
          `\${OPS}`,
          "ops",
          "a@b.c,d@e.f",
          "Ops <ops@example.com>",
          "a@b.c\r\nBcc: x@y.z"
        ]
      },
      [
        'email_recipients.2: "ops" is no email address: it has no @',
        'email_recipients.3: "a@b.c,d@e.f" is no email address: it looks like several; write an entry for each',
        'email_recipients.5: "a@b.c\\r\\nBcc: x@y.z" is no email address: it holds a control character'
      ]
    ],
    ["Slack channels", { slack_channel: "#ops-alerts" }, []],
    ["a Slack channel that is a variable", { slack_channel: `\${CHANNEL}` }, []],
    [
      "a Slack channel that is none",
      { slack_channel: "#Ops Alerts" },
      [
        'slack_channel: "#Ops Alerts" is no Slack channel; names are lower-case letters, digits, - and _, such as #ops-alerts, and IDs such as C0123456789 work too'
      ]
    ],
    ["no word", { deliver_on: [] }, ["deliver_on: is empty; leave it out, or write delivery: [] to deliver nothing"]],
    ["a word twice", { deliver_on: ["failure", "success", "failure"] }, ["deliver_on.2: failure stands here twice"]],
    ["an address with variables in it", { ...hook, webhook_url: `https://\${HOST}:\${PORT}/a` }, []],
    ["an address that is a variable", { ...hook, webhook_url: `\${HOOK}/a` }, []],
    ["another scheme", { ...hook, webhook_url: `ftp://\${HOST}/a` }, ["webhook_url: must be an http or https URL"]]
  ]
  for (const [what, fields, expected] of cases) {
    it(`says: ${what}`, () => assert.deepStrictEqual(wrong(fields), expected))
  }
})

describe("a job stored by the rules of an earlier version", () => {
  it.effect("is paused and resumed as ever, and loses no slot; a change of it is checked anew", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const store = yield* JobStore
      const old = { ...nthJob(1), webhook_headers: { Host: "a" }, delivery: [], next_run: 0, anchor: 0 }
      yield* until(hour)
      yield* store.insertJobs([{ job: old, audit: [] }])
      yield* jobs.pause(old.name, "test")
      const [missed] = yield* runsOf(old.name)
      assert.deepInclude(missed?.reason, { code: "paused" })
      assert.strictEqual((yield* jobs.resume(old.name, "test")).status, "active")
      const refused = yield* Effect.flip(jobs.update(old.name, { input: "x" }, { actor: "test" }))
      assert.include(refused.message, "the header Host is set by the service")
      yield* jobs.update(old.name, { webhook_headers: null }, { actor: "test" })
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) })))
  )
})

describe("what is doubtful about it", () => {
  const under = "under [scheduler.delivery]; until it is set, such deliveries will fail"
  const token = { slack_api_token: "xoxb-1" }
  const mail = { delivery: ["email"], email_recipients: ["ops@example.com"] }

  it("a channel without its settings", () => {
    const slack = { delivery: ["slack"] }
    assert.deepStrictEqual(doubted({ ...slack, slack_channel: "#ops" }), [
      `delivery.0: delivery to slack needs slack_api_token (SYMBI_SLACK_TOKEN) or slack_webhook_url ${under}`
    ])
    assert.deepStrictEqual(doubted(slack, known(token)), [
      `delivery.0: delivery to slack needs a slack_channel, or slack_default_channel ${under}`
    ])
    assert.deepStrictEqual(doubted({ ...slack, slack_channel: "#ops" }, known(token)), [])
    assert.deepStrictEqual(doubted(slack, known({ ...token, slack_default_channel: "#ops" })), [])
    assert.deepStrictEqual(doubted(slack, known({ slack_webhook_url: "https://hooks.slack.com/x" })), [])
    assert.deepStrictEqual(doubted(mail), [`delivery.0: delivery to email needs smtp_host and email_from ${under}`])
    assert.deepStrictEqual(doubted(mail, known({ smtp_host: "a" })), [
      `delivery.0: delivery to email needs email_from ${under}`
    ])
    assert.deepStrictEqual(doubted(mail, known({ smtp_host: "a", email_from: "a@example.com" })), [])
    assert.deepStrictEqual(doubted({ delivery: ["stdout", "log_file"] }), [])
  })

  it("a channel with a setting whose variable is not set", () => {
    const unset = ["webhook_secret", "smtp_password", "custom.pager.command"].map((key) => ({
      key: `scheduler.delivery.${key}`,
      variable: "UNSET"
    }))
    const lacking = (channel: string, key: string) => [
      `delivery.0: delivery to ${channel}: scheduler.delivery.${key} needs the environment variable UNSET, which is not set; set it and start the service again; until then, such deliveries will fail`
    ]
    const channels = { ...known({ smtp_host: "a", email_from: "a@example.com", smtp_username: "u" }), unset }
    assert.deepStrictEqual(doubted(hook, channels), lacking("webhook", "webhook_secret"))
    assert.deepStrictEqual(doubted({ ...hook, webhook_secret: "own" }, channels), [])
    assert.deepStrictEqual(doubted(mail, channels), lacking("email", "smtp_password"))
    const pager = { delivery: ["custom:pager"] }
    assert.deepStrictEqual(doubted(pager, channels), lacking("custom:pager", "custom.pager.command"))
    assert.deepStrictEqual(doubted(pager, { ...channels, inCode: new Set(["pager"]) }), [])
  })

  it("a channel of one's own that nobody provides", () => {
    const pager = { delivery: ["custom:pager"] }
    assert.deepStrictEqual(doubted(pager), [
      "delivery.0: no channel custom:pager is known; configure [scheduler.delivery.custom.pager], or provide it with CustomChannels; until then, such deliveries will fail"
    ])
    assert.deepStrictEqual(doubted(pager, known({}, "pager")), [])
    assert.deepStrictEqual(doubted(pager, known({ custom: { pager: { command: ["page"] } } })), [])
    assert.lengthOf(doubted({ delivery: ["custom:constructor"] }), 1)
  })

  it("says nothing of settings that nobody knows", () => {
    assert.deepStrictEqual(doubted({ ...mail, webhook_url: "http://127.0.0.1/" }, null), [])
  })

  it("a channel that stands twice", () => {
    assert.deepStrictEqual(doubted({ delivery: ["stdout", "log_file", "stdout"] }), [
      "delivery.2: stdout stands in delivery twice; each output is sent to it once"
    ])
  })

  it("an address that is not public, unless it is allowed", () => {
    const at = (webhook_url: string, allow_hosts: ReadonlyArray<string> = []) =>
      doubted({ ...hook, webhook_url }, known({ allow_hosts }))
    for (const url of [
      "http://127.0.0.1:8080/a",
      "http://0x7f.1/a",
      "http://2130706433/",
      "http://[::1]/",
      "http://[::ffff:10.0.0.1]/",
      "https://169.254.169.254/latest",
      "http://localhost/",
      "http://app.localhost.:3000/"
    ]) {
      assert.deepStrictEqual(at(url), [
        `webhook_url: ${new URL(url).host} is no public address, and nothing is sent to it until allow_hosts of [scheduler.delivery] names it`
      ])
    }
    for (const url of ["https://93.184.216.34/", "https://example.com/", `http://\${HOST}/`, `\${HOOK}`]) {
      assert.deepStrictEqual(at(url), [])
    }
    assert.deepStrictEqual(at("http://127.0.0.1:8080/a", ["127.0.0.0/8:8080"]), [])
    assert.lengthOf(at("http://127.0.0.1:8081/a", ["127.0.0.0/8:8080"]), 1)
    assert.deepStrictEqual(at("http://localhost/", ["localhost:80"]), [])
    assert.deepStrictEqual(doubted({ delivery: ["stdout"], webhook_url: "http://127.0.0.1/" }), [])
  })

  it("a value that would break the JSON around it", () => {
    const body = (webhook_body: string) => doubted({ ...hook, webhook_body })
    assert.deepStrictEqual(body(`{"text": "{{#if output}}{{output | trim}}{{/if}}"}`), [
      "webhook_body: a value of output with a quote or a line break would break the JSON; write {{output | json}}, without quotes around it"
    ])
    assert.deepStrictEqual(body(`{"text": {{output | json}}, "id": "{{run.id}}", "at": "{{run.started_at}}"}`), [])
    assert.lengthOf(body(`{{#if run.error}}{"e": {{run.error}}}{{else}} [1, "{{output}}"]{{/if}}`), 1)
    assert.deepStrictEqual(body(`{"a": "\\"{{run.id}}", "t": "in {{output | json}}"}`), [
      "webhook_body: the quotes around {{output | json}} would break the JSON, as json writes quotes of its own; leave them out"
    ])
    assert.lengthOf(body(`[{{output | json}}, "{{job.name}}"]`), 1)
    assert.deepStrictEqual(body(`{"a": "{{#if output}}x"{{else}}y"{{/if}}, "t": {{output | json}}}`), [])
    for (const text of [
      "[{{job.name}}] {{output}}",
      "[nightly] {{output}}",
      "[2026-01-01] {{output}}",
      "{ {{job.name}} }: {{output}}",
      "{{#if output}}{{output}}{{/if}}"
    ]) {
      assert.deepStrictEqual(body(text), [])
    }
    const typed = (type: string) =>
      doubted({ ...hook, webhook_body: `{"t": "{{output}}"}`, webhook_headers: { "content-type": type } })
    assert.lengthOf(typed("application/vnd.api+json"), 1)
    assert.deepStrictEqual(typed("text/plain"), [])
    assert.deepStrictEqual(body("{{output}}"), [])
    assert.deepStrictEqual(body("text={{output}}"), [])
  })

  it("a Slack channel that nothing can choose", () => {
    const slack = { delivery: ["slack"], slack_channel: "#ops" }
    const webhook = { slack_webhook_url: "https://hooks.slack.com/x" }
    assert.deepStrictEqual(doubted(slack, known(webhook)), [
      "slack_channel: slack_channel has no effect: slack_webhook_url of the configuration posts to its own channel; with slack_api_token, jobs choose theirs"
    ])
    assert.deepStrictEqual(doubted(slack, known({ ...webhook, ...token })), [])
    assert.deepStrictEqual(doubted({ ...slack, delivery: ["stdout"] }, known(webhook)), [])
  })

  it.effect("a variable that is not set, or that no job may name, when a job is created", () => {
    const environment = ServiceEnvironment.layer({
      variables: { SET: "canary" },
      withheld: new Set(["SYMBI_API_KEYS"]),
      directory: "."
    })
    return Effect.gen(function* () {
      const { warnings } = yield* create({
        name: "job",
        every: "1h",
        ...hook,
        webhook_url: `https://\${SET}/a`,
        webhook_headers: { "X-Key": `\${SYMBI_API_KEYS}` },
        email_recipients: ["a@b.c", `\${constructor}`],
        agent_pin_jwt: `\${JWT}`
      })
      assert.deepStrictEqual(warnings, [
        `webhook_headers.X-Key: jobs and agents may not name \${SYMBI_API_KEYS}: it holds a secret of the service; use another variable`,
        "email_recipients.1: the environment variable constructor is not set; set it for the service and restart",
        "agent_pin_jwt: the environment variable JWT is not set; set it for the service and restart"
      ])
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) }).pipe(Layer.provide(environment))))
  })
})
