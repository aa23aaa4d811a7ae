import * as Redacted from "effect/Redacted"
import { shown as shownText } from "../Domain/Redaction.ts"
import type { SettingsSchema } from "../Settings.ts"
import { redacted, showKeys } from "./Keys.ts"
import { type Merged, withoutUser } from "./Sources.ts"

/** One effective value and where it came from, for people. */
export interface EffectiveSetting {
  /** Such as `scheduler.timezone`. */
  readonly key: string
  /** As it was written where a variable stands in it: what the variable holds may be a secret. */
  readonly value: string | number | boolean
  /** `default`, the file and its line, the environment variable, or the option. */
  readonly from: string
}

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !Redacted.isRedacted(value)

const listed = (items: ReadonlyArray<unknown>): string =>
  items.length === 0 ? "none" : items.map((item) => String(item)).join(", ")

const refers = (found: unknown): found is string | ReadonlyArray<unknown> =>
  (typeof found === "string" || Array.isArray(found)) && String(found).includes("${")

const isCommand = (key: string): boolean => /^scheduler\.delivery\.custom\..+\.command$/s.test(key)

/** A command as it is written, but for arguments that are no variables: a credential may stand there. */
const commandShown = ([program, ...words]: ReadonlyArray<unknown>): string =>
  listed([program, ...words.map((word) => shownText(String(word)))])

/** Every value that holds, key by key. Secrets are shown only where they are written as variables. */
export const effectiveSettings = (
  settings: typeof SettingsSchema.Type,
  origin: Merged["origin"]
): ReadonlyArray<EffectiveSetting> => {
  const shown = (key: string, value: unknown, found: unknown): EffectiveSetting["value"] => {
    if (key === "server.api_keys") return showKeys(settings.server.api_keys)
    if (isCommand(key) && Array.isArray(found)) return commandShown(found)
    if (refers(found)) return typeof found === "string" ? String(withoutUser(key, found)) : listed(found)
    if (Redacted.isRedacted(value)) return redacted
    if (Array.isArray(value)) return listed(value)
    return typeof value === "number" || typeof value === "boolean" ? value : String(withoutUser(key, value))
  }
  const walk = (path: ReadonlyArray<string>, value: unknown): ReadonlyArray<EffectiveSetting> => {
    if (isTable(value)) return Object.entries(value).flatMap(([key, inner]) => walk([...path, key], inner))
    const key = path.join(".")
    const from = origin(key)
    return [{ key, value: shown(key, value, from?.found), from: from?.place ?? "default" }]
  }
  return walk([], settings)
}
