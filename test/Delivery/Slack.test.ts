import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { CurrentDelivery } from "../../src/Delivery/CurrentDelivery.ts"
import { makeDeliveryClient } from "../../src/Delivery/Network.ts"
import { slackText } from "../../src/Delivery/Slack/Text.ts"
import { makeSlack, slackChannelProblem } from "../../src/Delivery/Slack.ts"
import type { DeliveryKind } from "../../src/Domain/Delivery.ts"
import type { Job } from "../../src/Domain/Job.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { type TestSettings, testSettings } from "../../src/testing.ts"
import { type SlackAnswer, slackDouble } from "../support/SlackDouble.ts"
import { finishedRun, jobNamed } from "./fixtures.ts"

type Settings = NonNullable<NonNullable<TestSettings["scheduler"]>["delivery"]>

const token = "xoxb-0123456789-secret"
const run_id = "run_01jq0000000000000000000000"

/** The channel on these settings, in the test's scope; the loopback is allowed. */
const slackWith = (delivery: Settings, variables: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const settings = testSettings({ scheduler: { delivery: { allow_hosts: ["127.0.0.1"], ...delivery } } })
    const environment = ServiceEnvironment.layer({ variables, directory: "." })
    const context = yield* Layer.build(Layer.merge(settings, environment))
    return yield* Effect.provide(Effect.flatMap(makeDeliveryClient, makeSlack), context)
  }).pipe(Effect.provide(NodeContext.layer))

const withToken = (apiUrl: string, more: Settings = {}): Settings => ({
  slack_base_url: apiUrl,
  slack_api_token: token,
  slack_default_channel: "#ops-alerts",
  ...more
})

interface Sent {
  readonly job?: Partial<Job>
  readonly output?: string
  readonly subject?: string
  readonly kind?: DeliveryKind
}

type Channel = Effect.Effect.Success<ReturnType<typeof slackWith>>

const send = (channel: Channel, { job, kind = "output", output = "fine", subject = "it ran" }: Sent = {}) =>
  channel({ ...jobNamed("nightly"), ...job }, finishedRun(), output).pipe(
    Effect.provideService(CurrentDelivery, { id: "dlv_1", kind, subject })
  )

const failing = (channel: Channel, sent?: Sent) =>
  Effect.map(Effect.flip(send(channel, sent)), ({ message, permanent, retry_after_ms }) => ({
    message,
    permanent,
    ...(retry_after_ms === undefined ? {} : { retry_after_ms })
  }))

/** A reference to a variable, as a job has it. */
const variable = (name: string): string => `\${${name}}`

