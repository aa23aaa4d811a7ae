import * as Effect from "effect/Effect"
import { parseDiscovery, parseMakers, parseRevocations } from "../../src/AgentPin/Documents.ts"
import { Refusal } from "../../src/AgentPin/Refusal.ts"
import { verifyCredential } from "../../src/AgentPin/Verify.ts"

/** What a credential is judged by; documents as JSON values, a null one cannot be had. */
export interface Judgement {
  readonly now: number
  readonly domain: string
  readonly audience?: string | undefined
  readonly agent: string
  readonly capabilities?: ReadonlyArray<string> | undefined
  readonly discovery: unknown
  readonly revocation: unknown
  readonly makers?: unknown
}

/** The decision on a credential, without a memory: what it proves, or the refusal. */
export const verdict = (token: string, { capabilities = [], makers = {}, ...rest }: Judgement) =>
  verifyCredential(token, {
    ...rest,
    audience: rest.audience,
    capabilities,
    discovery: () => parseDiscovery(JSON.stringify(rest.discovery), rest.domain),
    revocation:
      rest.revocation === null
        ? new Refusal({ code: "DISCOVERY_FETCH_FAILED", detail: "none" })
        : parseRevocations(JSON.stringify(rest.revocation), rest.domain),
    makers: parseMakers(JSON.stringify(makers))
  }).pipe(
    Effect.map(({ credential }) => credential),
    Effect.either
  )

/** `ok`, or the code of the refusal. */
export const codeOf = (token: string, judgement: Judgement) =>
  Effect.map(verdict(token, judgement), (outcome) => (outcome._tag === "Right" ? "ok" : outcome.left.code))
