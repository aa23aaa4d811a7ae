import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { runOutbox } from "./Delivery/Outbox.ts"
import type { OutboxSignal } from "./Delivery/OutboxSignal.ts"
import { makeRouter } from "./Delivery/Router.ts"
import type { StandardOutput } from "./Delivery/Stdout.ts"
import type { DeliveryChannel, DeliveryFailure } from "./Domain/Delivery.ts"
import type { Job } from "./Domain/Job.ts"
import type { Run } from "./Domain/Run.ts"
import type { JobStore } from "./JobStore.ts"
import type { ServiceEnvironment } from "./ServiceEnvironment.ts"
import type { Settings } from "./Settings.ts"

export { withoutThese } from "./Delivery/AnswerText.ts"
export { CurrentDelivery, type DeliveryNotes } from "./Delivery/CurrentDelivery.ts"
export { type ChannelHandler, CustomChannels } from "./Delivery/CustomChannels.ts"
export { DeliveryDesk } from "./Delivery/Desk.ts"
export { addressProblem } from "./Delivery/Email/Address.ts"
export { variablesIn } from "./Delivery/JobVariables.ts"
export { allowEntryOf, DeliveryNetwork, makeDeliveryClient } from "./Delivery/Network.ts"
export { makeNotify } from "./Delivery/Notify.ts"
export { OutboxSignal } from "./Delivery/OutboxSignal.ts"
export { signatureKeys } from "./Delivery/Signature.ts"
export { slackChannelProblem } from "./Delivery/Slack/Channel.ts"
export { StandardOutput } from "./Delivery/Stdout.ts"
export { breaksJsonIn, parseTemplate, renderTemplate, type TemplateFacts } from "./Delivery/Template.ts"
export { type SettingsAsSet, unsetFor } from "./Delivery/UnsetSettings.ts"

/** Sends one output to one channel. Called at least once per delivery; replaceable as a layer. */
export class DeliveryRouter extends Context.Tag("symbiont/DeliveryRouter")<
  DeliveryRouter,
  {
    readonly route: (
      channel: DeliveryChannel,
      job: Job,
      run: Run,
      output: string
    ) => Effect.Effect<void, DeliveryFailure>
  }
>() {
  /** All channels: those built in, those of the configuration, and those of {@link CustomChannels}. */
  static readonly layer: Layer.Layer<
    DeliveryRouter,
    never,
    StandardOutput | Settings | ServiceEnvironment | FileSystem.FileSystem | Path.Path
  > = Layer.scoped(DeliveryRouter, makeRouter)
}

/** The worker that sends what the store has for delivery: a layer that does, and provides nothing. */
export const Outbox: {
  readonly layer: Layer.Layer<never, never, DeliveryRouter | JobStore | OutboxSignal | Settings>
} = {
  layer: Layer.scopedDiscard(Effect.flatMap(DeliveryRouter, runOutbox))
}
