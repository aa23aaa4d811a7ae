import * as Effect from "effect/Effect"
import type { DeliveryRouter } from "../Delivery.ts"
import { type DeliveryChannel, DeliveryFailure } from "../Domain/Delivery.ts"
import { CustomChannels } from "./CustomChannels.ts"
import { makeCustomCommands } from "./CustomCommand.ts"
import { makeEmail } from "./Email.ts"
import { makeLogFile } from "./LogFile.ts"
import { makeDeliveryClient } from "./Network.ts"
import { makeSlack } from "./Slack.ts"
import { makeStdout, StandardOutput } from "./Stdout.ts"
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

  const route: (typeof DeliveryRouter.Service)["route"] = Effect.fn("DeliveryRouter.route")(
    (channel, job, run, output) => {
      switch (channel) {
        case "stdout":
          return toStdout(job, run, output)
        case "log_file":
          return toLogFile(job, run, output)
        case "webhook":
          return toWebhook(job, run, output)
        case "slack":
          return toSlack(job, run, output)
        case "email":
          return toEmail(job, run, output)
        default: {
          const name = channel.slice("custom:".length)
          const handler = custom.get(name) ?? commands.get(name)
          return handler === undefined
            ? refuse(
                channel,
                `no channel ${channel} is part of this service; configure [scheduler.delivery.custom.${name}], or provide it with CustomChannels`
              )
            : handler(job, run, output)
        }
      }
    }
  )

  return { route }
})
