import * as Effect from "effect/Effect"
import type { DeliveryRouter } from "../Delivery.ts"
import { type DeliveryChannel, DeliveryFailure } from "../Domain/Delivery.ts"
import { CustomChannels } from "./CustomChannels.ts"
import { makeLogFile } from "./LogFile.ts"
import { StandardOutput, toStdout } from "./Stdout.ts"

const refuse = (channel: DeliveryChannel, message: string) =>
  Effect.fail(new DeliveryFailure({ channel, message, permanent: true }))

/** Sends each output to its channel. */
export const makeRouter = Effect.gen(function* () {
  const stdout = yield* StandardOutput
  const toLogFile = yield* makeLogFile
  const custom = yield* CustomChannels

  const route: (typeof DeliveryRouter.Service)["route"] = Effect.fn("DeliveryRouter.route")(
    (channel, job, run, output) => {
      switch (channel) {
        case "stdout":
          return toStdout(stdout, job, run, output)
        case "log_file":
          return toLogFile(job, run, output)
        case "webhook":
        case "slack":
        case "email":
          return refuse(channel, `the ${channel} channel is not available in this version`)
        default: {
          const handler = custom.get(channel.slice("custom:".length))
          return handler === undefined
            ? refuse(channel, `no channel ${channel} is part of this service; provide it with CustomChannels`)
            : handler(job, run, output)
        }
      }
    }
  )

  return { route }
})
