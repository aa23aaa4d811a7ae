import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CurrentDelivery, CustomChannels, DeliveryRouter } from "../../src/Delivery.ts"
import type { DeliveryChannel } from "../../src/Domain/Delivery.ts"
import { answers } from "../support/HttpReceiver.ts"
import { finishedRun } from "./fixtures.ts"
import { jobWith, notes, routerWith, type Setting, setUp } from "./webhooks.ts"

type Fields = Readonly<Record<string, unknown>>

/** How a router on these settings refuses a delivery to a channel. */
const refusal = (
  channel: DeliveryChannel,
  setting: Setting,
  fields: Fields = {},
  kind: "output" | "undelivered" = "output"
) =>
  Effect.flatMap(DeliveryRouter, (router) => router.route(channel, jobWith(fields), finishedRun(), "fine")).pipe(
    Effect.provideService(CurrentDelivery, { ...notes, kind }),
    Effect.flip,
    Effect.map(({ message, permanent }) => (permanent ? message : `for now: ${message}`)),
    Effect.provide(routerWith(setting))
  )

const needs = (key: string) =>
  `scheduler.delivery.${key} needs the environment variable UNSET, which is not set; set it and start the service again`

const url = "http://127.0.0.1:1/hook"
const mail = { smtp_host: "127.0.0.1", email_from: "a@example.com", fallback_email_recipients: ["a@b.c"] } as const

const cases: ReadonlyArray<
  readonly [channel: DeliveryChannel, key: string, setting?: Setting["delivery"], fields?: Fields, isAlert?: "alert"]
> = [
  ["webhook", "webhook_secret", {}, { webhook_url: url }],
  ["webhook", "webhook_auth_header", {}, { webhook_url: url, webhook_headers: { "X-A": "b" } }],
  ["webhook", "fallback_webhook_url", { fallback: "webhook" }, {}, "alert"],
  ["webhook", "webhook_secret", { fallback_webhook_url: url }, { webhook_secret: "own" }, "alert"],
  ["slack", "slack_api_token", { slack_webhook_url: "https://hooks.slack.com/x" }],
  ["slack", "slack_base_url", { slack_api_token: "x", slack_default_channel: "#a" }],
  ["slack", "slack_webhook_url"],
  ["slack", "slack_default_channel", { slack_api_token: "x" }, { slack_channel: "#a" }, "alert"],
  ["email", "smtp_password", { ...mail, smtp_username: "u" }, { email_recipients: ["a@b.c"] }],
  ["email", "smtp_tls", mail, { email_recipients: ["a@b.c"] }],
  ["email", "email_from", { smtp_host: "127.0.0.1" }, { email_recipients: ["a@b.c"] }],
  ["email", "fallback_email_recipients", mail, {}, "alert"],
  ["custom:pager", "custom.pager.command"]
]

describe("a setting whose variable is not set", () => {
  for (const [channel, key, delivery = {}, fields = {}, isAlert] of cases) {
    it.effect(`${key}: nothing goes out by ${channel}${isAlert === undefined ? "" : " as an alert"}`, () =>
      Effect.gen(function* () {
        const kind = isAlert === undefined ? "output" : "undelivered"
        assert.strictEqual(yield* refusal(channel, { delivery, unset: [key] }, fields, kind), needs(key))
      })
    )
  }

  it.scoped("does not keep back a webhook that goes without it", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* setUp([answers(200), answers(200)], {
        unset: ["webhook_secret", "webhook_auth_header", "fallback_webhook_url", "smtp_password"]
      })
      const refused = yield* Effect.flip(deliver({ webhook_secret: "own" }))
      assert.strictEqual(refused.message, needs("webhook_auth_header"))
      yield* deliver({ webhook_secret: "own", webhook_headers: { AUTHORIZATION: "Bearer own" } })
      yield* deliver({ webhook_secret: "own", webhook_url: receiver.url.replace("//", "//user:pass@") })
      assert.lengthOf(receiver.received, 2)
    })
  )

  it.effect("does not keep back a channel of the same name that is written in code", () =>
    Effect.gen(function* () {
      const router = yield* DeliveryRouter
      yield* router.route("custom:pager", jobWith({}), finishedRun(), "fine")
    }).pipe(
      Effect.provide(
        routerWith({ unset: ["custom.pager.command"] }).pipe(
          Layer.provide(CustomChannels.layer({ pager: () => Effect.void }))
        )
      )
    )
  )
})
