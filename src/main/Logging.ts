import * as Redacted from "effect/Redacted"
import type { LogsOptions } from "../Logs.ts"
import { withheldVariables } from "../ServiceEnvironment.ts"
import type { Settings } from "../Settings.ts"

/** All texts in a value that are marked as secrets. */
const redactedIn = (value: unknown): ReadonlyArray<string> => {
  if (Redacted.isRedacted(value)) {
    const secret = Redacted.value(value)
    return typeof secret === "string" ? [secret] : []
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(redactedIn) : []
}

/** The secrets that a text holds: itself, and what follows a colon, an equals sign or a space in it. */
const partsOf = (text: string): ReadonlyArray<string> =>
  text.split(",").flatMap((entry) => [entry, ...entry.split(/[\s:=]+/)])

type Variables = Readonly<Record<string, string | undefined>>

/** The password that an address has in it, as it stands there and as it is meant. */
const passwordOf = (address: string | undefined): ReadonlyArray<string> => {
  if (address === undefined || !URL.canParse(address)) return []
  const { password } = new URL(address)
  const written = /:([^:@]*)@[^@]*$/.exec(address)?.[1] ?? ""
  return [password, written]
}

/** The service's own secrets: no entry of its log shows them. */
export const secretsOf = (
  settings: typeof Settings.Service,
  keyVariables: ReadonlyArray<string>,
  env: Variables
): ReadonlyArray<string> => [
  ...redactedIn(settings).flatMap((secret) => [secret, ...partsOf(secret)]),
  ...passwordOf(settings.telemetry.otlp_endpoint),
  ...[...withheldVariables(keyVariables)].flatMap((name) => partsOf(env[name] ?? ""))
]

/** How the service writes its log. */
export const loggingOf = (
  settings: typeof Settings.Service,
  keyVariables: ReadonlyArray<string>,
  process: { readonly env: Variables; readonly stderr: { readonly isTTY?: boolean } }
): LogsOptions => {
  const isTTY = process.stderr.isTTY === true
  return {
    logging: settings.logging,
    data_dir: settings.data_dir,
    secrets: secretsOf(settings, keyVariables, process.env),
    traced: settings.telemetry.otlp_endpoint !== undefined && !settings.telemetry.disabled,
    terminal: { isTTY, colours: isTTY && (process.env["NO_COLOR"] ?? "") === "" }
  }
}
