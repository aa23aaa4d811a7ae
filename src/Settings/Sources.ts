import * as Arr from "effect/Array"
import * as Either from "effect/Either"
import { placeOf, shown } from "../Domain/Redaction.ts"
import { interpolate, namesIn } from "../ServiceEnvironment.ts"
import { nearest } from "../Suggestion.ts"
import { lineOf } from "./Toml.ts"

/** Keys whose values no message may show. */
const secretKeys: ReadonlySet<string> = new Set([
  "server.api_keys",
  "scheduler.delivery.fallback_webhook_url",
  "scheduler.delivery.slack_api_token",
  "scheduler.delivery.slack_webhook_url",
  "scheduler.delivery.smtp_password",
  "scheduler.delivery.webhook_auth_header",
  "scheduler.delivery.webhook_secret",
  "telemetry.otlp_headers"
])

/** The same where users choose a name within. */
const isProviderKey = (path: ReadonlyArray<string>): boolean =>
  path.length === 3 && path[0] === "providers" && path[2] === "api_key"

/** The keys that a file may have: null for a value, a tree for a table; `*` stands for names that users choose. */
export interface KeyTree {
  readonly [key: string]: KeyTree | null
}

/** Where settings come from besides the file. An empty variable counts as unset. */
export type Variables = Readonly<Record<string, string | undefined>>

/** A parsed configuration file with its text, for line numbers. */
export interface ConfigFile {
  readonly name: string
  readonly text: string
  readonly document: Readonly<Record<string, unknown>>
}

/** Where a value was written, and what was written there. */
interface Origin {
  /** The file and its line, the variable, or the option. */
  readonly place: string
  /** The place as messages about the key name it. */
  readonly where: string
  readonly found: unknown
}

/** A key that the file takes from an environment variable which is not set. */
export interface UnsetSetting {
  /** Such as `scheduler.delivery.webhook_secret`. */
  readonly key: string
  readonly variable: string
}

/** The merged values, what is doubtful, what is wrong, and where each value came from. */
export interface Merged {
  readonly values: Readonly<Record<string, unknown>>
  readonly warnings: ReadonlyArray<string>
  readonly problems: ReadonlyArray<string>
  /** Of a key such as `scheduler.timezone`, or of a part of its value. */
  readonly origin: (key: string) => Origin | undefined
  /** The same of the table that stands around a key in the file; a table itself is its own. */
  readonly tableOf: (key: string) => Origin | undefined
  /** Environment variables that the file takes keys from: those of the API, of providers, of the collector. */
  readonly keyVariables: ReadonlyArray<string>
  /** Keys of `[scheduler.delivery]` and of providers that have no value, though the file gives them one. */
  readonly unset: ReadonlyArray<UnsetSetting>
}

/** Reads a variable's text as the kind of value its key takes; what does not fit stays a text, for the check to name. */
const readAs = {
  text: (text: string): unknown => text,
  number: (text: string): unknown => (/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text),
  boolean: (text: string): unknown => (/^(true|1)$/i.test(text) ? true : /^(false|0)$/i.test(text) ? false : text),
  list: (text: string): unknown => {
    const items = text.split(",").map((item) => item.trim())
    const given = items.filter((item) => item !== "")
    // Nothing but commas is kept, for the check to name: an empty list would mean that nothing was asked for.
    return given.length === 0 ? items : given
  }
}

/** Environment variables that set a key, and the kind of its value. */
const variables: Readonly<Record<string, readonly [key: string, kind: keyof typeof readAs]>> = {
  SYMBI_SCHEDULER_MAX_JITTER: ["scheduler.max_jitter_seconds", "number"],
  SYMBI_SCHEDULER_MAX_CONCURRENT: ["scheduler.max_concurrent_jobs", "number"],
  SYMBI_ENVIRONMENT: ["scheduler.environment", "text"],
  SYMBI_PORT: ["server.port", "number"],
  SYMBI_HOST: ["server.host", "text"],
  SYMBI_AGENTPIN_REQUIRED: ["agentpin.required", "boolean"],
  SYMBI_AGENTPIN_DOMAIN: ["agentpin.domain", "text"],
  SYMBI_AGENTPIN_AUDIENCE: ["agentpin.audience", "text"],
  SYMBI_AGENTPIN_DISCOVERY: ["agentpin.discovery", "text"],
  SYMBI_AGENTPIN_REVOCATIONS: ["agentpin.revocations", "text"],
  SYMBI_AGENTPIN_BUNDLE: ["agentpin.bundle", "text"],
  SYMBI_AGENTPIN_MAKERS: ["agentpin.makers", "text"],
  SYMBI_API_KEYS: ["server.api_keys", "list"],
  SYMBI_SLACK_TOKEN: ["scheduler.delivery.slack_api_token", "text"],
  SYMBI_WEBHOOK_AUTH_HEADER: ["scheduler.delivery.webhook_auth_header", "text"],
  SYMBI_LOG_LEVEL: ["logging.level", "text"],
  SYMBI_LOG_FORMAT: ["logging.format", "text"],
  OTEL_EXPORTER_OTLP_ENDPOINT: ["telemetry.otlp_endpoint", "text"],
  OTEL_EXPORTER_OTLP_HEADERS: ["telemetry.otlp_headers", "text"],
  OTEL_SERVICE_NAME: ["telemetry.service_name", "text"],
  OTEL_RESOURCE_ATTRIBUTES: ["telemetry.resource_attributes", "text"],
  OTEL_TRACES_SAMPLER: ["telemetry.traces_sampler", "text"],
  OTEL_TRACES_SAMPLER_ARG: ["telemetry.traces_sampler_arg", "number"],
  OTEL_SDK_DISABLED: ["telemetry.disabled", "boolean"],
  ANTHROPIC_API_KEY: ["providers.anthropic.api_key", "text"],
  OPENAI_API_KEY: ["providers.openai.api_key", "text"]
}

