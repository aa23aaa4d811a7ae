import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { loadSettings } from "../../src/Settings.ts"

/** What loading `[scheduler.delivery]` with these lines says, from line 2 on; `#` stands for the file. */
const load = (lines: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    const file = `${folder}/symbiont.toml`
    yield* fs.writeFileString(file, ["[scheduler.delivery]", ...lines].join("\n"))
    return yield* loadSettings({ configFile: Option.some(file), env, overrides: {} }).pipe(
      Effect.match({
        onSuccess: ({ warnings }) => warnings.map((one) => `warning: ${one}`),
        onFailure: ({ message }) => message.split("\n")
      }),
      Effect.map((said) => said.map((line) => line.replaceAll(file, "#")))
    )
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const canary = "canary-6b1f"

describe("[scheduler.delivery]", () => {
  const cases: ReadonlyArray<readonly [what: string, lines: ReadonlyArray<string>, said: ReadonlyArray<string>]> = [
    ["nothing", [], []],
    ["alerts by nobody", ['fallback = "none"'], []],
    [
      "alerts by webhook to nowhere",
      ["", 'fallback = "webhook"'],
      ["#:3: scheduler.delivery.fallback: alerts by webhook need fallback_webhook_url under [scheduler.delivery]"]
    ],
    ["alerts by webhook", ['fallback = "webhook"', 'fallback_webhook_url = "https://a.example.com"'], []],
    [
      "alerts by email without an account",
      ['fallback = "email"'],
      [
        "#:2: scheduler.delivery.fallback: alerts by email need smtp_host, email_from and fallback_email_recipients under [scheduler.delivery]"
      ]
    ],
    [
      "alerts by email",
      [
        'fallback = "email"',
        'smtp_host = "a"',
        'email_from = "S <s@example.com>"',
        'fallback_email_recipients = ["a@b.c"]'
      ],
      []
    ],
    [
      "alerts by Slack without an account",
      ['fallback = "slack"'],
      [
        "#:2: scheduler.delivery.fallback: alerts by slack need slack_webhook_url (or slack_api_token) under [scheduler.delivery]"
      ]
    ],
    [
      "alerts by Slack to no channel",
      ['fallback = "slack"', 'slack_api_token = "x"'],
      ["#:2: scheduler.delivery.fallback: alerts by slack need slack_default_channel under [scheduler.delivery]"]
    ],
    ["alerts by Slack's webhook", ['fallback = "slack"', 'slack_webhook_url = "https://hooks.slack.com/x"'], []],
    [
      "alerts by a channel that only code could provide",
      ['fallback = "custom:pager"'],
      [
        "warning: #:2: scheduler.delivery.fallback: there is no [scheduler.delivery.custom.pager]; alerts fail unless a program provides custom:pager"
      ]
    ],
    [
      "alerts by a command",
      ['fallback = "custom:pager"', "[scheduler.delivery.custom.pager]", 'command = ["page"]'],
      []
    ],
    ["hosts", ['allow_hosts = ["hooks.internal", "*.internal:8443", "10.1.0.0/16", "[::1]:80"]'], []],
    [
      "a host that is none",
      ['allow_hosts = ["hooks.internal", "10.1.0.1/16"]'],
      [
        `#:2: scheduler.delivery.allow_hosts: "10.1.0.1/16": the address has bits set beyond the first 16; write the network's own address`
      ]
    ],
    [
      "a password without a user",
      [`smtp_password = "${canary}"`],
      ["#:2: scheduler.delivery.smtp_password: needs smtp_username beside it; set both, or neither"]
    ],
    [
      "a user without a password",
      ['smtp_host = "a"', 'smtp_username = "u"'],
      ["#:3: scheduler.delivery.smtp_username: needs smtp_password beside it; set both, or neither"]
    ],
    [
      "a user whose password is a variable that is not set",
      ['smtp_username = "u"', `smtp_password = "\${PASS}"`],
      [
        "warning: #:3: scheduler.delivery.smtp_password: the environment variable PASS is not set; deliveries that need it fail until it is"
      ]
    ],
    [
      "alerts whose addresses are variables that are not set",
      [
        'fallback = "email"',
        'smtp_host = "a"',
        'email_from = "s@example.com"',
        `fallback_email_recipients = ["\${OPS}"]`
      ],
      [
        "warning: #:5: scheduler.delivery.fallback_email_recipients: the environment variable OPS is not set; deliveries that need it fail until it is"
      ]
    ],
    [
      "alerts by Slack whose token is a variable that is not set",
      ['fallback = "slack"', `slack_api_token = "\${T}"`, 'slack_default_channel = "#ops"'],
      [
        "warning: #:3: scheduler.delivery.slack_api_token: the environment variable T is not set; deliveries that need it fail until it is"
      ]
    ],
    [
      "a command with a variable that is not set",
      [
        'fallback = "custom:pager"',
        "[scheduler.delivery.custom.pager]",
        `command = ["page", "\${PAGER_KEY}"]`,
        'timeout = "10s"'
      ],
      [
        "warning: #:4: scheduler.delivery.custom.pager.command: the environment variable PAGER_KEY is not set; deliveries that need it fail until it is"
      ]
    ],
    [
      "what else has a variable that is not set",
      [`retry_delay = "\${D}"`, `allow_hosts = ["10.0.0.0/8", "\${H}"]`],
      [
        "warning: #:2: scheduler.delivery.retry_delay: the environment variable D is not set; its default holds until it is",
        "warning: #:3: scheduler.delivery.allow_hosts: the environment variable H is not set; that host is not allowed until it is"
      ]
    ],
    [
      "what is wrong, and what may be why",
      ['fallback = "webhook"', 'fallback_webhok_url = "https://a.example.com"'],
      [
        "#:2: scheduler.delivery.fallback: alerts by webhook need fallback_webhook_url under [scheduler.delivery]",
        "warning: #:3: unknown key scheduler.delivery.fallback_webhok_url; did you mean fallback_webhook_url?"
      ]
    ],
    [
      "accounts that can never work",
      [`webhook_secret = "whsec_${canary}!"`, 'slack_default_channel = "#Ops Alerts"', 'webhook_auth_header = "a\\nb"'],
      [
        "#:2: scheduler.delivery.webhook_secret: what follows whsec_ is no base64",
        "#:4: scheduler.delivery.webhook_auth_header: the value of the header Authorization has a line break or another character that no header can carry",
        '#:3: scheduler.delivery.slack_default_channel: "#Ops Alerts" is no Slack channel; names are lower-case letters, digits, - and _, such as #ops-alerts, and IDs such as C0123456789 work too'
      ]
    ],
    [
      "names of channels that are none",
      [
        "[scheduler.delivery.channels.webhok]",
        "rate_limit = 1",
        "[scheduler.delivery.channels.email]",
        "rate_limit = 1"
      ],
      ["#:2: scheduler.delivery.channels.webhok: there is no such channel; did you mean webhook?"]
    ],
    [
      "a name that is none",
      ['[scheduler.delivery.custom."a b"]', 'command = ["x"]'],
      ["#:2: scheduler.delivery.custom.a b: the name begins with a letter or _, and has only letters, digits, _ and -"]
    ],
    [
      "channels without a command",
      ["[scheduler.delivery.custom.x]", "[scheduler.delivery.custom.y]", 'timeout = "1s"'],
      ["#:2: scheduler.delivery.custom.x: needs command", "#:3: scheduler.delivery.custom.y: needs command"]
    ],
    [
      "lists that are none, or empty",
      [
        'allow_hosts = "a"',
        "fallback_email_recipients = []",
        "[scheduler.delivery.custom.x]",
        'command = "x"',
        "[scheduler.delivery.custom.y]",
        "command = [3]"
      ],
      [
        "#:3: scheduler.delivery.fallback_email_recipients: is empty; give at least one entry",
        '#:2: scheduler.delivery.allow_hosts: expected a list of texts, found "a"',
        '#:5: scheduler.delivery.custom.x.command: expected a list of texts, found "x"',
        "#:7: scheduler.delivery.custom.y.command: expected a text, found 3"
      ]
    ],
    [
      "alerts by what is no channel",
      ['fallback = "sms"'],
      [
        '#:2: scheduler.delivery.fallback: expected a channel (stdout, log_file, webhook, slack, email, custom:<name>) or "none", found "sms"'
      ]
    ],
    [
      "all that is wrong at once",
      ['email_from = "nobody"', 'fallback_email_recipients = ["a@b.c", "x"]'],
      [
        '#:2: scheduler.delivery.email_from: "nobody" is no email address: it has no @',
        '#:3: scheduler.delivery.fallback_email_recipients: "x" is no email address: it has no @'
      ]
    ]
  ]
  for (const [what, lines, said] of cases) {
    it.effect(`says of ${what}: ${said[0] ?? "nothing"}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* load(lines), said)
      })
    )
  }

  it.effect("takes a token of the environment for one of the file", () =>
    Effect.gen(function* () {
      const lines = ['fallback = "slack"', 'slack_default_channel = "#ops"']
      assert.deepStrictEqual(yield* load(lines, { SYMBI_SLACK_TOKEN: canary }), [])
      assert.lengthOf(yield* load(lines), 1)
    })
  )
})
