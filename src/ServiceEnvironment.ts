import * as Context from "effect/Context"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"

/**
 * What the service's own process was given: its environment variables and the folder it works in. Agents get a chosen
 * few of the variables, never all.
 */
export class ServiceEnvironment extends Context.Tag("symbiont/ServiceEnvironment")<
  ServiceEnvironment,
  {
    readonly variables: Readonly<Record<string, string | undefined>>
    /** Names that are not among the variables, as they hold secrets of the service: {@link withheldVariables}. */
    readonly withheld?: ReadonlySet<string>
    /** Absolute path, or a path relative to the process's own working directory. */
    readonly directory: string
  }
>() {
  static readonly layer = (environment: typeof ServiceEnvironment.Service): Layer.Layer<ServiceEnvironment> =>
    Layer.succeed(ServiceEnvironment, environment)
}

/**
 * The variables that hold the service's own secrets, its API keys first, and that nothing which jobs or agents say may
 * name: whoever may write jobs must not read by that the keys of those who may do more. `keyVariables` are those that
 * the configuration takes keys from.
 */
export const withheldVariables = (keyVariables: ReadonlyArray<string>): ReadonlySet<string> =>
  new Set([
    "SYMBI_API_KEYS",
    "SYMBI_SLACK_TOKEN",
    "SYMBI_WEBHOOK_AUTH_HEADER",
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "OTEL_EXPORTER_OTLP_HEADERS",
    ...keyVariables
  ])

/** What agents and jobs may be given of a process's variables: all but those that hold secrets of the service. */
export const environmentWithout = (
  keyVariables: ReadonlyArray<string>,
  process: Pick<typeof ServiceEnvironment.Service, "variables" | "directory">
): typeof ServiceEnvironment.Service => {
  const withheld = withheldVariables(keyVariables)
  const variables = Object.fromEntries(Object.entries(process.variables).filter(([name]) => !withheld.has(name)))
  return { variables, withheld, directory: process.directory }
}

/** Why a variable stands for nothing that could be set. */
export const withheldText = (name: string): string =>
  `jobs and agents may not name \${${name}}: it holds a secret of the service; use another variable`

const inherited = ["PATH", "HOME", "LANG", "TZ"]

/** The variables of the service that every process it starts is given; none of them holds a secret of the service. */
export const inheritedVariables = (variables: Readonly<Record<string, string | undefined>>): Record<string, string> => {
  const env: Record<string, string> = {}
  for (const name of inherited) {
    const value = variables[name]
    if (value !== undefined) env[name] = value
  }
  return env
}

const reference = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/** The names of the variables that a text refers to as `${NAME}`, each once. */
export const namesIn = (text: string): ReadonlyArray<string> => [
  ...new Set(Array.from(text.matchAll(reference), ([, name = ""]) => name))
]

/** The names of the variables that a text refers to as `${NAME}` and that are not set, each once. */
export const unsetIn = (text: string, variables: Readonly<Record<string, string | undefined>>): ReadonlyArray<string> =>
  namesIn(text).filter((name) => !Object.hasOwn(variables, name) || variables[name] === undefined)

/** The values that the variables in a text stand for, without those that are not set. */
export const valuesIn = (
  text: string,
  variables: Readonly<Record<string, string | undefined>>
): ReadonlyArray<string> =>
  namesIn(text).flatMap((name) => (Object.hasOwn(variables, name) ? (variables[name] ?? []) : []))

/** Replaces each `${NAME}` by the variable's value; left is the name of the first one that is not set. `$X` stays. */
export const interpolate = (
  text: string,
  variables: Readonly<Record<string, string | undefined>>
): Either.Either<string, string> => {
  let missing: string | undefined
  const resolved = text.replace(reference, (_, name: string) => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined
    if (value === undefined) missing ??= name
    return value ?? ""
  })
  return missing === undefined ? Either.right(resolved) : Either.left(missing)
}
