import { createHash } from "node:crypto"
import * as ParseResult from "effect/ParseResult"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { KeyName, Scope } from "../Domain/Key.ts"

/** A key of the configuration. */
export interface ConfiguredKey {
  readonly name: string | null
  readonly secret: Redacted.Redacted
  readonly scopes: ReadonlyArray<Scope>
}

const ConfiguredKeySchema = Schema.Struct({
  name: Schema.NullOr(Schema.String),
  secret: Schema.RedactedFromSelf(Schema.String),
  scopes: Schema.Array(Scope)
})

/** What stands in place of a secret wherever settings are shown. */
export const redacted = "[redacted]"

/** Shorter secrets, in characters, are worth a warning. */
const advisedLength = 16

const isName = Schema.is(KeyName)
const isScope = Schema.is(Scope)
/** What a header can carry, but for the colons of the notation. */
const isSecret = (text: string): boolean => /^[\x21-\x39\x3b-\x7e]+$/.test(text)

/** What is wrong with an entry, without what stands in it; or the key. */
const parseEntry = (entry: string): ConfiguredKey | string => {
  const parts = entry.split(":")
  if (parts.length > 3) return "it has more than two colons; write KEY, NAME:KEY or NAME:KEY:SCOPES"
  const [name, secret = "", scopes] = parts.length === 1 ? [null, entry] : parts
  if (name !== null && name !== undefined && !isName(name)) {
    return "the part before the colon is no name (letters, digits and _ . @ -); a key without a name has no colon"
  }
  if (!isSecret(secret)) return "its key is empty, or has spaces or characters that are not ASCII"
  const asked = scopes?.split("+") ?? Scope.literals
  if (!asked.every(isScope)) return `its scopes must be some of ${Scope.literals.join(", ")}, joined by +`
  return { name: name ?? null, secret: Redacted.make(secret), scopes: asked }
}

const repeated = (keys: ReadonlyArray<ConfiguredKey>): string | undefined => {
  const names = keys.flatMap(({ name }) => (name === null ? [] : [name]))
  const name = names.find((one, index) => names.indexOf(one) !== index)
  if (name !== undefined) return `two keys are named "${name}"`
  const secrets = keys.map(({ secret }) => Redacted.value(secret))
  const index = secrets.findIndex((one, at) => secrets.indexOf(one) !== at)
  return index < 0 ? undefined : `entry ${index + 1} repeats the key of another`
}

/**
 * Keys of the configuration: `KEY` (all scopes), `NAME:KEY` (all scopes) or `NAME:KEY:read+approve`. A key has no
 * colon, so one without a name is always written as it is. Nothing that is said of a wrong entry shows any of it.
 */
export const ConfiguredKeys = Schema.transformOrFail(Schema.Array(Schema.String), Schema.Array(ConfiguredKeySchema), {
  strict: true,
  decode: (entries, _, ast) => {
    const fail = (message: string) => ParseResult.fail(new ParseResult.Type(ast, redacted, message))
    const keys: Array<ConfiguredKey> = []
    for (const [index, entry] of entries.entries()) {
      const key = parseEntry(entry)
      if (typeof key === "string") return fail(`entry ${index + 1} is no key: ${key}`)
      keys.push(key)
    }
    const twice = repeated(keys)
    return twice === undefined ? ParseResult.succeed(keys) : fail(twice)
  },
  encode: (keys) =>
    ParseResult.succeed(
      keys.map(({ name, scopes, secret }) => [name ?? "_", Redacted.value(secret), scopes.join("+")].join(":"))
    )
})

/** Long secrets, in characters, are told apart by the beginning of their hash; of a short one that would be a hint. */
const hashedLength = 32

const shown = (secret: string): string =>
  secret.length < hashedLength
    ? redacted
    : `[redacted ${createHash("sha256").update(secret).digest("hex").slice(0, 8)}]`

/** Keys as they may be shown. */
export const showKeys = (keys: ReadonlyArray<ConfiguredKey>): string =>
  keys.length === 0
    ? "none"
    : keys
        .map(({ name, scopes, secret }) =>
          [...(name === null ? [] : [name]), shown(Redacted.value(secret)), scopes.join("+")].join(":")
        )
        .join(", ")

/** What is doubtful about keys. */
export const keyWarnings = (keys: ReadonlyArray<ConfiguredKey>, where: string): ReadonlyArray<string> =>
  keys.flatMap(({ secret }, index) =>
    Redacted.value(secret).length < advisedLength
      ? [`${where}: key ${index + 1} has fewer than ${advisedLength} characters and could be guessed`]
      : []
  )
