import type { AgentDefinition } from "./Agent.ts"
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

/** Keys of a signature as people see them, each for itself: there are two while one replaces the other. */
const keysShown = (text: string): string =>
  text
    .split(/(\s+)/)
    .map((part) => (part.trim() === "" ? part : shown(part)))
    .join("")

const parts = /^((?:[a-z][a-z0-9+.-]*:\/\/)?)((?:[^/?#]*@)?)([^/?#]*)([^?#]*)(\??)([^#]*)(.*)$/is

/** Services whose addresses are credentials: who knows the path may post. */
const tellingHosts =
  /(^|\.)(slack\.com|discord(app)?\.com|office\.com|logic\.azure\.com|powerplatform\.com|googleapis\.com|telegram\.org|zapier\.com|ifttt\.com|make\.com)(:\d+)?$/i

/** A part of an address that may be a token: long, without a dot, with letters and digits. */
const likeToken = /^(?=.*\d)(?=.*[a-z])[\w~=:%-]{16,}$/i

/** A JWT, which begins with the JSON of its header, or what else has three or five such parts. */
const likeJwt = /^(?:ey[\w-]{6,}(?:\.[\w-]*){2,4}|[\w-]{16,}\.[\w-]{16,}\.[\w-]{16,})$/

const isToken = (text: string): boolean => likeToken.test(text) || likeJwt.test(text)

const secretName = /auth|bearer|cookie|credential|jwt|key|pass|secret|session|signature|token/i
/** What short parameters of addresses are named that hold secrets. */
const secretParameter = /^(code|pwd|sas|sig|sign)$/i

const isSecretHeader = (name: string, value: string): boolean =>
  secretName.test(name) || value.split(/\s+/).some((word) => likeJwt.test(word))

const parameterShown = (parameter: string): string => {
  const [, name = "", value = ""] = /^([^=]*=)?(.*)$/s.exec(parameter) ?? []
  const plain = name.slice(0, -1)
  return secretName.test(plain) || secretParameter.test(plain) || isToken(value) ? `${name}${shown(value)}` : parameter
}

/** An address without what may be a secret in it: user, password, tokens in its path and its parameters. */
const addressShown = (address: string): string =>
  address.replace(
    parts,
    (_, scheme: string, user: string, host: string, path: string, mark: string, query: string, rest: string) => {
      const isTelling = tellingHosts.test(host)
      const userShown = user === "" ? "" : `${shown(user.slice(0, -1))}@`
      const partShown = (part: string) => (isTelling || isToken(part) ? shown(part) : part)
      const pathShown = path.split("/").map(partShown).join("/")
      const queryShown = isTelling ? shown(query) : query.split("&").map(parameterShown).join("&")
      return `${scheme}${userShown}${host}${pathShown}${mark}${queryShown}${rest}`
    }
  )

/** The address of a server as messages name it: without user, password, query and fragment. */
export const placeOf = (address: string): string => {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || url.host === "") return address.slice(address.lastIndexOf("@") + 1).replace(/[?#].*$/s, "")
  if (url.username === "" && url.password === "") return address.replace(/[?#].*$/s, "")
  return `${url.protocol}//${url.host}${url.pathname === "/" ? "" : url.pathname}`
}

const mapHeaders = (
  headers: Readonly<Record<string, string>>,
  change: (name: string, value: string) => string
): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, change(name, value)]))

/** How the fields of a job are shown that are secrets, or may hold some. */
const shownBy = {
  agent_pin_jwt: credentialShown,
  webhook_secret: keysShown,
  webhook_url: addressShown
} as const

const secretFields = Object.keys(shownBy) as ReadonlyArray<keyof typeof shownBy>

const mayHide = (job: Pick<JobPatch, keyof typeof shownBy | "webhook_headers" | "gate">): boolean =>
  job.webhook_headers !== undefined ||
  job.gate?.url !== undefined ||
  job.agent_pin_jwt !== undefined ||
  job.webhook_secret !== undefined ||
  job.webhook_url !== undefined

/** A job as people see it: credentials and secret headers only where they are written as `${NAME}` or `file:PATH`. */
export const withoutSecrets = <J extends Partial<JobDefinition>>(job: J): J => {
  if (!mayHide(job)) return job
  const fields = secretFields.flatMap((field) => {
    const value = job[field]
    return value === undefined ? [] : [[field, shownBy[field](value)]]
  })
  const headers =
    job.webhook_headers === undefined
      ? {}
      : {
          webhook_headers: mapHeaders(job.webhook_headers, (name, value) =>
            isSecretHeader(name, value) ? shown(value) : value
          )
        }
  const gate = job.gate?.url === undefined ? {} : { gate: { ...job.gate, url: addressShown(job.gate.url) } }
  return { ...job, ...Object.fromEntries(fields), ...headers, ...gate }
}

/** An agent as people see it: its tokens only where they are written as `${NAME}`. */
export const agentShown = <A extends AgentDefinition>(agent: A): A => {
  const values = (texts: Readonly<Record<string, string>> | undefined) =>
    texts === undefined ? undefined : mapHeaders(texts, (_, value) => shown(value))
  const hide = <T extends object>(of: T): T =>
    Object.fromEntries(
      Object.entries(of).map(([key, value]) =>
        key === "env" || key === "headers"
          ? [key, values(value)]
          : key === "url"
            ? [key, addressShown(value)]
            : [
                key,
                key === "tools"
                  ? Object.fromEntries(Object.entries(value).map(([name, tool]) => [name, hide(tool as object)]))
                  : value
              ]
      )
    ) as T
  return hide(agent)
}

/** A definition that was shown before, with the stored values where it says that something is hidden. */
export const withSecretsOf = <J extends Pick<JobPatch, keyof typeof shownBy | "webhook_headers" | "gate">>(
  definition: J,
  stored: JobDefinition
): J => {
  if (!mayHide(stored) && !mayHide(definition)) return definition
  const fields = secretFields.flatMap((field) => {
    const value = stored[field]
    const given = definition[field]
    return value !== undefined && (given === hidden || given === shownBy[field](value)) ? [[field, value]] : []
  })
  const headers =
    definition.webhook_headers === undefined || definition.webhook_headers === null
      ? {}
      : {
          webhook_headers: mapHeaders(definition.webhook_headers, (name, value) =>
            value === hidden ? (stored.webhook_headers?.[name] ?? hidden) : value
          )
        }
  const url = stored.gate?.url
  const isShown = url !== undefined && definition.gate?.url === addressShown(url)
  const gate = isShown ? { gate: { ...definition.gate, url } } : {}
  return { ...definition, ...Object.fromEntries(fields), ...headers, ...gate }
}

/** Where a definition says that something is hidden, though nothing is stored that could be meant. */
export const stillHidden = (definition: Partial<JobDefinition>): ReadonlyArray<Issue> => {
  if (!mayHide(definition)) return []
  const message = `${hidden} stands for a stored value, and none is stored; give the value, or a variable such as \${TOKEN}`
  return [
    ...secretFields.flatMap((path) => (definition[path]?.includes(hidden) === true ? [{ path, message }] : [])),
    ...(definition.gate?.url?.includes(hidden) === true ? [{ path: "gate.url", message }] : []),
    ...Object.entries(definition.webhook_headers ?? {}).flatMap(([name, value]) =>
      value === hidden ? [{ path: `webhook_headers.${name}`, message }] : []
    )
  ]
}
