import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { clockSkew } from "./AgentPin/Claims.ts"
import { AgentPinMemory } from "./AgentPin/Memory.ts"
import { makePresented } from "./AgentPin/Presented.ts"
import { quote, Refusal } from "./AgentPin/Refusal.ts"
import { makeSources } from "./AgentPin/Sources.ts"
import { refusedWith, verifyCredential } from "./AgentPin/Verify.ts"
import type { AgentPinRefused, VerifiedCredential } from "./Domain/AgentPin.ts"
import type { JobId } from "./Domain/Ids.ts"
import { shortInstant } from "./Domain/Instant.ts"
import { ServiceEnvironment } from "./ServiceEnvironment.ts"
import { Settings } from "./Settings.ts"

export { parseDiscovery, parseMakers, parseRevocations } from "./AgentPin/Documents.ts"
export { DocumentNetwork } from "./AgentPin/Https.ts"
export { type Admission, AgentPinMemory, type CredentialUse } from "./AgentPin/Memory.ts"
export { withoutLineBreak } from "./AgentPin/Presented.ts"
export { Refusal } from "./AgentPin/Refusal.ts"
export { importKey, usableKey } from "./AgentPin/Signature.ts"
export { type Verification, verifyCredential } from "./AgentPin/Verify.ts"

/** A file that `[agentpin]` names cannot be used; the message names the key, the file and what is wrong. */
export class AgentPinUnusable extends Data.TaggedError("AgentPinUnusable")<{
  readonly key: string
  readonly detail: string
}> {
  override get message() {
    return `agentpin.${this.key}: ${this.detail}; correct the file, or take the key out of [agentpin]`
  }
}

/** What a job presents when it is about to run. */
export interface Presented {
  /** The job's `agent_pin_jwt` as it is written: a credential, `${VAR}`, or `file:PATH`. */
  readonly credential: string | undefined
  readonly job_id: JobId
  readonly agent_id: string
  /** The capabilities that the job demands; only names with a colon count. */
  readonly capabilities: ReadonlyArray<string>
}

/** Verifies that an agent is who its job says, by a credential of its domain (AgentPin). */
export class AgentPin extends Context.Tag("symbiont/AgentPin")<
  AgentPin,
  {
    /** Whether every job needs a credential (`[agentpin] required`). */
    readonly required: boolean
    /** Verifies now what a job presents: no credential at all is refused as well, as `CREDENTIAL_MISSING`. */
    readonly verify: (presented: Presented) => Effect.Effect<VerifiedCredential, AgentPinRefused>
  }
>() {
  /** For programs that have no domain of agents: no job needs a credential, and none that is presented is accepted. */
  static readonly none: Layer.Layer<AgentPin> = Layer.succeed(AgentPin, {
    required: false,
    verify: ({ credential }) =>
      refusedWith("")(
        credential === undefined
          ? new Refusal({ code: "CREDENTIAL_MISSING", detail: "the job has no agent_pin_jwt" })
          : new Refusal({
              code: "DISCOVERY_FETCH_FAILED",
              detail: "this program verifies no credentials (AgentPin.none)"
            })
      )
  })

  /** By the documents that `[agentpin]` names. A file that cannot be read or is not valid stops the start. */
  static readonly layer = Layer.effect(
    AgentPin,
    Effect.gen(function* () {
      const { agentpin } = yield* Settings
      const path = yield* Path.Path
      const { directory } = yield* ServiceEnvironment
      const memory = yield* AgentPinMemory
      const presented = yield* makePresented
      const { audience, domain, required } = agentpin
      const place = (file: string | undefined) => (file === undefined ? undefined : path.resolve(directory, file))
      const sources =
        domain === undefined
          ? undefined
          : yield* makeSources({
              domain,
              discovery: place(agentpin.discovery),
              revocations: place(agentpin.revocations),
              bundle: place(agentpin.bundle),
              makers: place(agentpin.makers)
            })
      if (sources !== undefined) yield* Effect.mapError(sources.check, (problem) => new AgentPinUnusable(problem))

      const remember = Effect.fnUntraced(function* (credential: VerifiedCredential, thumbprint: string, job_id: JobId) {
        const { domain, exp, jti, kid } = credential
        const now = yield* Clock.currentTimeMillis
        const until = exp + clockSkew * 1_000
        const admission = yield* memory.admit({ domain, kid, thumbprint, jti, job_id, now, until })
        switch (admission._tag) {
          case "Admitted":
            return credential
          case "OtherKey":
            return yield* new Refusal({
              code: "KEY_PIN_MISMATCH",
              detail: `key ${quote(kid)} is not one that ${domain} is known to sign with (since ${shortInstant(admission.first_seen)}); if it is right, accept it: symbi agentpin pin`
            })
          case "OtherJob":
            return yield* new Refusal({
              code: "CREDENTIAL_REPLAYED",
              detail: `job ${admission.job_id} presented this credential before; give each job its own`
            })
        }
      })

      const verify = Effect.fn("AgentPin.verify")(function* (asked: Presented) {
        const token = yield* Effect.mapError(presented(asked.credential), refusedWith(""))
        const refused = refusedWith(token)
        if (domain === undefined || sources === undefined) {
          const detail = "no domain is configured; set domain under [agentpin], or SYMBI_AGENTPIN_DOMAIN"
          return yield* refused(new Refusal({ code: "DISCOVERY_FETCH_FAILED", detail }))
        }
        const { credential, thumbprint } = yield* verifyCredential(token, {
          ...sources,
          now: yield* Clock.currentTimeMillis,
          domain,
          audience,
          agent: asked.agent_id,
          capabilities: asked.capabilities
        })
        return yield* Effect.mapError(remember(credential, thumbprint, asked.job_id), refused)
      })

      return AgentPin.of({ required, verify })
    })
  )
}
