import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { JobId } from "../Domain/Ids.ts"

/** A verified credential that a job is about to be let pass with. Instants in UTC ms. */
export interface CredentialUse {
  readonly domain: string
  readonly kid: string
  /** RFC 7638 thumbprint of the key that signed it. */
  readonly thumbprint: string
  readonly jti: string
  readonly job_id: JobId
  readonly now: number
  /** When the credential can no longer be used, so that its use need not be remembered. */
  readonly until: number
}

/** Whether a credential goes with what was seen before. */
export type Admission =
  | { readonly _tag: "Admitted" }
  /** The domain has signed with other keys before; when the first of them was seen. */
  | { readonly _tag: "OtherKey"; readonly first_seen: number }
  /** Another job presented the same credential. */
  | { readonly _tag: "OtherJob"; readonly job_id: string }

/** What is remembered of credentials: the keys that each domain signs with, and the job that each credential belongs to. */
export class AgentPinMemory extends Context.Tag("symbiont/AgentPinMemory")<
  AgentPinMemory,
  {
    /** Compares with what was seen before and, only if both the key and the job agree, remembers; one transaction. */
    readonly admit: (use: CredentialUse) => Effect.Effect<Admission>
    /** Lets a domain sign with a further key, with an audit event of `actor`. */
    readonly pin: (
      key: Pick<CredentialUse, "domain" | "kid" | "thumbprint">,
      now: number,
      actor: string
    ) => Effect.Effect<void>
    /** Forgets a key of a domain, with an audit event of `actor`; false when none of that name was known. */
    readonly unpin: (domain: string, kid: string, now: number, actor: string) => Effect.Effect<boolean>
  }
>() {}
