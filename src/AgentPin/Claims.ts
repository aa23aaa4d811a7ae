import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { type Checked, passed, refuse } from "./Refusal.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const seconds = Schema.Int.annotations({ message: () => "a whole number of seconds" })

const jsonObject = Schema.Unknown.pipe(
  Schema.filter((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
    message: () => "a JSON object"
  })
)

const ClaimsSchema = Schema.Struct({
  iss: Schema.String,
  sub: optional(Schema.String),
  aud: optional(Schema.String),
  iat: seconds,
  exp: seconds,
  nbf: optional(seconds),
  jti: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(256)),
  agentpin_version: Schema.Literal("0.1"),
  capabilities: Schema.Array(Schema.String),
  constraints: optional(jsonObject),
  delegation_chain: optional(Schema.Array(jsonObject)),
  nonce: optional(Schema.String)
})

/** The payload of a credential, each claim of its exact type; instants in seconds (specification, 5.3). */
export type Claims = typeof ClaimsSchema.Type

const decode = Schema.decodeUnknownEither(ClaimsSchema)

/** Reads the payload; a claim that is missing or of another type is named, its value is not. */
export const parseClaims = (payload: Readonly<Record<string, unknown>>): Checked<Claims> =>
  Either.orElse(decode(payload), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    const name = String(issue?.path[0] ?? "payload")
    return refuse(
      "CREDENTIAL_MALFORMED",
      Object.hasOwn(payload, name) ? `the claim ${name} is not of its type` : `the claim ${name} is missing`
    )
  })

/** Clocks may differ by this much, in seconds. */
export const clockSkew = 60

/** Most seconds that a credential may live, whatever its agent is declared with. */
export const maxLifetime = 86_400

const at = (second: number): string => {
  const time = new Date(second * 1_000)
  return Number.isNaN(time.getTime()) ? `second ${second}` : time.toISOString().replace(".000Z", "Z")
}

/** Whether the credential is of its time at `now` (UTC ms), and lives no longer than a day. */
export const checkTimes = ({ exp, iat, nbf }: Claims, now: number): Checked<void> => {
  const second = now / 1_000
  const expired = (detail: string) => refuse("CREDENTIAL_EXPIRED", detail)
  if (iat > second + clockSkew) return expired(`it was issued in the future, at ${at(iat)}`)
  if (exp <= second - clockSkew) return expired(`it expired at ${at(exp)}; present a fresh one`)
  if (nbf !== undefined && nbf > second + clockSkew) return expired(`it is not valid before ${at(nbf)}`)
  if (exp < iat) return expired(`it expires at ${at(exp)}, before it was issued`)
  return checkLifetime({ exp, iat }, maxLifetime)
}

/** Whether the credential lives no longer than a number of seconds. */
export const checkLifetime = ({ exp, iat }: Pick<Claims, "exp" | "iat">, most: number): Checked<void> =>
  exp - iat > most
    ? refuse("CREDENTIAL_EXPIRED", `it is issued for ${exp - iat} seconds; at most ${most} are accepted`)
    : passed
