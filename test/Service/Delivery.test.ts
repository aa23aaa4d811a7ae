import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Webhook } from "standardwebhooks"
import { answers, hangs, httpReceiver } from "../support/HttpReceiver.ts"
import { parseMime } from "../support/Mime.ts"
import { eventually, folderWith, type Service, startService } from "../support/Service.ts"
import { slackDouble } from "../support/SlackDouble.ts"
import { certificates, smtpServer } from "../support/SmtpServer.ts"
import { symbi } from "../support/Symbi.ts"

const seen = (what: string, look: () => boolean) =>
  eventually(
    what,
    Effect.sync(() => (look() ? true : undefined))
  )

const runNow = (service: Service, job_id: string) =>
  service.client.schedule.run({ path: { job_id }, urlParams: {}, headers: {}, payload: {} })

/** The run, when none of its deliveries is pending any more. */
const settled = (service: Service, run_id: string) =>
  eventually(
    `the deliveries of ${run_id}`,
    Effect.map(service.client.runs.get({ path: { run_id } }), (run) =>
      run.finished_at !== null && run.deliveries.every(({ state }) => state !== "pending") ? run : undefined
    )
  )

const Body = Schema.parseJson(
  Schema.Struct({
    delivery_id: Schema.String,
    event: Schema.String,
    job: Schema.Struct({ name: Schema.String }),
    run: Schema.Struct({ id: Schema.String, status: Schema.String }),
    output: Schema.String
  })
)
const decodeBody = Schema.decodeUnknownSync(Body)

const everywhere = (hook: string) => `agent scanner { command: ["printf", "3 findings, all \\"low\\" & <old>"] }
schedule {
  name: "security-scan" agent: "scanner" cron: "0 1 1 1 *"
  delivery: ["stdout", "log_file", "webhook", "slack", "email", "custom:pager"]
  slack_channel: "#security"
  email_recipients: ["ops@example.com", "security@example.com"]
  webhook_url: "${hook}/ingest"
  webhook_headers: { "Authorization": "Bearer \${METRICS_API_KEY}" "Content-Type": "application/json" }
  webhook_secret: "\${HOOK_SECRET}"
}
schedule { name: "plain" agent: "scanner" cron: "0 1 1 1 *" delivery: ["webhook"] webhook_url: "${hook}/plain" }`

