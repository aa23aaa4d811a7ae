import { isIP } from "node:net"
import * as Either from "effect/Either"
import {
  addressProblem,
  breaksJsonIn,
  parseTemplate,
  type SettingsAsSet,
  signatureKeys,
  slackChannelProblem,
  unsetFor,
  variablesIn
} from "../Delivery.ts"
import type { Issue, JobDefinition } from "../Domain/Job.ts"
import { headerProblem } from "../Domain/WebhookHeaders.ts"
import { parseAllowedHosts } from "../Network/AllowedHosts.ts"
import { isPublicAddress } from "../Network/PublicAddress.ts"
import { namesIn, type ServiceEnvironment, withheldText } from "../ServiceEnvironment.ts"
import type { DeliverySettings } from "../Settings.ts"

/** The channels that there are: what is configured, and the names of those written in code. */
export interface ChannelsKnown extends SettingsAsSet {
  readonly inCode: Pick<ReadonlyMap<string, unknown>, "has">
}

const hasVariable = (text: string): boolean => namesIn(text).length > 0

const isHttpUrl = (text: string): boolean => {
  if (/^\$\{[^}]+\}/.test(text)) return true
  // What a variable will stand for, a port say, is not known.
  const probe = text.replace(/\$\{[^}]+\}/g, "1")
  return URL.canParse(probe) && /^https?:$/.test(new URL(probe).protocol)
}

const repeated = (words: ReadonlyArray<string>): number => words.findIndex((word, at) => words.indexOf(word) !== at)

const headerIssues = (headers: Readonly<Record<string, string>>): ReadonlyArray<Issue> => {
  const issues: Array<Issue> = []
  const names = Object.keys(headers)
  for (const [name, value] of Object.entries(headers)) {
    const problem = headerProblem(name, value)
    if (problem !== undefined) issues.push({ path: `webhook_headers.${name}`, message: problem })
  }
  const twice = repeated(names.map((name) => name.toLowerCase()))
  if (twice !== -1) {
    issues.push({ path: `webhook_headers.${names[twice]}`, message: `the header ${names[twice]} stands here twice` })
  }
  return issues
}

const webhookIssues = ({ delivery, webhook_headers, webhook_secret, webhook_url }: JobDefinition) => {
  const issues: Array<Issue> = []
  if (delivery.includes("webhook")) {
    if (webhook_url === undefined) {
      issues.push({ path: "webhook_url", message: "delivery to webhook needs a webhook_url" })
    } else if (!isHttpUrl(webhook_url)) {
      issues.push({ path: "webhook_url", message: "must be an http or https URL" })
    }
  }
  if (webhook_headers !== undefined) issues.push(...headerIssues(webhook_headers))
  const keys = webhook_secret === undefined || hasVariable(webhook_secret) ? undefined : signatureKeys(webhook_secret)
  if (keys !== undefined && Either.isLeft(keys)) issues.push({ path: "webhook_secret", message: keys.left })
  return issues
}

const templates = ["webhook_body", "delivery_subject", "delivery_body"] as const

const templateIssues = (definition: JobDefinition): ReadonlyArray<Issue> => {
  const issues: Array<Issue> = []
  for (const path of templates) {
    const template = definition[path]
    const parsed = template === undefined ? undefined : parseTemplate(template)
    if (parsed === undefined || Either.isRight(parsed)) continue
    const { column, line, message } = parsed.left
    issues.push({ path, message: `line ${line}, column ${column} of the template: ${message}` })
  }
  return issues
}

/** What is wrong with where and how a definition delivers. */
export const channelIssues = (definition: JobDefinition): ReadonlyArray<Issue> => {
  const { deliver_on, delivery, email_recipients = [], slack_channel } = definition
  const issues = [...webhookIssues(definition), ...templateIssues(definition)]
  if (delivery.includes("email") && email_recipients.length === 0) {
    issues.push({ path: "email_recipients", message: "delivery to email needs at least one recipient" })
  }
  for (const [index, recipient] of email_recipients.entries()) {
    const problem = addressProblem(recipient)
    if (problem !== undefined) issues.push({ path: `email_recipients.${index}`, message: problem })
  }
  const wrongChannel = slack_channel === undefined ? undefined : slackChannelProblem(slack_channel)
  if (wrongChannel !== undefined) issues.push({ path: "slack_channel", message: wrongChannel })
  if (deliver_on?.length === 0) {
    issues.push({ path: "deliver_on", message: "is empty; leave it out, or write delivery: [] to deliver nothing" })
  }
  const twice = repeated(deliver_on ?? [])
  if (twice !== -1) issues.push({ path: `deliver_on.${twice}`, message: `${deliver_on?.[twice]} stands here twice` })
  return issues
}

const under = "under [scheduler.delivery]; until it is set, such deliveries will fail"

