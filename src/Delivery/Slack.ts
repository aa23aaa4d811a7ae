import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { Job } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import type { GuardedClient } from "../Network/GuardedRequest.ts"
import { interpolate, ServiceEnvironment, valuesIn } from "../ServiceEnvironment.ts"
import { Settings } from "../Settings.ts"
import { type DeliveryNotes, deliveryNotes } from "./CurrentDelivery.ts"
import { makeApi, postToHook } from "./Slack/Api.ts"
import { resolvedChannelProblem } from "./Slack/Channel.ts"
import { refusal } from "./Slack/Failures.ts"
import { type SlackText, slackText } from "./Slack/Text.ts"

export { slackChannelProblem } from "./Slack/Channel.ts"

interface Channel {
  readonly name: string
  /** What no message may repeat. */
  readonly secrets: ReadonlyArray<string>
}

/** Posts each output to Slack: with a token to the job's channel, else by an incoming webhook to the webhook's own. */
export const makeSlack = Effect.fnUntraced(function* (client: GuardedClient) {
  const { variables } = yield* ServiceEnvironment
  const settings = (yield* Settings).scheduler.delivery

  const channelOf = (job: Job, notes: DeliveryNotes): Either.Either<Channel, ReturnType<typeof refusal>> => {
    const own = notes.kind === "undelivered" ? undefined : job.slack_channel
    const where = own === undefined ? "slack_default_channel" : "slack_channel"
    const written = own ?? settings.slack_default_channel
    if (written === undefined) {
      return Either.left(
        refusal(
          "there is no channel to post to: set slack_channel in the job, or slack_default_channel under [scheduler.delivery]"
        )
      )
    }
    const resolved = own === undefined ? Either.right(written) : interpolate(written, variables)
    return Either.flatMap(
      Either.mapLeft(resolved, (name) =>
        refusal(
          `slack_channel needs the environment variable ${name}, which is not set; set it for the service and restart`
        )
      ),
      (name) => {
        const problem = resolvedChannelProblem(name, written)
        if (problem !== undefined) return Either.left(refusal(`${where}: ${problem}`))
        const values = own === undefined ? [] : valuesIn(written, variables)
        // Slack may say a name with or without the sign before it.
        return Either.right({ name, secrets: values.flatMap((value) => [value, value.replace(/^[#@]/, "")]) })
      }
    )
  }

  /** The text, or the beginning of it with a note of where the rest is. */
  const cutText = (text: SlackText, run: Run, more = ""): string => {
    const note = `… (cut; ${Buffer.byteLength(text.output)} bytes in all, kept with run ${run.id}${more})`
    return slackText(text) ?? slackText(text, note) ?? text.subject
  }

  /** Uploads what is too long for a message; gives the file's ID, or why it is cut instead. */
  const uploadOf = (api: ReturnType<typeof makeApi>, text: SlackText, run: Run) =>
    settings.slack_long_output === "cut" || slackText(text) !== undefined
      ? Effect.succeed({ file: undefined, more: "" })
      : api.uploadText(`${run.id}.txt`, text.output.toWellFormed()).pipe(
          Effect.map((file) => ({ file, more: "; the whole is in the thread" })),
          // The message matters more than its file. What may pass is tried again, as nothing was posted yet.
          Effect.catchIf(
            ({ permanent }) => permanent,
            ({ message }) => Effect.succeed({ file: undefined, more: `; not uploaded: ${message}` })
          )
        )

  const post = Effect.fnUntraced(function* (token: string, job: Job, run: Run, notes: DeliveryNotes, text: SlackText) {
    const { name: channel, secrets } = yield* channelOf(job, notes)
    const api = makeApi(client, settings.slack_base_url, token, secrets)
    const { file, more } = yield* uploadOf(api, text, run)
    const posted = yield* api.postMessage({
      channel,
      text: cutText(text, run, more),
      unfurl_links: false,
      metadata: { event_type: "symbiont_delivery", event_payload: { delivery_id: notes.id, run_id: run.id } }
    })
    if (file === undefined || posted.channel === undefined || posted.ts === undefined) return
    // The message is there: another attempt would post it twice.
    yield* Effect.catchAll(
      api.shareFile({ id: file, title: `${run.job_name} ${run.id}` }, posted.channel, posted.ts),
      ({ message }) => Effect.logWarning(`delivery ${notes.id}: the message was posted, its file was not: ${message}`)
    )
  })

  return Effect.fn("Delivery.slack")(function* (job: Job, run: Run, output: string) {
    const { slack_api_token, slack_webhook_url } = settings
    const notes = yield* deliveryNotes("slack", run)
    const asCode = notes.kind === "output" && job.delivery_body === undefined
    const text: SlackText = { subject: notes.subject, output, asCode }
    if (slack_api_token !== undefined) return yield* post(Redacted.value(slack_api_token), job, run, notes, text)
    if (slack_webhook_url !== undefined)
      return yield* postToHook(client, Redacted.value(slack_webhook_url), cutText(text, run))
    return yield* refusal(
      "nothing can be posted to Slack: set slack_api_token (or SYMBI_SLACK_TOKEN) or slack_webhook_url under [scheduler.delivery]"
    )
  })
})