describe("a service that delivers", () => {
  it.scopedLive("reaches every channel of the guide, with accounts from the environment and the file", () =>
    Effect.gen(function* () {
      const hook = yield* httpReceiver([answers(200)])
      const slack = yield* slackDouble("xoxb-from-the-environment")
      const mail = yield* smtpServer({ login: { user: "postman", password: "s3cret" } })
      const folder = yield* folderWith({
        "symbiont.toml": `[scheduler.delivery]
webhook_timeout_seconds = 30
webhook_retry_attempts = 3
slack_api_token = "\${SLACK_API_TOKEN}"
slack_default_channel = "#ops-alerts"
slack_base_url = "${slack.apiUrl}"
smtp_host = "127.0.0.1"
smtp_port = ${mail.port}
smtp_username = "\${SMTP_USER}"
smtp_password = "\${SMTP_PASS}"
smtp_ca = "${certificates.trusted}"
email_from = "symbiont@example.com"
allow_hosts = ["127.0.0.1"]
[scheduler.delivery.custom.pager]
command = ["sh", "-c", "cat > paged.txt; echo $SYMBI_DELIVERY_ID $SYMBI_JOB_NAME $SYMBI_RUN_STATUS >> paged.txt"]
`,
        "agents/scan.symbi": everywhere(hook.url)
      })
      const secret = `whsec_${Buffer.from("a secret of this test").toString("base64")}`
      const service = yield* startService({
        folder,
        env: {
          SLACK_API_TOKEN: "xoxb-from-the-file",
          SYMBI_SLACK_TOKEN: "xoxb-from-the-environment",
          SYMBI_WEBHOOK_AUTH_HEADER: "Bearer of-the-service",
          SMTP_USER: "postman",
          SMTP_PASS: "s3cret",
          METRICS_API_KEY: "metrics-key",
          HOOK_SECRET: secret
        }
      })
      const { id } = yield* runNow(service, "security-scan")
      const run = yield* settled(service, id)
      const output = `3 findings, all "low" & <old>`
      assert.deepStrictEqual(
        run.deliveries.map(({ channel, error, state }) => [channel as string, state, error]),
        ["stdout", "log_file", "webhook", "slack", "email", "custom:pager"].map((channel) => [
          channel,
          "delivered",
          null
        ])
      )

      assert.include(service.stdout(), output)
      assert.include(readFileSync(join(folder, ".symbi/logs/jobs/security-scan.log"), "utf8"), output)
      const post = hook.received[0] ?? assert.fail("nothing was posted")
      const body = decodeBody(post.body)
      const delivery = run.deliveries.find(({ channel }) => channel === "webhook")
      assert.deepStrictEqual(body, {
        delivery_id: delivery?.id ?? "",
        event: "success",
        job: { name: "security-scan" },
        run: { id, status: "succeeded" },
        output
      })
      assert.strictEqual(post.headers.authorization, "Bearer metrics-key")
      assert.strictEqual(post.headers["content-type"], "application/json")
      assert.isDefined(new Webhook(secret).verify(post.body, post.headers as Record<string, string>))
      const message = slack.messages[0] ?? assert.fail("Slack was told nothing")
      assert.strictEqual(message.channel, "C0000000002")
      assert.include(message.text, `3 findings, all "low" &amp; &lt;old&gt;`)
      const [letter, ...more] = mail.received
      assert.deepStrictEqual(more, [])
      assert.deepStrictEqual(
        [letter?.from, letter?.to, letter?.isSecure, letter?.user],
        ["symbiont@example.com", ["ops@example.com", "security@example.com"], true, "postman"]
      )
      assert.include(JSON.stringify(parseMime(letter?.raw ?? "")), "3 findings")
      const paged = readFileSync(join(folder, "paged.txt"), "utf8")
      assert.match(paged, new RegExp(`^${output}dlv_[0-9a-z]{26} security-scan succeeded\n$`))

      const plain = yield* runNow(service, "plain")
      yield* settled(service, plain.id)
      assert.strictEqual(hook.received[1]?.headers.authorization, "Bearer of-the-service")
      assert.isUndefined(hook.received[1]?.headers["webhook-signature"])
      assert.strictEqual(hook.received[1]?.headers["webhook-id"], decodeBody(hook.received[1]?.body).delivery_id)
    })
  )

  it.scopedLive("tells what did not arrive, and sends it again when a person asks", () =>
    Effect.gen(function* () {
      const hook = yield* httpReceiver([answers(500), answers(500), answers(200), answers(503, "deploying")])
      const folder = yield* folderWith({
        "symbiont.toml": `[scheduler.delivery]
retry_delay = "100ms"
retry_attempts = 2
allow_hosts = ["127.0.0.1:${hook.port}"]
`,
        "agents/a.symbi": `agent a { command: ["echo", "done"] }
schedule { name: "told" agent: "a" cron: "0 1 1 1 *" delivery: ["webhook"] webhook_url: "${hook.url}/x" }
schedule { name: "inward" agent: "a" cron: "0 1 1 1 *" delivery: ["webhook"] webhook_url: "http://127.0.0.1:1/api" }`
      })
      const first = yield* startService({ folder })
      const late = yield* settled(first, (yield* runNow(first, "told")).id)
      assert.deepInclude(late.deliveries[0], { state: "delivered", attempts: 3, error: null })
      const ids = hook.received.map(({ headers }) => headers["webhook-id"])
      assert.deepStrictEqual(ids, Array(3).fill(late.deliveries[0]?.id))

      const lost = yield* settled(first, (yield* runNow(first, "told")).id)
      const dead = lost.deliveries.find(({ channel }) => channel === "webhook")
      assert.deepInclude(dead, { state: "dead", attempts: 3 })
      assert.include(dead?.error ?? "", "503: deploying")
      assert.strictEqual(lost.status, "succeeded")
      const log = join(folder, ".symbi/logs/jobs/told.log")
      yield* seen("the alert in the log file", () => existsSync(log))
      assert.match(readFileSync(log, "utf8"), /did not reach webhook 127\.0\.0\.1:\d+: its attempts are used up/)

      const inward = yield* settled(first, (yield* runNow(first, "inward")).id)
      assert.include(inward.deliveries[0]?.error ?? "", "127.0.0.1 is no public address")
      assert.deepInclude(inward.deliveries[0], { state: "failed", attempts: 1 })

      const env = { SYMBI_SERVER: first.url }
      const listed = yield* symbi(["deliveries", "list", "--state", "dead"], { env })
      assert.include(listed.stdout, dead?.id ?? "?")
      assert.notInclude(listed.stdout, inward.deliveries[0]?.id ?? "?")
      const metrics = yield* Effect.promise(() => fetch(`${first.url}/metrics`).then((answer) => answer.text()))
      assert.match(metrics, /symbiont_delivery_total\{channel="webhook",state="dead"\} 1/)
      assert.match(metrics, /symbiont_delivery_total\{channel="webhook",state="failed"\} 1/)

      // Asked for again, stopped and killed meanwhile: it arrives under the same id.
      const before = hook.received.length
      yield* first.signal("SIGKILL")
      yield* first.exitCode
      const second = yield* startService({ folder })
      const again = yield* symbi(["deliveries", "redeliver", dead?.id ?? "?"], { env: { SYMBI_SERVER: second.url } })
      assert.strictEqual(again.code, 0, again.stderr)
      yield* seen("one more request", () => hook.received.length > before)
      assert.strictEqual(hook.received.at(-1)?.headers["webhook-id"], dead?.id)
    })
  )

  it.scopedLive("sends what is due before it stops, and keeps what a receiver does not take", () =>
    Effect.gen(function* () {
      const slow = yield* httpReceiver([
        (response) => void setTimeout(() => response.end(), 700),
        (response) => void setTimeout(() => response.end(), 700)
      ])
      const dead = yield* httpReceiver([hangs])
      const folder = yield* folderWith({
        "symbiont.toml": `[scheduler]
shutdown_timeout_seconds = 2
[scheduler.delivery]
allow_hosts = ["127.0.0.1"]
concurrency = 1
`,
        "agents/a.symbi": `agent a { command: ["echo", "done"] }
schedule { name: "slow" agent: "a" cron: "0 1 1 1 *" delivery: ["webhook"] webhook_url: "${slow.url}" max_concurrent: 2 }
schedule { name: "dead" agent: "a" cron: "0 1 1 1 *" delivery: ["webhook"] webhook_url: "${dead.url}" }`
      })
      const first = yield* startService({ folder })
      const hung = yield* runNow(first, "dead")
      const one = yield* runNow(first, "slow")
      const two = yield* runNow(first, "slow")
      yield* seen("both receivers at work", () => slow.received.length > 0 && dead.received.length > 0)
      yield* first.signal("SIGTERM")
      assert.strictEqual(yield* first.exitCode, 0, first.stderr())
      assert.lengthOf(slow.received, 2)

      const second = yield* startService({ folder })
      const stateOf = (run_id: string) =>
        Effect.map(second.client.runs.get({ path: { run_id } }), ({ deliveries }) => deliveries[0]?.state)
      assert.deepStrictEqual(yield* Effect.all([stateOf(one.id), stateOf(two.id), stateOf(hung.id)]), [
        "delivered",
        "delivered",
        "pending"
      ])
    })
  )
})
