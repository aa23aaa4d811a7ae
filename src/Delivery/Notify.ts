import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { AgentFailure } from "../Domain/Agent.ts"
import { type DeliveryChannel, maxNotices } from "../Domain/Delivery.ts"
import type { Job } from "../Domain/Job.ts"
import { type AttemptRef, JobStore } from "../JobStore.ts"
import { type DeliverySettings, Settings } from "../Settings.ts"
import { CustomChannels } from "./CustomChannels.ts"
import { OutboxSignal } from "./OutboxSignal.ts"

type Receiver = Pick<Job, "name" | "webhook_url" | "slack_channel" | "email_recipients">

/** What a channel lacks to be told anything by a job. */
const lacking = (
  channel: DeliveryChannel,
  job: Receiver,
  settings: DeliverySettings,
  inCode: Pick<ReadonlyMap<string, unknown>, "has">
): string | undefined => {
  switch (channel) {
    case "stdout":
    case "log_file":
      return undefined
    case "webhook":
      return job.webhook_url === undefined ? `job "${job.name}" has no webhook_url` : undefined
    case "email":
      if ((job.email_recipients ?? []).length === 0) return `job "${job.name}" has no email_recipients`
      return settings.smtp_host === undefined || settings.email_from === undefined
        ? "smtp_host and email_from are not both set under [scheduler.delivery]"
        : undefined
    case "slack":
      if (settings.slack_api_token === undefined) {
        return settings.slack_webhook_url === undefined
          ? "neither slack_api_token nor slack_webhook_url is set under [scheduler.delivery]"
          : undefined
      }
      return (job.slack_channel ?? settings.slack_default_channel) === undefined
        ? `job "${job.name}" has no slack_channel, and no slack_default_channel is set under [scheduler.delivery]`
        : undefined
    default: {
      const name = channel.slice("custom:".length)
      return inCode.has(name) || Object.hasOwn(settings.custom, name)
        ? undefined
        : `there is no [scheduler.delivery.custom.${name}]`
    }
  }
}

/** Sends what an agent says to a channel of its job: durable when it returns, and sent while the run goes on. */
export const makeNotify = Effect.gen(function* () {
  const store = yield* JobStore
  const signal = yield* OutboxSignal
  const settings = (yield* Settings).scheduler.delivery
  const inCode = yield* CustomChannels

  const refuse = (channel: DeliveryChannel, why: string) =>
    new AgentFailure({ kind: "permanent", message: `${channel} cannot be notified: ${why}` })

  return Effect.fn("Delivery.notify")(function* (
    ref: AttemptRef,
    job: Receiver,
    channel: DeliveryChannel,
    text: string
  ): Effect.fn.Return<void, AgentFailure> {
    const lacks = lacking(channel, job, settings, inCode)
    if (lacks !== undefined) return yield* refuse(channel, lacks)
    const now = yield* Clock.currentTimeMillis
    const added = yield* Effect.mapError(
      store.addNotice(ref, channel, text.replaceAll("\0", "").toWellFormed(), now),
      ({ message }) => refuse(channel, message)
    )
    if (!added)
      return yield* refuse(channel, `this run has sent ${maxNotices} notifications already, which is the most`)
    yield* signal.wake
  })
})
