import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { AgentFailure, ModelAgent, Usage } from "../Domain/Agent.ts"

/** A tool as a model is told of it; `parameters` is a JSON Schema of an object. */
export interface ToolSpec {
  readonly name: string
  readonly description: string
  readonly parameters: Readonly<Record<string, unknown>>
}

/** A tool that a model asks for: `arguments` is the JSON text as it came, perhaps no JSON at all. */
export interface ToolUse {
  readonly id: string
  readonly name: string
  readonly arguments: string
}

/** What a tool gave, or why it gave nothing. */
export interface ToolResult {
  readonly id: string
  readonly name: string
  readonly text: string
  readonly failed: boolean
}

/** One message to a model. Roles alternate: results of tools answer the uses of the message before. */
export type Message =
  | { readonly role: "user"; readonly text: string }
  | { readonly role: "assistant"; readonly text: string; readonly uses: ReadonlyArray<ToolUse> }
  | { readonly role: "tool"; readonly results: ReadonlyArray<ToolResult> }

/** One call of a model. */
export interface ModelRequest {
  readonly system: string | undefined
  readonly messages: ReadonlyArray<Message>
  readonly tools: ReadonlyArray<ToolSpec>
  readonly temperature: number | undefined
  readonly max_tokens: number
  /** In ms, for the whole answer; the provider's unless given. */
  readonly timeout: number | undefined
}

/** A whole answer: text, uses of tools, or both; never neither. */
export interface ModelAnswer {
  readonly text: string
  readonly uses: ReadonlyArray<ToolUse>
}

/** What is told while an answer comes. */
export interface AnswerEvents {
  /** A piece of the text. */
  readonly text: (piece: string) => Effect.Effect<void>
  /** What the call cost, once: also of an answer that was cut, as far as the provider said. */
  readonly usage: (usage: Usage) => Effect.Effect<void>
}

/** A model of a provider, ready to be called. */
export interface Model {
  /** The provider's name in the configuration. */
  readonly provider: string
  /** The model's name as the provider knows it. */
  readonly model: string
  /** In US dollars; undefined where no price is configured. */
  readonly costOf: (tokens: Pick<Usage, "input_tokens" | "output_tokens">) => number | undefined
  /**
   * Calls the model and gives its answer whole. What fails before any answer is tried again; a cut, empty or refused
   * answer fails with what there was of it as `output`.
   */
  readonly answer: (request: ModelRequest, events: AnswerEvents) => Effect.Effect<ModelAnswer, AgentFailure>
}

/** Finds the model of an agent; left says what is not configured. */
export interface Models {
  readonly find: (agent: Pick<ModelAgent, "id" | "model" | "provider">) => Either.Either<Model, AgentFailure>
}
