import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { ModelRequest } from "../Models.ts"

/** An error as a provider words it. `status` is what it would have been as an answer's status. */
export interface WireError {
  readonly status: number
  readonly code: string | undefined
  readonly message: string | undefined
}

/** Tokens as far as a provider told of them; `input` is all of it, with what was `cached`. */
export interface TokenCounts {
  readonly input?: number | undefined
  readonly cached?: number | undefined
  readonly output?: number | undefined
}

/** Why a model stopped; `context`: there was no room for more. */
export type StopReason = "done" | "max_tokens" | "context" | "refusal"

/** What one event of a stream says, in terms that the wire formats share. */
export type Said =
  | { readonly _tag: "Text"; readonly text: string }
  /** A piece of a use of a tool: its arguments are appended. Not all servers say by `index` which use it belongs to. */
  | {
      readonly _tag: "Use"
      readonly index?: number | undefined
      readonly id?: string | undefined
      readonly name?: string | undefined
      readonly arguments: string
    }
  | { readonly _tag: "Refusal"; readonly text: string }
  | { readonly _tag: "Tokens"; readonly tokens: TokenCounts }
  | { readonly _tag: "Stop"; readonly reason: StopReason }
  | { readonly _tag: "Failed"; readonly error: WireError }
  /** Nothing more comes. */
  | { readonly _tag: "End" }

/** How a kind of provider is spoken to. */
export interface WireFormat {
  /** Where calls go, below the provider's URL. */
  readonly url: (base: string) => string
  readonly headers: (key: string | undefined) => Readonly<Record<string, string>>
  /** The request as JSON. */
  readonly body: (model: string, request: ModelRequest, base: string) => unknown
  /** What an event says; left is what is wrong with it. */
  readonly read: (data: string) => Either.Either<ReadonlyArray<Said>, string>
  /** The error that a body tells of; undefined where it is none, or cannot be read. */
  readonly errorIn: (body: string) => WireError | undefined
  /** Whether a stream that was ended in order after its reason to stop is whole, though no end marker came. */
  readonly stopIsEnd: boolean
}

/** A base URL with a path below it. */
export const below = (base: string, path: string): string => `${base.replace(/\/+$/, "")}${path}`

/** A text's JSON; left says that it is none. */
export const parseJson = (text: string): Either.Either<unknown, string> =>
  Either.try({ try: (): unknown => JSON.parse(text), catch: () => "it is no JSON" })

/** Checks what came; left says where it is not as it should be, without what stands there. */
export const checked = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownEither(schema)
  return (json: unknown): Either.Either<A, string> =>
    Either.mapLeft(decode(json), (error) => {
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
      return `its ${issue?.path.map(String).join(".") || "content"} is not what it should be`
    })
}

/** A field that may be left out or be null. */
export const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

/** The arguments of a use as an object, for providers that take them as one; what is no object is none. */
export const argumentsObject = (text: string): unknown => {
  const json = Either.getOrUndefined(parseJson(text))
  return typeof json === "object" && json !== null && !Array.isArray(json) ? json : {}
}

/** What stands for a text that has nothing in it: providers refuse those. */
export const orPlaceholder = (text: string, placeholder: string): string => (text.trim() === "" ? placeholder : text)
