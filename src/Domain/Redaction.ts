import type { Issue, JobDefinition, JobPatch } from "./Job.ts"

/** What stands for a secret that was written out, wherever a job is shown; sent back, it means the value that is stored. */
export const hidden = "[redacted]"

const reference = /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/
/** References alone, perhaps after the name of a scheme: `Bearer ${TOKEN}`. */
const references = /^(?:[A-Za-z][\w-]*\s+)?(?:\$\{[A-Za-z_][A-Za-z0-9_]*\})+$/

/** A credential as people see it. */
const credentialShown = (text: string): string =>
  text === "" || reference.test(text) || text.startsWith("file:") ? text : hidden

/** A value that may be a secret as people see it: as it is written where it only refers to variables. */
export const shown = (text: string): string => (text === "" || references.test(text) ? text : hidden)

const userInfo = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)@/i

/** An address without the user and the password that are written out in it. */
const addressShown = (address: string): string =>
  address.replace(userInfo, (_, scheme: string, user: string) => `${scheme}${shown(user)}@`)

const secretHeader = /auth|cookie|credential|key|password|secret|signature|token/i

const mapHeaders = (
  headers: Readonly<Record<string, string>>,
  change: (name: string, value: string) => string
): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, change(name, value)]))

/** A job as people see it: credentials and secret headers only where they are written as `${NAME}` or `file:PATH`. */
export const withoutSecrets = <J extends Partial<JobDefinition>>(job: J): J => ({
  ...job,
  ...(job.agent_pin_jwt === undefined ? {} : { agent_pin_jwt: credentialShown(job.agent_pin_jwt) }),
  ...(job.webhook_url === undefined ? {} : { webhook_url: addressShown(job.webhook_url) }),
  ...(job.webhook_headers === undefined
    ? {}
    : {
        webhook_headers: mapHeaders(job.webhook_headers, (name, value) =>
          secretHeader.test(name) ? shown(value) : value
        )
      })
})

/** A definition that was shown before, with the stored values where it says that something is hidden. */
export const withSecretsOf = <J extends Pick<JobPatch, "agent_pin_jwt" | "webhook_headers" | "webhook_url">>(
  definition: J,
  stored: JobDefinition
): J => ({
  ...definition,
  ...(definition.agent_pin_jwt === hidden && stored.agent_pin_jwt !== undefined
    ? { agent_pin_jwt: stored.agent_pin_jwt }
    : {}),
  ...(stored.webhook_url !== undefined && definition.webhook_url === addressShown(stored.webhook_url)
    ? { webhook_url: stored.webhook_url }
    : {}),
  ...(definition.webhook_headers === undefined || definition.webhook_headers === null
    ? {}
    : {
        webhook_headers: mapHeaders(definition.webhook_headers, (name, value) =>
          value === hidden ? (stored.webhook_headers?.[name] ?? hidden) : value
        )
      })
})

/** Where a definition says that something is hidden, though nothing is stored that could be meant. */
export const stillHidden = (definition: Partial<JobDefinition>): ReadonlyArray<Issue> => {
  const message = `${hidden} stands for a stored value, and none is stored; give the value, or a variable such as \${TOKEN}`
  return [
    ...(definition.agent_pin_jwt === hidden ? [{ path: "agent_pin_jwt", message }] : []),
    ...(userInfo.exec(definition.webhook_url ?? "")?.[2] === hidden ? [{ path: "webhook_url", message }] : []),
    ...Object.entries(definition.webhook_headers ?? {}).flatMap(([name, value]) =>
      value === hidden ? [{ path: `webhook_headers.${name}`, message }] : []
    )
  ]
}
