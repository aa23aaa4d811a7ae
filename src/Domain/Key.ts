import * as Schema from "effect/Schema"
import { Actor } from "./Audit.ts"
import { DurationText } from "./Duration.ts"
import { KeyId } from "./Ids.ts"
import { Instant } from "./Instant.ts"
import { Issue } from "./Job.ts"

/** What a key may do: look; also change jobs and run agents; also decide approvals; everything, keys included. */
export const Scope = Schema.Literal("read", "operate", "approve", "admin")
export type Scope = typeof Scope.Type

const covers: Readonly<Record<Scope, ReadonlyArray<Scope>>> = {
  read: ["read"],
  operate: ["operate", "read"],
  approve: ["approve", "read"],
  admin: Scope.literals
}

/** Whether some scopes are enough where `wanted` is asked for: `admin` is for all, `operate` and `approve` for `read`. */
export const allows = (scopes: ReadonlyArray<Scope>, wanted: Scope): boolean =>
  scopes.some((scope) => covers[scope].includes(wanted))

/** Name of a key; it can be an approver's. Those that begin as ids do are refused, as a key is found by either. */
export const KeyName = Schema.String.pipe(
  Schema.maxLength(100, { message: () => "a name of at most 100 characters" }),
  Schema.filter((name) => /^[A-Za-z_][A-Za-z0-9_.@-]*$/.test(name) && !name.startsWith("key_"), {
    identifier: "KeyName",
    message: () => ({
      message: "a name of letters, digits and _ . @ - that begins with a letter or _, and not with key_",
      override: true
    }),
    jsonSchema: { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_.@-]*$" }
  })
)

/** An API key, without its secret: that is shown once, and only its SHA-256 is kept. */
export const ApiKey = Schema.Struct({
  id: KeyId,
  /** Of keys that are not revoked, each has a name of its own. */
  name: KeyName,
  scopes: Schema.NonEmptyArray(Scope),
  created_at: Instant,
  created_by: Actor,
  /** To the minute. */
  last_used_at: Schema.NullOr(Instant),
  expires_at: Schema.NullOr(Instant),
  revoked_at: Schema.NullOr(Instant)
}).annotations({ identifier: "ApiKey" })
export type ApiKey = typeof ApiKey.Type

/** A key as it is created: the only answer that has its secret. */
export const CreatedKey = Schema.Struct({ ...ApiKey.fields, secret: Schema.String }).annotations({
  identifier: "CreatedKey"
})
export type CreatedKey = typeof CreatedKey.Type

/** A key to create. At most one of `expires_in` and `expires_at`; without either it does not expire. */
export const KeyRequest = Schema.Struct({
  name: KeyName,
  scopes: Schema.NonEmptyArray(Scope),
  expires_in: Schema.optionalWith(DurationText, { exact: true }),
  expires_at: Schema.optionalWith(Instant, { exact: true })
}).annotations({ identifier: "KeyRequest" })
export type KeyRequest = typeof KeyRequest.Type

/** Who asks. Without keys, everyone on this machine is let in as `api` or `cli`. */
export interface Principal {
  readonly mode: "open" | "keyed"
  /** For the audit log: a key's id, or `config:NAME` (`config:1` without a name) for one of the configuration. */
  readonly actor: Actor
  /** The key's name, by which approvers are named. */
  readonly name: string | null
  readonly scopes: ReadonlyArray<Scope>
}

/** A key that cannot be created as asked. */
export class KeyInvalid extends Schema.TaggedError<KeyInvalid>()("KeyInvalid", {
  issues: Schema.NonEmptyArray(Issue)
}) {
  override get message() {
    return this.issues.map(({ message, path }) => `${path}: ${message}`).join("; ")
  }
}

/** Another key that is not revoked has that name. */
export class KeyNameTaken extends Schema.TaggedError<KeyNameTaken>()("KeyNameTaken", { name: Schema.String }) {
  override get message() {
    return `there is a key named "${this.name}" already; revoke it first, or choose another name`
  }
}

/** No key that is not revoked has that id or name. */
export class KeyNotFound extends Schema.TaggedError<KeyNotFound>()("KeyNotFound", { key: Schema.String }) {
  override get message() {
    return `no key "${this.key.slice(0, 100)}"; see symbi keys list`
  }
}

/** Without this key nobody could manage keys. */
export class LastAdminKey extends Schema.TaggedError<LastAdminKey>()("LastAdminKey", { name: Schema.String }) {
  override get message() {
    return `"${this.name}" is the last key with the scope admin; create another one first`
  }
}

/** The secret of no live key. */
export class KeyUnknown extends Schema.TaggedError<KeyUnknown>()("KeyUnknown", {}) {
  override get message() {
    return "this API key is not known here: it is wrong, expired or revoked"
  }
}

/** Too much was asked in too short a time. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  message: Schema.String,
  /** Whole seconds, at least 1. */
  retry_after: Schema.Int
}) {}