describe("a Slack message", () => {
  it.scoped("goes to the job's channel, else to the default one, with its delivery", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      const channel = yield* slackWith(withToken(`${slack.apiUrl}/`), { WHERE: "#security" })
      yield* send(channel, { subject: "nightly succeeded", output: "all\nfine\n" })
      yield* send(channel, { job: { slack_channel: "security" } })
      yield* send(channel, { job: { slack_channel: variable("WHERE") } })
      yield* send(channel, { job: { slack_channel: "C0000000009" } })
      assert.deepStrictEqual(slack.messages[0], {
        channel: "C0000000001",
        text: "*nightly succeeded*\n```\nall\nfine\n```",
        metadata: { event_type: "symbiont_delivery", event_payload: { delivery_id: "dlv_1", run_id } }
      })
      assert.deepStrictEqual(
        slack.messages.map((message) => message.channel),
        ["C0000000001", "C0000000002", "C0000000002", "C0000000009"]
      )
    })
  )

  it.scoped("of an alert goes to the default channel, whatever the job says", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      const channel = yield* slackWith(withToken(slack.apiUrl))
      yield* send(channel, { kind: "undelivered", job: { slack_channel: "#security" }, output: "see http://x.example" })
      assert.strictEqual(slack.messages[0]?.channel, "C0000000001")
      assert.strictEqual(slack.messages[0]?.text, "*it ran*\nsee http://x.example")
    })
  )

  it.scoped("goes by the incoming webhook where there is no token", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      yield* send(yield* slackWith({ slack_webhook_url: slack.hookUrl }))
      assert.deepStrictEqual([slack.hooked, slack.calls], [["*it ran*\n```\nfine\n```"], ["hook"]])
      yield* send(yield* slackWith(withToken(slack.apiUrl, { slack_webhook_url: slack.hookUrl })))
      assert.deepStrictEqual(slack.calls, ["hook", "chat.postMessage"])
    })
  )

  it.scoped("needs an account and a channel", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      const { slack_default_channel: _, ...noDefault } = withToken(slack.apiUrl)
      const cases: ReadonlyArray<readonly [Settings, Partial<Job>, RegExp]> = [
        [{}, {}, /set slack_api_token \(or SYMBI_SLACK_TOKEN\) or slack_webhook_url/],
        [noDefault, {}, /^there is no channel to post to: set slack_channel in the job, or slack_default_channel/],
        [
          noDefault,
          { slack_channel: variable("NO") },
          /^slack_channel needs the environment variable NO, which is not/
        ],
        [noDefault, { slack_channel: "#Ops Alerts" }, /^slack_channel: "#Ops Alerts" is no Slack channel; names are/],
        [
          withToken("", { slack_base_url: slack.apiUrl, slack_default_channel: "a b" }),
          {},
          /^slack_default_channel: "a b"/
        ]
      ]
      for (const [settings, job, expected] of cases) {
        const { message, permanent } = yield* failing(yield* slackWith(settings), { job })
        assert.match(message, expected)
        assert.isTrue(permanent)
      }
      assert.deepStrictEqual(slack.calls, [])
    })
  )

  it.scoped("cannot mention anybody, nor hide where a link leads", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      const channel = yield* slackWith(withToken(slack.apiUrl))
      const attack = "<!channel> <@U012345> <https://evil.example|https://bank.example> & \u001b[2J ``` ````` `"
      for (const kind of ["output", "dead_letter"] as const) {
        yield* send(channel, { kind, subject: attack, output: attack })
      }
      for (const { text } of slack.messages) {
        assert.notMatch(text, /[<>]/)
        assert.include(text, "&lt;!channel&gt;")
        assert.notInclude(text, "\u001b")
      }
      const [, body = ""] = slack.messages[0]?.text.split("*\n") ?? []
      assert.lengthOf(body.match(/```/g) ?? [], 2)
    })
  )
})

describe("a long output", () => {
  const long = Array.from({ length: 2_000 }, (_, n) => `line ${n} & more`).join("\n")

  it.scoped("is cut at a line's end, with a note of where the whole is", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      yield* send(yield* slackWith(withToken(slack.apiUrl)), { output: long })
      const text = slack.messages[0]?.text ?? ""
      assert.isAtMost(text.length, 4_000)
      assert.isAbove(text.length, 3_800)
      assert.match(text, /line \d+ &amp; more\n```\n_… \(cut; \d+ bytes in all, kept with run run_01jq0+\)_$/)
      assert.notInclude(slack.calls, "files.getUploadURLExternal")
    })
  )

  const uploading = (apiUrl: string) => slackWith(withToken(apiUrl, { slack_long_output: "upload" }))

  it.scoped("is uploaded into the message's thread where that is asked for", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      const channel = yield* uploading(slack.apiUrl)
      yield* send(channel, { output: "short" })
      assert.deepStrictEqual(slack.calls, ["chat.postMessage"])
      yield* send(channel, { output: long, job: { slack_channel: "#security" } })
      assert.deepStrictEqual(slack.files, [
        { title: `nightly ${run_id}`, text: long, channel: "C0000000002", thread_ts: "1524523204.000002" }
      ])
      assert.match(slack.messages[1]?.text ?? "", /kept with run run_01jq0+; the whole is in the thread\)_$/)
    })
  )

  it.scoped("is cut where it may not be uploaded, and says why", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      slack.next("files.getUploadURLExternal", {
        body: { ok: false, error: "missing_scope", needed: "files:write", provided: "chat:write" }
      })
      yield* send(yield* uploading(slack.apiUrl), { output: long })
      const text = slack.messages[0]?.text ?? ""
      assert.isAtMost(text.length, 4_000)
      assert.match(
        text,
        /; not uploaded: Slack refused files\.getUploadURLExternal: missing_scope files:write; give the app the scope and install it again\)_$/
      )
    })
  )

  it.scoped("is not posted twice when only its file fails, nor before what may pass has passed", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      const channel = yield* uploading(slack.apiUrl)
      slack.next("files.completeUploadExternal", { body: { ok: false, error: "internal_error" } })
      const logged: Array<string> = []
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => void logged.push(String(message)))
      )
      yield* Effect.provide(send(channel, { output: long }), logger)
      assert.lengthOf(slack.messages, 1)
      assert.match(logged.join(), /the message was posted, its file was not: .*internal_error/)
      slack.next("upload", { status: 503 })
      assert.isFalse((yield* failing(channel, { output: long })).permanent)
      assert.lengthOf(slack.messages, 1)
    })
  )

  it("has at most 4,000 characters as a message, whatever it holds", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("&", "<", "a", "`", "💾", "\n", "\u0007"), maxLength: 6_000 }),
        fc.string({ maxLength: 400 }),
        fc.boolean(),
        (output, subject, asCode) => {
          const whole = slackText({ output, subject, asCode })
          const cut = slackText({ output, subject, asCode }, "a note")
          assert.isAtMost(whole?.length ?? 0, 4_000)
          assert.isAtMost(cut?.length ?? 5_000, 4_000)
          for (const text of [whole, cut]) {
            assert.notMatch(text ?? "", /[<>]|&(?!amp;|lt;|gt;)|[\ud800-\udbff](?![\udc00-\udfff])/)
            if (text !== undefined) assert.isAtMost((text.split("*\n")[1]?.match(/```/g) ?? []).length, 2)
          }
        }
      ),
      { numRuns: 200 }
    )
  })
})

describe("what Slack answers", () => {
  const afterAnswer = (what: string, answer: SlackAnswer) =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      slack.next(what, answer)
      const hook = what === "hook" ? { slack_webhook_url: slack.hookUrl } : withToken(slack.apiUrl)
      return yield* failing(yield* slackWith(hook))
    })

  it.scoped("for good is not tried again, and says what to do", () =>
    Effect.gen(function* () {
      const advice: Readonly<Record<string, RegExp>> = {
        channel_not_found: /check slack_channel; the app sees a private channel only when it was invited/,
        not_in_channel: /invite the app to the channel/,
        is_archived: /unarchive the channel/,
        invalid_auth: /check slack_api_token under \[scheduler\.delivery\], or SYMBI_SLACK_TOKEN/,
        not_authed: /check slack_api_token/,
        token_revoked: /check slack_api_token/,
        account_inactive: /check slack_api_token/,
        missing_scope: /missing_scope chat:write; give the app the scope/,
        msg_too_long: /shorten/,
        no_text: /nothing to say/,
        restricted_action: /ask an administrator/
      }
      for (const [error, expected] of Object.entries(advice)) {
        const needed = error === "missing_scope" ? { needed: "chat:write" } : {}
        const { message, permanent } = yield* afterAnswer("chat.postMessage", { body: { ok: false, error, ...needed } })
        assert.isTrue(permanent, error)
        assert.isTrue(message.startsWith(`Slack refused chat.postMessage: ${error}`))
        assert.match(message, expected)
      }
    })
  )

  it.scoped("for now is tried again", () =>
    Effect.gen(function* () {
      for (const error of [
        "ratelimited",
        "internal_error",
        "fatal_error",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
        "a_new_one",
        "constructor"
      ]) {
        const { message, permanent } = yield* afterAnswer("chat.postMessage", { body: { ok: false, error } })
        assert.deepStrictEqual([permanent, message], [false, `Slack refused chat.postMessage: ${error}`])
      }
      const answers: ReadonlyArray<SlackAnswer> = [
        { status: 500, body: "oops" },
        { status: 503 },
        { status: 200, body: "<html>a portal</html>" },
        { status: 200, body: { okay: true } },
        { breaks: true }
      ]
      for (const what of ["chat.postMessage", "hook"]) {
        for (const answer of answers) {
          if (what === "hook" && answer.status === 200) continue
          assert.isFalse((yield* afterAnswer(what, answer)).permanent)
        }
      }
    })
  )

  it.scoped("when it is asked too often says when to come back", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 1, 15, 14, 30))
      const body = { ok: false, error: "ratelimited" }
      for (const [what, answer, retry_after_ms] of [
        ["chat.postMessage", { status: 429, body, headers: { "retry-after": "30" } }, 30_000],
        ["chat.postMessage", { status: 429, headers: { "retry-after": "Sun, 15 Feb 2026 14:31:00 GMT" } }, 60_000],
        ["hook", { status: 429, body: "rate_limited", headers: { "retry-after": "7" } }, 7_000]
      ] as const) {
        const failure = yield* afterAnswer(what, answer)
        assert.deepStrictEqual([failure.permanent, failure.retry_after_ms], [false, retry_after_ms])
      }
    })
  )

  it.scoped("of an incoming webhook is a status and a word", () =>
    Effect.gen(function* () {
      for (const [status, body, expected] of [
        [404, "no_service", /^Slack answered the incoming webhook with 404: no_service; the webhook was removed/],
        [410, "channel_is_archived", /410: channel_is_archived; unarchive its channel/],
        [403, "action_prohibited", /403: action_prohibited; a setting of the workspace/],
        [403, "invalid_token", /403: invalid_token; the webhook was removed/],
        [400, "invalid_payload", /400: invalid_payload; check slack_webhook_url/],
        [302, "", /^Slack answered the incoming webhook with 302; check slack_webhook_url/]
      ] as const) {
        const { message, permanent } = yield* afterAnswer("hook", { status, body })
        assert.match(message, expected)
        assert.isTrue(permanent)
      }
    })
  )

  it.scoped("never shows the token or the webhook's address", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble("xoxb-another")
      const hookSecret = slack.hookUrl.slice(slack.hookUrl.lastIndexOf("/") + 1)
      const echo = `you sent ${token} and Bearer ${token} to /services/T00000000/B00000000/${hookSecret}`
      const byToken = yield* slackWith(withToken(slack.apiUrl))
      const byHook = yield* slackWith({ slack_webhook_url: slack.hookUrl })
      slack.next(
        "chat.postMessage",
        { body: { ok: false, error: echo } },
        { status: 500, body: echo },
        { breaks: true },
        { breaks: true }
      )
      slack.next(
        "hook",
        { status: 404, body: echo },
        { status: 500, body: `${echo}\u001b[2J` },
        { breaks: true },
        { breaks: true }
      )
      for (const channel of [byToken, byToken, byToken, byToken, byHook, byHook, byHook]) {
        const { message } = yield* failing(channel)
        const secret = channel === byToken ? token : hookSecret
        assert.notInclude(message, secret)
        assert.notInclude(message, "\u001b")
        assert.isBelow(message.length, 400)
      }
    })
  )

  it.scoped("never shows what the channel's variable stands for, whoever repeats it", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      const channel = yield* slackWith(withToken(slack.apiUrl), { CANARY: "#s3cr3t-room", WRONG: "S3cr3t Room" })
      slack.next(
        "chat.postMessage",
        { body: { ok: false, error: "no channel #s3cr3t-room", needed: "S3CR3T-ROOM" } },
        { status: 500, body: '{"channel":"#s3cr3t-room"}' }
      )
      const job = { slack_channel: variable("CANARY") }
      const refused = yield* failing(channel, { job })
      assert.strictEqual(refused.message, "Slack refused chat.postMessage: no channel [redacted] [redacted]")
      const broken = yield* failing(channel, { job })
      assert.strictEqual(broken.message, 'Slack answered chat.postMessage with 500: {"channel":"[redacted]"}')
      const wrong = yield* failing(channel, { job: { slack_channel: variable("WRONG") } })
      assert.match(wrong.message, /^slack_channel: "\$\{WRONG\}" is no Slack channel; names are lower-case/)
    })
  )

  it.scoped("is understood though a variable's value is part of its code", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      const channel = yield* slackWith(withToken(slack.apiUrl), { ROOM: "channel" })
      const { message, permanent } = yield* failing(channel, { job: { slack_channel: variable("ROOM") } })
      assert.isTrue(permanent)
      assert.match(message, /^Slack refused chat\.postMessage: channel_not_found; check slack_channel/)
    })
  )

  it.scoped("comes from the open Internet, or from where the operator allows", () =>
    Effect.gen(function* () {
      const slack = yield* slackDouble(token)
      for (const settings of [withToken(slack.apiUrl), { slack_webhook_url: slack.hookUrl }]) {
        const { message, permanent } = yield* failing(yield* slackWith({ ...settings, allow_hosts: [] }))
        assert.isTrue(permanent)
        assert.match(message, /^127\.0\.0\.1 is no public address, so nothing was sent; .* allow_hosts/)
      }
      assert.deepStrictEqual(slack.calls, [])
      const mapped = yield* failing(yield* slackWith(withToken("http://[::ffff:7f00:1]:9803/api", { allow_hosts: [] })))
      assert.match(mapped.message, /^::ffff:7f00:1 is no public address, .* add 127\.0\.0\.1:9803 to allow_hosts/)
    })
  )
})

describe("slackChannelProblem", () => {
  it("knows names and IDs", () => {
    for (const name of [
      "#ops",
      "ops-alerts_2",
      "#日本語",
      "#café",
      "C0123456789",
      "G0123456789",
      "D012345678",
      "U012345678",
      "@jo.doe"
    ])
      assert.isUndefined(slackChannelProblem(name), name)
    assert.isUndefined(slackChannelProblem(variable("OPS_CHANNEL")))
    for (const name of [
      "",
      "#",
      "#Ops",
      "ops alerts",
      "##ops",
      "#ops,#dev",
      "<!channel>",
      "#a\n",
      "C01",
      `#${"x".repeat(81)}`
    ])
      assert.match(slackChannelProblem(name) ?? "", / is no Slack channel; /, name)
  })
})
