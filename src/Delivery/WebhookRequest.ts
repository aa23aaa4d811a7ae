import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Job } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import { headerProblem } from "../Domain/WebhookHeaders.ts"
import { eventOf, WebhookPayload } from "../Domain/WebhookPayload.ts"
import { userOf } from "../Network/GuardedRequest.ts"
import { interpolate, valuesIn } from "../ServiceEnvironment.ts"
import type { DeliverySettings } from "../Settings.ts"
import { version } from "../Version.ts"
import type { DeliveryNotes } from "./CurrentDelivery.ts"
import { cutOutput } from "./Cut.ts"
import { signatureKeys, signatureOf } from "./Signature.ts"
import { renderTemplate } from "./Template.ts"

/** What a webhook is sent. */
export interface WebhookRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** What no message may repeat. */
  readonly secrets: ReadonlySet<string>
}

/** What a request is made of. */
export interface WebhookSource {
  readonly job: Job
  readonly run: Run
  readonly output: string
  readonly notes: DeliveryNotes
  readonly settings: DeliverySettings
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Where people reach the API; null when nobody knows. */
  readonly baseUrl: string | null
  /** The zone of jobs that name none. */
  readonly timezone: string
  /** UTC ms. */
  readonly now: number
}

type Checked<A> = Either.Either<A, string>

/** What a delivery is sent to and with: the job's own, or for an alert what the configuration says. */
interface Address {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly secret: string | undefined
  readonly template: string | undefined
}

const encodePayload = Schema.encodeSync(Schema.parseJson(WebhookPayload))

/** Resolves the variables of a job's fields, and remembers what they stood for. */
const resolver = (variables: WebhookSource["variables"], secrets: Set<string>) => {
  return (text: string, field: string): Checked<string> => {
    for (const value of valuesIn(text, variables)) secrets.add(value)
    return Either.mapLeft(
      interpolate(text, variables),
      (name) => `${field} needs the environment variable ${name}, which is not set; set it and start the service again`
    )
  }
}

const addressOf = ({ job, notes, settings }: WebhookSource, resolve: ReturnType<typeof resolver>): Checked<Address> => {
  const secret = settings.webhook_secret === undefined ? undefined : Redacted.value(settings.webhook_secret)
  if (notes.kind === "undelivered") {
    return settings.fallback_webhook_url === undefined
      ? Either.left("alerts by webhook need fallback_webhook_url under [scheduler.delivery]; set it")
      : Either.right({ url: Redacted.value(settings.fallback_webhook_url), headers: {}, secret, template: undefined })
  }
  if (job.webhook_url === undefined) return Either.left(`job "${job.name}" has no webhook_url; set it`)
  return Either.all({
    url: resolve(job.webhook_url, "webhook_url"),
    headers: Either.all(
      Object.fromEntries(
        Object.entries(job.webhook_headers ?? {}).map(([name, value]) => [
          name,
          resolve(value, `the header ${JSON.stringify(name)} of webhook_headers`)
        ])
      )
    ),
    secret: job.webhook_secret === undefined ? Either.right(secret) : resolve(job.webhook_secret, "webhook_secret"),
    template: Either.right(job.webhook_body)
  })
}

const bodyOf = (
  { baseUrl, job, notes, output, run, settings, timezone }: WebhookSource,
  template: string | undefined,
  resolve: ReturnType<typeof resolver>
): Checked<string> => {
  const cut = cutOutput(output, settings.max_output_bytes, run.id)
  if (template === undefined) {
    const event = eventOf(notes.kind, run.status)
    return Either.right(encodePayload({ delivery_id: notes.id, event, job, run, output: cut }))
  }
  let problem: string | undefined
  const literal = (text: string) =>
    Either.getOrElse(resolve(text, "webhook_body"), (unset) => {
      problem ??= unset
      return ""
    })
  const rendered = renderTemplate(template, { job, run, output: cut, notes, baseUrl, timezone }, literal)
  return problem === undefined ? Either.mapLeft(rendered, (what) => `webhook_body: ${what}`) : Either.left(problem)
}

/** Parts of an address that long may be tokens. */
const likelyToken = 16

const secretsOfUrl = (text: string): ReadonlyArray<string> => {
  if (!URL.canParse(text)) return []
  const url = new URL(text)
  const who = userOf(url)
  const parts = [...url.pathname.split("/"), ...url.searchParams.values()].filter((part) => part.length >= likelyToken)
  return who === undefined
    ? parts
    : [url.username, url.password, who.user, who.password, `${who.user}:${who.password}`, ...parts]
}

/** A header's value, and for the likes of `Bearer TOKEN` the token. */
const secretsOfHeader = (value: string): ReadonlyArray<string> => [value, value.slice(value.indexOf(" ") + 1)]

const headersOf = (
  { notes, now, settings }: WebhookSource,
  { headers: own, secret, url }: Address,
  body: string,
  secrets: Set<string>
): Checked<Record<string, string>> => {
  const entries = Object.entries(own)
  const problem = entries.map(([name, value]) => headerProblem(name, value)).find((one) => one !== undefined)
  if (problem !== undefined) return Either.left(`webhook_headers: ${problem}`)
  const keys = secret === undefined ? Either.right([]) : signatureKeys(secret)
  if (Either.isLeft(keys)) return Either.left(`webhook_secret cannot be used: ${keys.left}`)
  const given = new Map(entries.map(([name, value]) => [name.toLowerCase(), value]))
  const { webhook_auth_header: auth } = settings
  const hasUser = URL.canParse(url) && userOf(new URL(url)) !== undefined
  if (auth !== undefined && !given.has("authorization") && !hasUser) {
    const unusable = headerProblem("authorization", Redacted.value(auth))
    if (unusable !== undefined) return Either.left(`webhook_auth_header of the configuration: ${unusable}`)
    given.set("authorization", Redacted.value(auth))
  }
  for (const value of given.values()) for (const part of secretsOfHeader(value)) secrets.add(part)
  for (const part of (secret ?? "").split(/\s+/)) secrets.add(part).add(part.replace(/^whsec_/, ""))
  const timestamp = Math.floor(now / 1_000)
  return Either.right({
    "content-type": "application/json",
    "user-agent": `symbiont-scheduler/${version}`,
    ...Object.fromEntries(given),
    "webhook-id": notes.id,
    "webhook-timestamp": String(timestamp),
    ...(keys.right.length === 0
      ? {}
      : { "webhook-signature": signatureOf({ id: notes.id, timestamp, body }, keys.right) })
  })
}

/** The request of one attempt. Left says, without secrets, why none can be made. */
export const webhookRequest = (source: WebhookSource): Checked<WebhookRequest> =>
  Either.gen(function* () {
    const secrets = new Set<string>()
    const resolve = resolver(source.variables, secrets)
    const address = yield* addressOf(source, resolve)
    const body = yield* bodyOf(source, address.template, resolve)
    const headers = yield* headersOf(source, address, body, secrets)
    for (const part of secretsOfUrl(address.url)) secrets.add(part)
    return { url: address.url, headers, body, secrets }
  })
