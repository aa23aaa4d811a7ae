import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { DeliveryFailure } from "../Domain/Delivery.ts"
import { type Answer, type GuardedClient, type RequestFailed, retryAfterMillis } from "../Network/GuardedRequest.ts"
import { ServiceEnvironment } from "../ServiceEnvironment.ts"
import { baseUrlOf, Settings } from "../Settings.ts"
import { traceparentOf } from "../Telemetry.ts"
import { answerText, withoutThese } from "./AnswerText.ts"
import { deliveryNotes } from "./CurrentDelivery.ts"
import type { ChannelHandler } from "./CustomChannels.ts"
import { allowEntryOf } from "./Network.ts"
import { type WebhookRequest, webhookRequest } from "./WebhookRequest.ts"

const refused = (message: string) => new DeliveryFailure({ channel: "webhook", message, permanent: true })

/** Timeout, too early and too many requests may pass; so may what is wrong on the receiver's side. */
const mayPass = (status: number): boolean => [408, 425, 429].includes(status) || status >= 500

const hints: Readonly<Record<number, string>> = {
  401: "check the Authorization that it is sent",
  403: "check the Authorization that it is sent",
  404: "check webhook_url",
  410: "check webhook_url",
  413: "lower max_output_bytes under [scheduler.delivery]"
}

/** The host that a redirect points to; all that follows may hold what was sent. */
const pointsTo = (location: string | undefined, url: string): string => {
  if (location === undefined || !URL.canParse(location, url)) return "nowhere"
  const { host, protocol } = new URL(location, url)
  return /^https?:$/.test(protocol) ? `${protocol}//${host}` : "something that is no http or https address"
}

/** How what went wrong with a request is told: the host that it was for, and texts without what is secret in it. */
interface Told {
  readonly blanked: (text: string) => string
  readonly host: string
  /** What opens the host in `allow_hosts`. */
  readonly entry: string
}

const failureOf = (reason: RequestFailed["reason"], message: string, { entry, host }: Told): DeliveryFailure => {
  switch (reason) {
    case "refused":
      return refused(
        `${message}, so nothing was sent; where it is meant to be reached, add ${entry} to allow_hosts under [scheduler.delivery]`
      )
    case "invalid":
      return refused(`webhook_url cannot be used: ${message}`)
    case "timeout":
    case "network":
      return new DeliveryFailure({ channel: "webhook", message: `${host}: ${message}`, permanent: false })
  }
}

const tellingOf = ({ secrets, url }: WebhookRequest): Told => {
  const blanked = withoutThese(secrets)
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  return {
    blanked,
    host: blanked(parsed?.host ?? "webhook_url"),
    entry: blanked(parsed === undefined ? "its host" : allowEntryOf(parsed))
  }
}

const isSuccess = ({ status }: Answer): boolean => status >= 200 && status < 300

/** What an answer means that is none of success. */
const judge = ({ body, headers, status }: Answer, request: WebhookRequest, now: number): DeliveryFailure => {
  const { blanked, host } = tellingOf(request)
  if (status < 400) {
    const place = answerText(blanked(pointsTo(headers["location"], request.url)))
    return refused(
      `${host} answered ${status} and points to ${place}; redirects are not followed: put the final address into webhook_url`
    )
  }
  const said = answerText(blanked(body))
  const hint = hints[status]
  const message = `${host} answered ${status}${said === "" ? "" : `: ${said}`}${hint === undefined ? "" : `; ${hint}`}`
  if (!mayPass(status)) return refused(message)
  const retry_after_ms = retryAfterMillis(headers["retry-after"], now)
  return new DeliveryFailure({
    channel: "webhook",
    message,
    permanent: false,
    ...(retry_after_ms === undefined ? {} : { retry_after_ms })
  })
}

/**
 * POSTs each output, signed where there is a secret. 2xx is a success; 408, 425, 429, 5xx and broken connections may
 * pass, any other answer is a refusal for good.
 */
export const makeWebhook = Effect.fnUntraced(function* ({ send }: GuardedClient) {
  const configuration = yield* Settings
  const { variables } = yield* ServiceEnvironment
  const { delivery: settings, timezone } = configuration.scheduler
  const baseUrl = baseUrlOf(configuration)
  const timeout = settings.webhook_timeout_seconds * 1_000

  const toWebhook: ChannelHandler = Effect.fnUntraced(function* (job, run, output) {
    const notes = yield* deliveryNotes("webhook", run)
    const now = yield* Clock.currentTimeMillis
    const request = yield* Either.mapLeft(
      webhookRequest({ job, run, output, notes, settings, variables, baseUrl, timezone, now }),
      refused
    )
    const { body, url } = request
    const headers = { traceparent: yield* traceparentOf(run.id), ...request.headers }
    const answer = yield* Effect.mapError(send({ method: "POST", url, headers, body, timeout }), (error) => {
      const told = tellingOf(request)
      return failureOf(error.reason, told.blanked(error.message), told)
    })
    if (!isSuccess(answer)) return yield* judge(answer, request, yield* Clock.currentTimeMillis)
  })
  return toWebhook
})
