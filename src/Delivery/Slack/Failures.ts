import { DeliveryFailure } from "../../Domain/Delivery.ts"
import { type Answer, type RequestFailed, retryAfterMillis } from "../../Network/GuardedRequest.ts"
import { answerText } from "../AnswerText.ts"

const fail = (permanent: boolean, message: string, retry_after_ms?: number) =>
  new DeliveryFailure({
    channel: "slack",
    permanent,
    message,
    ...(retry_after_ms === undefined ? {} : { retry_after_ms })
  })

/** A refusal for good. */
export const refusal = (message: string): DeliveryFailure => fail(true, message)

const token = "check slack_api_token under [scheduler.delivery], or SYMBI_SLACK_TOKEN"

// Codes of Slack's reference that no second attempt changes, and what to do about them.
const refusals: Readonly<Record<string, string>> = {
  channel_not_found: "check slack_channel; the app sees a private channel only when it was invited there",
  not_in_channel: "invite the app to the channel (/invite @app), or give it the scope chat:write.public",
  is_archived: "unarchive the channel, or choose another slack_channel",
  invalid_auth: token,
  not_authed: token,
  token_revoked: token,
  token_expired: token,
  account_inactive: token,
  not_allowed_token_type: `${token}: it is to be a bot token (xoxb-...)`,
  org_login_required: token,
  team_access_not_granted: "install the app in the channel's workspace",
  missing_scope: "give the app the scope and install it again",
  no_permission: "give the app the scope chat:write and install it again",
  ekm_access_denied: "ask a Slack administrator, who suspended posting",
  access_denied: "ask a Slack administrator for access",
  enterprise_is_restricted: "ask a Slack administrator for access",
  two_factor_setup_required: "set up two-factor authentication for the app's owner",
  restricted_action: "a setting of the workspace keeps the app from posting there; ask an administrator",
  restricted_action_read_only_channel: "the channel is read-only; choose another slack_channel",
  restricted_action_thread_only_channel: "the channel takes answers in threads only; choose another slack_channel",
  restricted_action_non_threadable_channel: "choose another slack_channel",
  cannot_dm_bot: "choose a channel, or a person",
  messages_tab_disabled: "turn on the messages tab of the app, or choose a channel",
  user_not_found: "check slack_channel",
  msg_too_long: "shorten delivery_body",
  no_text: "there was nothing to say; check delivery_subject",
  message_limit_exceeded: "the workspace reached its limit of messages",
  metadata_too_large: "report it as a mistake of this service",
  invalid_metadata_format: "report it as a mistake of this service",
  invalid_arguments: "check slack_base_url",
  invalid_arg_name: "check slack_base_url",
  invalid_json: "check slack_base_url",
  json_not_object: "check slack_base_url",
  invalid_post_type: "check slack_base_url",
  missing_post_type: "check slack_base_url",
  invalid_charset: "check slack_base_url",
  invalid_form_data: "check slack_base_url",
  unknown_method: "check slack_base_url",
  method_deprecated: "update this service",
  deprecated_endpoint: "update this service",
  file_uploads_disabled: 'leave slack_long_output at "cut"',
  file_upload_size_restricted: 'leave slack_long_output at "cut"',
  file_uploads_except_images_disabled: 'leave slack_long_output at "cut"'
}

/** What was asked of Slack, and what helps to tell people of its answer. */
export interface Asked {
  readonly what: string
  /** The key of the settings that says whom it was asked of. */
  readonly key: string
  /** UTC ms. */
  readonly now: number
  /** Takes the secrets out of a text. */
  readonly blanked: (text: string) => string
}

const adviceOn = (table: Readonly<Record<string, string>>, code: string): string | undefined =>
  Object.hasOwn(table, code) ? table[code] : undefined

/** The failure that an answer with `ok: false` tells of. Codes that nobody knows may pass. */
export const notOk = (
  answer: Answer,
  said: { readonly error?: string | undefined; readonly needed?: string | undefined },
  asked: Asked
): DeliveryFailure => {
  const advice = adviceOn(refusals, said.error ?? "")
  // A known code is a word of Slack's, though a secret may be part of it.
  const code = advice === undefined ? answerText(asked.blanked(said.error ?? "")) : said.error
  const needed = said.needed === undefined ? "" : ` ${answerText(asked.blanked(said.needed))}`
  const message = `Slack refused ${asked.what}: ${code || "no reason given"}${needed}${advice === undefined ? "" : `; ${advice}`}`
  return fail(advice !== undefined, message, retryAfterMillis(answer.headers["retry-after"], asked.now))
}

// Texts of incoming webhooks.
const hookAdvice: Readonly<Record<string, string>> = {
  no_service: "the webhook was removed or turned off; make a new one and set slack_webhook_url",
  no_service_id: "check slack_webhook_url",
  no_active_hooks: "the webhook was turned off; make a new one and set slack_webhook_url",
  no_team: "check slack_webhook_url",
  invalid_token: "the webhook was removed or turned off; make a new one and set slack_webhook_url",
  team_disabled: "the workspace is no longer active",
  channel_not_found: "its channel is gone; make a new webhook and set slack_webhook_url",
  channel_is_archived: "unarchive its channel, or make a webhook for another one",
  action_prohibited: "a setting of the workspace keeps the webhook from posting; ask an administrator",
  posting_to_general_channel_denied: "a setting of the workspace keeps the webhook from posting there"
}

/** The failure that the status of an answer tells of. */
export const badStatus = (answer: Answer, asked: Asked): DeliveryFailure => {
  const { headers, status } = answer
  const said = answerText(asked.blanked(answer.body))
  const advice = adviceOn(hookAdvice, said)
  const mayPass = status === 408 || status === 425 || status === 429 || status >= 500
  const message = `Slack answered ${asked.what} with ${status}${said === "" ? "" : `: ${said}`}`
  if (!mayPass) return refusal(`${message}; ${advice ?? `check ${asked.key}`}`)
  return fail(false, message, retryAfterMillis(headers["retry-after"], asked.now))
}

/** An answer that is none of Slack's. */
export const unreadable = (what: string): DeliveryFailure =>
  fail(false, `what answered ${what} is not Slack: its answer is no JSON with "ok"; check slack_base_url`)

/** Where a request went: its host, and the entry of `allow_hosts` that opens it. */
export interface Place {
  readonly host: string
  readonly entry: string
}

/** The failure of a request that was not answered. */
export const unanswered = ({ message, reason }: RequestFailed, { entry, host }: Place): DeliveryFailure => {
  switch (reason) {
    case "refused":
      return refusal(
        `${message}, so nothing was sent; where it is meant to be reached, add ${entry} to allow_hosts under [scheduler.delivery]`
      )
    case "invalid":
      return refusal(`nothing can be sent to Slack at ${host}: ${message}`)
    case "timeout":
    case "network":
      return fail(false, `Slack at ${host}: ${message}`)
  }
}
