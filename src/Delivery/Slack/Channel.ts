import { namesIn } from "../../ServiceEnvironment.ts"

// Lower-case letters of any script, digits, hyphens and underscores, 80 at most; IDs of channels, groups, DMs and users.
const channelName = /^#?[\p{Ll}\p{Lo}\p{Lm}\p{M}\p{N}_-]{1,80}$/u
const channelId = /^[CDGUW][A-Z0-9]{6,20}$/
const userName = /^@[a-z0-9._-]{1,80}$/

/** What is wrong with a Slack channel, quoting it as it is written in the job; undefined when nothing is. */
export const resolvedChannelProblem = (text: string, written = text): string | undefined => {
  if (channelName.test(text) || channelId.test(text) || userName.test(text)) return undefined
  const shown = JSON.stringify(written.length > 100 ? `${written.slice(0, 100)}…` : written)
  return `${shown} is no Slack channel; names are lower-case letters, digits, - and _, such as #ops-alerts, and IDs such as C0123456789 work too`
}

/** What is wrong with a Slack channel as it is written; one with a `${VAR}` in it is looked at when it is used. */
export const slackChannelProblem = (text: string): string | undefined =>
  namesIn(text).length === 0 ? resolvedChannelProblem(text) : undefined
