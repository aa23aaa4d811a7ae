import * as Effect from "effect/Effect"
import type { Invocation } from "../../Agents.ts"
import type { DeliveryChannel } from "../../Domain/Delivery.ts"
import type { Tool } from "../../Domain/Tool.ts"
import { objectSchema, type ReadyTool, refused } from "./Outcome.ts"

const maxLength = 20_000

/** Sends a text that the model writes to one channel of the run's job. */
export const notifyTool = (
  channel: DeliveryChannel,
  { description }: Pick<Tool, "description">,
  notify: Invocation["notify"]
): ReadyTool => ({
  spec: {
    description: description ?? `Sends a text to people, by ${channel}.`,
    parameters: objectSchema({ text: { type: "string", description: "What they are told", maxLength } })
  },
  secrets: [],
  run: (given) => {
    const text = given.get("text")
    if (typeof text !== "string" || text.trim() === "") {
      return Effect.succeed(refused(`"text" must be a string that is not empty`))
    }
    if (text.length > maxLength) return Effect.succeed(refused(`"text" is longer than ${maxLength} characters`))
    return Effect.match(notify(channel, text.toWellFormed()), {
      onSuccess: () => ({ text: `It will be sent by ${channel}.`, more: false, error: undefined }),
      onFailure: ({ message }) => refused(message)
    })
  }
})
