import * as Effect from "effect/Effect"
import type { DeliveryRouter } from "../Delivery.ts"
import { type DeliveryChannel, DeliveryFailure } from "../Domain/Delivery.ts"
import { ServiceEnvironment, withheldText } from "../ServiceEnvironment.ts"
import { Settings } from "../Settings.ts"
import { deliveryNotes } from "./CurrentDelivery.ts"
import { type ChannelHandler, CustomChannels } from "./CustomChannels.ts"
import { makeCustomCommands } from "./CustomCommand.ts"
import { makeEmail } from "./Email.ts"
import { withheldFor } from "./JobVariables.ts"
import { makeLogFile } from "./LogFile.ts"
import { makeDeliveryClient } from "./Network.ts"
import { makeSlack } from "./Slack.ts"
import { makeStdout, StandardOutput } from "./Stdout.ts"
import { unsetFor } from "./UnsetSettings.ts"
import { makeWebhook } from "./Webhook.ts"

const refuse = (channel: DeliveryChannel, message: string) =>
  Effect.fail(new DeliveryFailure({ channel, message, permanent: true }))

/** Sends each output to its channel. */
export const makeRouter = Effect.gen(function* () {
  const toStdout = yield* Effect.flatMap(StandardOutput, makeStdout)
  const toLogFile = yield* makeLogFile
  const client = yield* makeDeliveryClient
  const toWebhook = yield* makeWebhook(client)
  const toSlack = yield* makeSlack(client)
  const toEmail = yield* makeEmail
  const commands = yield* makeCustomCommands
  const custom = yield* CustomChannels
  const { scheduler, unset } = yield* Settings
  const { withheld } = yield* ServiceEnvironment

  /** Refuses what would go out without what it was meant to go out with: a setting, or a variable. */
  const configured =
    (channel: DeliveryChannel, handler: ChannelHandler): ChannelHandler =>
    (job, run, output) =>
      Effect.gen(function* () {
        const { kind } = yield* deliveryNotes(channel, run)
        const named = withheldFor(channel, kind, job, withheld)
        if (named !== undefined) return yield* refuse(channel, `${named.path}: ${withheldText(named.name)}`)
        const missing = unsetFor(channel, kind, job, { settings: scheduler.delivery, unset })
        return yield* missing === undefined ? handler(job, run, output) : refuse(channel, missing)
      })

  const route: (typeof DeliveryRouter.Service)["route"] = Effect.fn("DeliveryRouter.route")(
    (channel, job, run, output) => {
      switch (channel) {
        case "stdout":
          return toStdout(job, run, output)
        case "log_file":
          return toLogFile(job, run, output)
        case "webhook":
          return configured("webhook", toWebhook)(job, run, output)
        case "slack":
          return configured("slack", toSlack)(job, run, output)
        case "email":
          return configured("email", toEmail)(job, run, output)
        default: {
          const name = channel.slice("custom:".length)
          const inCode = custom.get(name)
          if (inCode !== undefined) return inCode(job, run, output)
          const unknown = () =>
            refuse(
              channel,
              `no channel ${channel} is part of this service; configure [scheduler.delivery.custom.${name}], or provide it with CustomChannels`
            )
          return configured(channel, commands.get(name) ?? unknown)(job, run, output)
        }
      }
    }
  )

  return { route }
})
