import * as Either from "effect/Either"
import { interpolate } from "../ServiceEnvironment.ts"
import { nearest } from "../Suggestion.ts"
import { lineOf } from "./Toml.ts"

/** Keys whose values no message may show. */
const secretKeys: ReadonlySet<string> = new Set(["server.api_keys"])

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

/** The merged values by section, what is doubtful, what is wrong, and where each value came from. */
export interface Merged {
  readonly values: Readonly<Record<string, Record<string, unknown>>>
  readonly warnings: ReadonlyArray<string>
  readonly problems: ReadonlyArray<string>
  readonly origin: (section: string, key: string) => Origin | undefined
}

/** Reads a variable's text as the kind of value its key takes; what does not fit stays a text, for the check to name. */
const readAs = {
  text: (text: string): unknown => text,
  number: (text: string): unknown => (/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text),
  boolean: (text: string): unknown =>
    text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : text,
  list: (text: string): unknown => {
    const items = text.split(",").map((item) => item.trim())
    const given = items.filter((item) => item !== "")
    // Nothing but commas is kept, for the check to name: an empty list would mean that nothing was asked for.
    return given.length === 0 ? items : given
  }
}

/** Environment variables that set a key: section, key, and the kind of its value. */
const variables: Readonly<Record<string, readonly [section: string, key: string, kind: keyof typeof readAs]>> = {
  SYMBI_SCHEDULER_MAX_JITTER: ["scheduler", "max_jitter_seconds", "number"],
  SYMBI_SCHEDULER_MAX_CONCURRENT: ["scheduler", "max_concurrent_jobs", "number"],
  SYMBI_ENVIRONMENT: ["scheduler", "environment", "text"],
  SYMBI_PORT: ["server", "port", "number"],
  SYMBI_HOST: ["server", "host", "text"],
  SYMBI_AGENTPIN_REQUIRED: ["agentpin", "required", "boolean"],
  SYMBI_AGENTPIN_DOMAIN: ["agentpin", "domain", "text"],
  SYMBI_AGENTPIN_AUDIENCE: ["agentpin", "audience", "text"],
  SYMBI_AGENTPIN_DISCOVERY: ["agentpin", "discovery", "text"],
  SYMBI_AGENTPIN_REVOCATIONS: ["agentpin", "revocations", "text"],
  SYMBI_AGENTPIN_BUNDLE: ["agentpin", "bundle", "text"],
  SYMBI_AGENTPIN_MAKERS: ["agentpin", "makers", "text"],
  SYMBI_API_KEYS: ["server", "api_keys", "list"]
}

const variablesWithoutEffect = ["SYMBI_SLACK_TOKEN", "SYMBI_WEBHOOK_AUTH_HEADER"]

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

const didYouMean = (word: string, candidates: ReadonlyArray<string>): string => {
  const suggestion = nearest(word, candidates)
  return suggestion === undefined ? "" : `; did you mean ${suggestion}?`
}

/** A value with the variables in its text, or in the texts of its list; left is the name of one that is not set. */
const resolve = (value: unknown, env: Variables): Either.Either<unknown, string> => {
  if (typeof value === "string") return interpolate(value, env)
  return Array.isArray(value) ? Either.all(value.map((item: unknown) => resolve(item, env))) : Either.right(value)
}

/** Merges flags over environment over file, section by section; `known` names the keys of each section. */
export const mergeSources = (options: {
  readonly known: Readonly<Record<string, ReadonlyArray<string>>>
  readonly file: ConfigFile | undefined
  readonly env: Variables
  readonly flags: ReadonlyArray<readonly [flag: string, section: string, key: string, value: unknown]>
}): Merged => {
  const { env, file, flags } = options
  const known = new Map(Object.entries(options.known))
  const warnings: Array<string> = []
  const problems: Array<string> = []
  const origins = new Map<string, Origin>()
  const values: Record<string, Record<string, unknown>> = Object.fromEntries(
    [...known.keys()].map((section) => [section, {}])
  )

  const set = (section: string, key: string, value: unknown, origin: Origin) => {
    values[section] = { ...values[section], [key]: value }
    const name = `${section}.${key}`
    origins.set(name, secretKeys.has(name) ? { ...origin, found: hidden } : origin)
  }

  const at = (path: ReadonlyArray<string>) => {
    const line = file === undefined ? undefined : lineOf(file.text, path)
    return line === undefined ? (file?.name ?? "") : `${file?.name}:${line}`
  }

  const takeKey = (section: string, key: string, value: unknown) => {
    const where = at([section, key])
    if (section === "scheduler" && key === "delivery") {
      const keys = isTable(value) ? Object.keys(value) : []
      warnings.push(`${where}: [scheduler.delivery] has no effect in this version (${keys.join(", ")})`)
    } else if (!known.get(section)?.includes(key)) {
      warnings.push(`${where}: unknown key ${section}.${key}${didYouMean(key, known.get(section) ?? [])}`)
    } else {
      const resolved = resolve(value, env)
      if (Either.isLeft(resolved)) {
        problems.push(
          `${where}: ${section}.${key}: the environment variable ${resolved.left} is not set; set it, or write the value`
        )
      } else {
        set(section, key, resolved.right, { place: where, where: `${where}: ${section}.${key}`, found: value })
      }
    }
  }

  const takeSection = (section: string, table: unknown) => {
    const keys = known.get(section)
    if (keys === undefined) {
      const owner = [...known].find(([, names]) => names.includes(section))?.[0]
      const hint = owner === undefined ? didYouMean(section, [...known.keys()]) : `; it belongs under [${owner}]`
      warnings.push(`${at([section])}: unknown ${isTable(table) ? `section [${section}]` : `key ${section}`}${hint}`)
    } else if (!isTable(table)) {
      problems.push(`${at([section])}: ${section}: expected a table, found ${showValue(table)}; write [${section}]`)
    } else {
      for (const [key, value] of Object.entries(table)) takeKey(section, key, value)
    }
  }

  for (const [section, table] of Object.entries(file?.document ?? {})) takeSection(section, table)

  for (const [name, [section, key, kind]] of Object.entries(variables)) {
    const text = env[name]
    if (text === undefined || text === "") continue
    const value = readAs[kind](text)
    const place = `environment variable ${name}`
    set(section, key, value, { place, where: place, found: text })
  }
  for (const name of Object.keys(env).sort()) {
    if (env[name] === "") continue
    if (variablesWithoutEffect.includes(name)) {
      warnings.push(`environment variable ${name} has no effect in this version`)
    } else if (name.startsWith("SYMBI_SCHEDULER_") && variables[name] === undefined) {
      warnings.push(`unknown environment variable ${name}${didYouMean(name, Object.keys(variables))}`)
    }
  }

  for (const [flag, section, key, value] of flags) {
    const place = `option ${flag}`
    if (value !== undefined) set(section, key, value, { place, where: place, found: value })
  }

  return { values, warnings, problems, origin: (section, key) => origins.get(`${section}.${key}`) }
}