/**
 * Variables that many programs share: a key that the file gives is not replaced by them, as it is perhaps for another
 * server than theirs.
 */
const shared: ReadonlySet<string> = new Set(["ANTHROPIC_API_KEY", "OPENAI_API_KEY"])

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** Found where a secret may stand. */
const hidden = Symbol("[redacted]")

/** A value as a person would name it. */
export const showValue = (value: unknown): string =>
  value === hidden
    ? "something else"
    : typeof value === "string"
      ? JSON.stringify(value)
      : Array.isArray(value)
        ? "a list"
        : isTable(value)
          ? "a table"
          : String(value)

/** Addresses of servers: a user and a password in one are nobody's to see. */
const addressKey = /(^|\.)(otlp_endpoint|public_url|base_url)$/

/** A value of a key as messages may show it. */
export const withoutUser = (key: string, value: unknown): unknown =>
  typeof value === "string" && addressKey.test(key) ? placeOf(value) : value

const didYouMean = (word: string, candidates: ReadonlyArray<string>): string => {
  const suggestion = nearest(word, candidates)
  return suggestion === undefined ? "" : `; did you mean ${suggestion}?`
}

/** A value with the variables in its text, or in the texts of its list; left is the name of one that is not set. */
const resolve = (value: unknown, env: Variables): Either.Either<unknown, string> => {
  if (typeof value === "string") return interpolate(value, env)
  return Array.isArray(value) ? Either.all(value.map((item: unknown) => resolve(item, env))) : Either.right(value)
}

const deliveryKeys = "scheduler.delivery."

/** The keys of `[scheduler.delivery]` without which nothing is sent, rather than sent in another way. */
const accountKey =
  /^(webhook_(auth_header|secret)|fallback_\w+|slack_(?!long_output)\w+|smtp_\w+|email_from|custom\..+\.command)$/s

const withoutIt = (key: string): string =>
  accountKey.test(key) ? "deliveries that need it fail until it is" : "its default holds until it is"

const withValue = (
  table: Readonly<Record<string, unknown>>,
  [key = "", ...rest]: ReadonlyArray<string>,
  value: unknown
): Record<string, unknown> => {
  const inner = table[key]
  return { ...table, [key]: rest.length === 0 ? value : withValue(isTable(inner) ? inner : {}, rest, value) }
}

