import * as Schema from "effect/Schema"
import { Budget } from "./Budget.ts"
import { DurationText } from "./Duration.ts"
import { Tool, ToolLimits } from "./Tool.ts"

/** Name of an agent, as schedules refer to it. */
export const AgentId = Schema.String.pipe(
  Schema.minLength(1),
  Schema.maxLength(200),
  Schema.pattern(/^[^\p{Cc}]+$/u, { message: () => "a name without control characters" }),
  Schema.brand("AgentId")
)
export type AgentId = typeof AgentId.Type

const common = {
  id: AgentId,
  description: Schema.optionalWith(Schema.String, { exact: true }),
  capabilities: Schema.optionalWith(Schema.Array(Schema.String), { exact: true, default: () => [] }),
  /** What all runs of the agent may spend together, whatever their jobs. */
  budget: Schema.optionalWith(Budget, { exact: true })
}

/** An agent that is a process: input on stdin, output on stdout, exit 0 is success, 75 a transient failure. */
export const CommandAgent = Schema.Struct({
  ...common,
  kind: Schema.Literal("command"),
  command: Schema.NonEmptyArray(Schema.String),
  env: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), {
    exact: true,
    default: () => ({})
  })
})
export type CommandAgent = typeof CommandAgent.Type

/** An agent implemented in code, provided to the agent runtime as a function. */
export const EffectAgent = Schema.Struct({ ...common, kind: Schema.Literal("effect") })
export type EffectAgent = typeof EffectAgent.Type

/** Name of a model's tool: what the providers take. */
const ToolName = Schema.String.pipe(Schema.pattern(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/))

/** An agent that is a language model behind a provider. */
export const ModelAgent = Schema.Struct({
  ...common,
  kind: Schema.Literal("model"),
  model: Schema.NonEmptyString,
  /** Name of the provider's table in the configuration; by the model's name unless given. */
  provider: Schema.optionalWith(Schema.NonEmptyString, { exact: true }),
  system_prompt: Schema.optionalWith(Schema.String, { exact: true }),
  temperature: Schema.optionalWith(Schema.Number, { exact: true }),
  /** Longest answer, in tokens; 4,096 unless given. */
  max_tokens: Schema.optionalWith(Schema.Int.pipe(Schema.positive()), { exact: true }),
  /** How long one answer may take; the provider's unless given. */
  timeout: Schema.optionalWith(DurationText, { exact: true }),
  /** What the model may use, by name; nothing unless given. */
  tools: Schema.optionalWith(Schema.Record({ key: ToolName, value: Tool }), { exact: true }),
  tool_limits: Schema.optionalWith(ToolLimits, { exact: true })
})
export type ModelAgent = typeof ModelAgent.Type

/** An agent behind an HTTP endpoint that takes the run as JSON. */
export const UrlAgent = Schema.Struct({
  ...common,
  kind: Schema.Literal("url"),
  url: Schema.NonEmptyString,
  headers: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), { exact: true }),
  /** How long an answer may take; as long as the run may unless given. */
  timeout: Schema.optionalWith(DurationText, { exact: true })
})
export type UrlAgent = typeof UrlAgent.Type

/** Any agent, by kind. */
export const AgentDefinition = Schema.Union(CommandAgent, EffectAgent, ModelAgent, UrlAgent).annotations({
  identifier: "AgentDefinition"
})
export type AgentDefinition = typeof AgentDefinition.Type

/** What models and tools cost a run. Costs in US dollars. */
export const Usage = Schema.Struct({
  input_tokens: Schema.Number,
  output_tokens: Schema.Number,
  cost_usd: Schema.optionalWith(Schema.Number, { exact: true })
}).annotations({ identifier: "Usage" })
export type Usage = typeof Usage.Type

/** Tokens as others tell of them: whole numbers up to 1e12. */
export const TokenCount = Schema.Int.pipe(Schema.between(0, 1e12))

const mostCost = 1e9

/** A {@link Usage} as others tell of it, who may be wrong: what is no amount that can be spent is refused. */
export const ToldUsage = Schema.Struct({
  input_tokens: TokenCount,
  output_tokens: TokenCount,
  cost_usd: Schema.optionalWith(Schema.Number.pipe(Schema.between(0, mostCost)), { exact: true })
})

const amountUpTo = (amount: number, most: number): number => (amount > 0 ? Math.min(amount, most) : 0)
const tokensIn = (tokens: number): number => Math.round(amountUpTo(tokens, 1e12))

/** A usage that can be added up and stored: each of its numbers is the nearest that {@link ToldUsage} would take. */
export const saneUsage = ({ cost_usd, input_tokens, output_tokens }: Usage): Usage => ({
  input_tokens: tokensIn(input_tokens),
  output_tokens: tokensIn(output_tokens),
  ...(cost_usd === undefined ? {} : { cost_usd: amountUpTo(cost_usd, mostCost) })
})

/** Both together; a cost that only one of them knows is the sum. */
export const addUsage = (a: Usage, b: Usage): Usage => ({
  input_tokens: a.input_tokens + b.input_tokens,
  output_tokens: a.output_tokens + b.output_tokens,
  ...(a.cost_usd === undefined && b.cost_usd === undefined
    ? {}
    : // Sums of binary fractions would show digits that nobody paid.
      { cost_usd: Number(((a.cost_usd ?? 0) + (b.cost_usd ?? 0)).toPrecision(12)) })
})

/** How a failure is to be handled: `permanent` is never retried, `rate_limited` may say when to come back. */
export const FailureKind = Schema.Literal("transient", "rate_limited", "permanent", "timeout", "policy", "budget")
export type FailureKind = typeof FailureKind.Type

/** Longest error text kept on a run, in characters. */
export const maxErrorLength = 2_000

/**
 * One execution of an agent failed. `retry_after_ms` comes from a rate limit; `output` is what there was of the answer
 * before, with the cut marked.
 */
export class AgentFailure extends Schema.TaggedError<AgentFailure>()("AgentFailure", {
  kind: FailureKind,
  message: Schema.String,
  exit_code: Schema.optionalWith(Schema.Int, { exact: true }),
  retry_after_ms: Schema.optionalWith(Schema.Number, { exact: true }),
  output: Schema.optionalWith(Schema.String, { exact: true })
}) {}

/** Whether a failure leaves open what was spent until then: the provider had begun to answer, or nobody waited for it. */
export const mayHaveSpent = ({ kind, output }: AgentFailure): boolean => kind === "timeout" || output !== undefined

/** No agent of that name is known to this service. */
export class AgentNotFound extends Schema.TaggedError<AgentNotFound>()("AgentNotFound", {
  agent_id: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message() {
    return `no agent named "${this.agent_id}"; ${
      this.known.length === 0 ? "no agents are loaded" : `known agents: ${this.known.join(", ")}`
    }`
  }
}

/** Answer of an agent that was run by hand, outside any schedule. */
export const AgentAnswer = Schema.Struct({
  output: Schema.String,
  usage: Schema.optionalWith(Usage, { exact: true }),
  exit_code: Schema.optionalWith(Schema.Int, { exact: true })
}).annotations({ identifier: "AgentAnswer" })
export type AgentAnswer = typeof AgentAnswer.Type
