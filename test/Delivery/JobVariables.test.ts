import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CurrentDelivery, DeliveryRouter } from "../../src/Delivery.ts"
import type { DeliveryChannel } from "../../src/Domain/Delivery.ts"
import { withheldVariables } from "../../src/ServiceEnvironment.ts"
import { answers } from "../support/HttpReceiver.ts"
import { finishedRun } from "./fixtures.ts"
import { jobWith, notes, routerWith, setUp } from "./webhooks.ts"

const withheld = withheldVariables(["OPS_KEY"])

const fields: ReadonlyArray<readonly [channel: DeliveryChannel, path: string, name: string, fields: object]> = [
  ["webhook", "webhook_url", "SYMBI_API_KEYS", { webhook_url: `http://127.0.0.1:1/\${SYMBI_API_KEYS}` }],
  ["webhook", "webhook_secret", "SYMBI_WEBHOOK_AUTH_HEADER", { webhook_secret: `\${SYMBI_WEBHOOK_AUTH_HEADER}` }],
  ["webhook", "webhook_headers.X-A", "OPS_KEY", { webhook_headers: { "X-A": `Bearer \${OPS_KEY}` } }],
  ["webhook", "webhook_body", "OPS_KEY", { webhook_body: `\${OPS_KEY} {{output}}` }],
  ["slack", "slack_channel", "SYMBI_SLACK_TOKEN", { slack_channel: `\${SYMBI_SLACK_TOKEN}` }],
  ["email", "email_recipients.0", "OPS_KEY", { email_recipients: [`\${OPS_KEY}`] }]
]

describe("a variable that jobs may not name", () => {
  for (const [channel, path, name, over] of fields) {
    it.effect(`${path}: nothing goes out by ${channel}, and it is said why`, () =>
      Effect.gen(function* () {
        const router = yield* DeliveryRouter
        const job = jobWith({ webhook_url: "http://127.0.0.1:1/", ...over })
        const failure = yield* Effect.flip(router.route(channel, job, finishedRun(), "fine"))
        assert.isTrue(failure.permanent)
        assert.strictEqual(
          failure.message,
          `${path}: jobs and agents may not name \${${name}}: it holds a secret of the service; use another variable`
        )
      }).pipe(Effect.provideService(CurrentDelivery, notes), Effect.provide(routerWith({ withheld })))
    )
  }

  it.scoped("is no matter where the channel has no use for the field", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* setUp([answers(200)], { withheld })
      yield* deliver({ slack_channel: `\${OPS_KEY}` })
      assert.lengthOf(receiver.received, 1)
    })
  )
})