/** Merges flags over environment over file, key by key; `known` are the keys that there are. */
export const mergeSources = (options: {
  readonly known: KeyTree
  readonly file: ConfigFile | undefined
  readonly env: Variables
  readonly flags: ReadonlyArray<readonly [flag: string, key: string, value: unknown]>
  /** Whether a key can have a value: asked of variables that are meant for other programs, too. */
  readonly isUsable: (key: string, value: unknown) => boolean
}): Merged => {
  const { env, file, flags, isUsable, known } = options
  const warnings: Array<string> = []
  const problems: Array<string> = []
  const keyVariables: Array<string> = []
  const unset: Array<UnsetSetting> = []
  const origins = new Map<string, Origin>()
  const tables = new Map<string, Origin>()
  let values: Record<string, unknown> = Object.fromEntries(Object.keys(known).map((section) => [section, {}]))

  const overridden = new Set(
    Object.entries(variables).flatMap(([name, [key]]) =>
      env[name] === undefined || env[name] === "" || shared.has(name) ? [] : [key]
    )
  )

  const set = (path: ReadonlyArray<string>, value: unknown, origin: Origin) => {
    values = withValue(values, path, value)
    const key = path.join(".")
    const { found } = origin
    const safe = typeof found === "string" && shown(found) === found ? found : hidden
    origins.set(key, secretKeys.has(key) || isProviderKey(path) ? { ...origin, found: safe } : origin)
  }

  const at = (path: ReadonlyArray<string>) => {
    const line = file === undefined ? undefined : lineOf(file.text, path)
    return line === undefined ? (file?.name ?? "") : `${file?.name}:${line}`
  }

  const unknownKey = (path: ReadonlyArray<string>, value: unknown, siblings: ReadonlyArray<string>) => {
    const [key = ""] = path.slice(-1)
    if (path.length > 1) {
      warnings.push(`${at(path)}: unknown key ${path.join(".")}${didYouMean(key, siblings)}`)
      return
    }
    const owner = Object.entries(known).find(([, keys]) => keys !== null && Object.hasOwn(keys, key))?.[0]
    const hint = owner === undefined ? didYouMean(key, siblings) : `; it belongs under [${owner}]`
    warnings.push(`${at(path)}: unknown ${isTable(value) ? `section [${key}]` : `key ${key}`}${hint}`)
  }

  const takeValue = (path: ReadonlyArray<string>, value: unknown) => {
    const where = at(path)
    const key = path.join(".")
    const missing = (variable: string) => `${where}: ${key}: the environment variable ${variable} is not set`
    if (key === "server.api_keys" || key === "telemetry.otlp_headers" || isProviderKey(path))
      keyVariables.push(...namesIn(JSON.stringify(value)))
    if (key === `${deliveryKeys}allow_hosts` && Array.isArray(value)) {
      // Each entry opens one host more: the others hold without it.
      const [without, entries] = Arr.separate(value.map((entry: unknown) => resolve(entry, env)))
      warnings.push(...without.map((variable) => `${missing(variable)}; that host is not allowed until it is`))
      set(path, entries, { place: where, where: `${where}: ${key}`, found: value })
      return
    }
    const resolved = resolve(value, env)
    if (Either.isLeft(resolved)) {
      if (overridden.has(key)) return
      // Jobs run without a channel's account; what is sent there fails visibly.
      if (key.startsWith(deliveryKeys)) {
        warnings.push(`${missing(resolved.left)}; ${withoutIt(key.slice(deliveryKeys.length))}`)
        unset.push({ key, variable: resolved.left })
      } else if (isProviderKey(path)) {
        warnings.push(`${missing(resolved.left)}; agents of that provider fail until it is`)
        unset.push({ key, variable: resolved.left })
      } else problems.push(`${missing(resolved.left)}; set it, or write the value`)
    } else {
      set(path, resolved.right, { place: where, where: `${where}: ${key}`, found: value })
    }
  }

  /** Of a channel whose command cannot be made up, nothing but that: the rest of its table says nothing without it. */
  const withUsableCommand = (path: ReadonlyArray<string>, table: Readonly<Record<string, unknown>>) => {
    const isChannel = path.length === 4 && path.join(".").startsWith(`${deliveryKeys}custom.`)
    return isChannel && Either.isLeft(resolve(table["command"], env)) ? { command: table["command"] } : table
  }

  const takeTable = (path: ReadonlyArray<string>, keys: KeyTree, table: Readonly<Record<string, unknown>>) => {
    for (const [key, value] of Object.entries(table)) {
      const here = [...path, key]
      const tree = Object.hasOwn(keys, key) ? keys[key] : keys["*"]
      if (tree === undefined) unknownKey(here, value, Object.keys(keys))
      else if (tree === null) takeValue(here, value)
      else if (isTable(value)) {
        const place = at(here)
        tables.set(here.join("."), { place, where: `${place}: ${here.join(".")}`, found: value })
        const usable = withUsableCommand(here, value)
        // A table that users name is there even if nothing stands in it.
        if (!Object.hasOwn(keys, key) && usable === value) values = withValue(values, here, {})
        takeTable(here, tree, usable)
      } else {
        const name = here.join(".")
        problems.push(`${at(here)}: ${name}: expected a table, found ${showValue(value)}; write [${name}]`)
      }
    }
  }

  takeTable([], known, file?.document ?? {})

  for (const [name, [key, kind]] of Object.entries(variables)) {
    const text = env[name]
    if (text === undefined || text === "") continue
    if (shared.has(name) && (origins.has(key) || unset.some((one) => one.key === key))) continue
    const value = readAs[kind](text)
    const place = `environment variable ${name}`
    if (name.startsWith("OTEL_") && !isUsable(key, value)) {
      const found = secretKeys.has(key) ? "" : ` (${showValue(withoutUser(key, text))})`
      warnings.push(`${place}: its value${found} is none that this service knows; it is left out`)
      continue
    }
    set(key.split("."), value, { place, where: place, found: text })
  }
  for (const name of Object.keys(env).sort()) {
    if (env[name] === "") continue
    if (name.startsWith("SYMBI_SCHEDULER_") && variables[name] === undefined) {
      warnings.push(`unknown environment variable ${name}${didYouMean(name, Object.keys(variables))}`)
    }
  }

  for (const [flag, key, value] of flags) {
    const place = `option ${flag}`
    if (value !== undefined) set(key.split("."), value, { place, where: place, found: value })
  }

  const nearestIn = (known: ReadonlyMap<string, Origin>) => (key: string) => {
    const parts = key.split(".")
    const prefixes = parts.map((_, index) => parts.slice(0, parts.length - index).join("."))
    const owner = prefixes.find((prefix) => known.has(prefix))
    return owner === undefined ? undefined : known.get(owner)
  }

  return {
    values,
    warnings,
    problems,
    origin: nearestIn(origins),
    tableOf: nearestIn(tables),
    keyVariables,
    unset
  }
}