/** Why deliveries to a channel will fail as things are configured. */
const missingFor = (
  channel: JobDefinition["delivery"][number],
  definition: JobDefinition,
  { inCode, settings, unset }: ChannelsKnown
): string | undefined => {
  if (channel.startsWith("custom:") && inCode.has(channel.slice("custom:".length))) return undefined
  const lacks = unsetFor(channel, "output", definition, { settings, unset })
  if (lacks !== undefined) return `delivery to ${channel}: ${lacks}; until then, such deliveries will fail`
  const { slack_channel } = definition
  switch (channel) {
    case "stdout":
    case "log_file":
    case "webhook":
      return undefined
    case "slack":
      if (settings.slack_api_token === undefined) {
        return settings.slack_webhook_url === undefined
          ? `delivery to slack needs slack_api_token (SYMBI_SLACK_TOKEN) or slack_webhook_url ${under}`
          : undefined
      }
      return (slack_channel ?? settings.slack_default_channel) === undefined
        ? `delivery to slack needs a slack_channel, or slack_default_channel ${under}`
        : undefined
    case "email": {
      const keys = (["smtp_host", "email_from"] as const).filter((key) => settings[key] === undefined)
      return keys.length === 0 ? undefined : `delivery to email needs ${keys.join(" and ")} ${under}`
    }
    default: {
      const name = channel.slice("custom:".length)
      return Object.hasOwn(settings.custom, name)
        ? undefined
        : `no channel ${channel} is known; configure [scheduler.delivery.custom.${name}], or provide it with CustomChannels; until then, such deliveries will fail`
    }
  }
}

/** The address that a URL names, if it is not public and nothing allows it. */
const privateHost = (text: string, settings: DeliverySettings): string | undefined => {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (hasVariable(text) && /[${}]/.test(url.host)) return undefined
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "")
  const isLocalName = host === "localhost" || host.endsWith(".localhost")
  if (isIP(host) === 0 ? !isLocalName : isPublicAddress(host)) return undefined
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port)
  const allowed = parseAllowedHosts(settings.allow_hosts)
  return Either.isRight(allowed) && (allowed.right.permitsName(host, port) || allowed.right.permitsAddress(host, port))
    ? undefined
    : url.host
}

/** What would break the JSON of a body, unless the job says that it is none. */
const bodyProblem = ({ webhook_body, webhook_headers }: JobDefinition): string | undefined => {
  if (webhook_body === undefined) return undefined
  const type = Object.entries(webhook_headers ?? {}).find(([name]) => name.toLowerCase() === "content-type")?.[1]
  if (type !== undefined && !/json/i.test(type) && !hasVariable(type)) return undefined
  const broken = breaksJsonIn(webhook_body)
  if (broken === undefined) return undefined
  const { lacks, name } = broken
  return lacks === "filter"
    ? `a value of ${name} with a quote or a line break would break the JSON; write {{${name} | json}}, without quotes around it`
    : `the quotes around {{${name} | json}} would break the JSON, as json writes quotes of its own; leave them out`
}

/** What is doubtful about where and how a definition delivers; without `known`, as far as it alone tells. */
export const channelDoubts = (definition: JobDefinition, known: ChannelsKnown | null): ReadonlyArray<Issue> => {
  const { delivery, slack_channel, webhook_url } = definition
  const doubts: Array<Issue> = []
  const doubt = (path: string, message: string) => doubts.push({ path, message })
  for (const [index, channel] of delivery.entries()) {
    if (delivery.indexOf(channel) !== index) {
      doubt(`delivery.${index}`, `${channel} stands in delivery twice; each output is sent to it once`)
      continue
    }
    const missing = known === null ? undefined : missingFor(channel, definition, known)
    if (missing !== undefined) doubt(`delivery.${index}`, missing)
  }
  const host = known === null || webhook_url === undefined ? undefined : privateHost(webhook_url, known.settings)
  if (host !== undefined && delivery.includes("webhook")) {
    doubt(
      "webhook_url",
      `${host} is no public address, and nothing is sent to it until allow_hosts of [scheduler.delivery] names it`
    )
  }
  const { settings, unset = [] } = known ?? {}
  const hasToken =
    settings?.slack_api_token !== undefined || unset.some(({ key }) => key === "scheduler.delivery.slack_api_token")
  if (
    delivery.includes("slack") &&
    slack_channel !== undefined &&
    settings?.slack_webhook_url !== undefined &&
    !hasToken
  ) {
    doubt(
      "slack_channel",
      "slack_channel has no effect: slack_webhook_url of the configuration posts to its own channel; with slack_api_token, jobs choose theirs"
    )
  }
  const broken = bodyProblem(definition)
  if (broken !== undefined) doubt("webhook_body", broken)
  return doubts
}

/** What the service's variables do not hold of those that the channels and the credential of a definition need. */
export const variableDoubts = (
  definition: JobDefinition,
  { variables, withheld }: Pick<typeof ServiceEnvironment.Service, "variables" | "withheld">
): ReadonlyArray<Issue> => {
  const credential = namesIn(definition.agent_pin_jwt ?? "").map((name) => ({ path: "agent_pin_jwt", name }))
  return [...variablesIn(definition), ...credential].flatMap(({ name, path }) => {
    if (withheld?.has(name) === true) return [{ path, message: `${path}: ${withheldText(name)}` }]
    if (variables[name] !== undefined && Object.hasOwn(variables, name)) return []
    const message = `${path}: the environment variable ${name} is not set; set it for the service and restart`
    return [{ path, message }]
  })
}
