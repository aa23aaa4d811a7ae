import * as Data from "effect/Data"
import * as Either from "effect/Either"
import type { AgentPinCode } from "../Domain/AgentPin.ts"

/** A check that did not pass, before it is told with what the credential claims. */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly code: AgentPinCode
  readonly detail: string
}> {}

/** The outcome of a pure check. */
export type Checked<A> = Either.Either<A, Refusal>

/** A check that did not pass. */
export const refuse = (code: AgentPinCode, detail: string): Either.Either<never, Refusal> =>
  Either.left(new Refusal({ code, detail }))

/** A check without a result of its own. */
export const passed: Checked<void> = Either.right(undefined)

const maxQuoted = 200

/** What a text begins with; what comes from a credential may be long. */
export const cut = (text: string): string => text.slice(0, maxQuoted).toWellFormed()

/** A text of a credential or a document as it is quoted in a message. */
export const quote = (text: string): string => JSON.stringify(cut(text))
