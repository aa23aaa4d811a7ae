import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import type { Invocation } from "../Agents.ts"
import { makeDeliveryClient, withoutThese } from "../Delivery.ts"
import { AgentFailure, type ModelAgent } from "../Domain/Agent.ts"
import { firstOf } from "../Domain/Bounded.ts"
import { durationMillis } from "../Domain/Duration.ts"
import type { Tool } from "../Domain/Tool.ts"
import { toolIssues } from "../Domain/ToolIssues.ts"
import { makeLiveGroups } from "../ProcessGroup.ts"
import { ServiceEnvironment, valuesIn } from "../ServiceEnvironment.ts"
import type { Settings } from "../Settings.ts"
import type { ToolResult, ToolSpec, ToolUse } from "./Models.ts"
import { readArguments } from "./Tools/Arguments.ts"
import { commandTool } from "./Tools/Command.ts"
import { httpGetTool } from "./Tools/HttpGet.ts"
import { notifyTool } from "./Tools/Notify.ts"
import { type Outcome, type ReadyTool, refused } from "./Tools/Outcome.ts"
import { readFilesTool } from "./Tools/ReadFiles.ts"
import { cutAt, keptArguments, lineOf } from "./Tools/Texts.ts"
import { processVariables, resolveRecord, secretsOfHeaders } from "./Variables.ts"

/** What one call of an agent may use. */
export interface Toolbox {
  readonly specs: ReadonlyArray<ToolSpec>
  /**
   * Runs a tool as far as the agent's definition allows, and tells the run of it. What is refused or fails is a result,
   * too; only who goes on long after the limit fails the run.
   */
  readonly use: (use: ToolUse) => Effect.Effect<ToolResult, AgentFailure>
}

/** The tools of agents. */
export interface Tools {
  /** Fails where the definition cannot be used: something is wrong with it, or a variable is not set. */
  readonly of: (agent: ModelAgent, invocation: Invocation) => Effect.Effect<Toolbox, AgentFailure>
}

const defaults = { calls: 50, bytes: 1_048_576, time: 300_000, maxBytes: 65_536, timeout: 30_000 } as const

/** How often a model may ask on after it was told that the limit is reached. */
const patience = 10

/** What the tools of one attempt took so far. */
interface Taken {
  calls: number
  bytes: number
  /** In ms. */
  time: number
}

const limitsOf = ({ tool_limits: limits = {} }: ModelAgent) => ({
  calls: limits.calls ?? defaults.calls,
  bytes: limits.bytes ?? defaults.bytes,
  time: limits.time === undefined ? defaults.time : durationMillis(limits.time)
})

/** So much more than is shown is collected that a secret which the cut goes through is known. */
const reach = 16_384

/** Room for why something was refused, in bytes. */
const leastRefusal = 2_000

const overLimit = (what: string): Outcome =>
  refused(`${what} of this run is used up: no tool can be used any more; answer with what you have`)

/** The tools of the service. Processes and connections of theirs end with the scope. */
export const makeTools: Effect.Effect<Tools, never, ServiceEnvironment | Settings | Scope.Scope> = Effect.gen(
  function* () {
    const service = yield* ServiceEnvironment
    const client = yield* makeDeliveryClient
    const live = yield* makeLiveGroups
    // A heartbeat calls its agent many times within one attempt, always with the same run.
    const takenBy = new WeakMap<object, Taken>()

    const takenIn = (invocation: Invocation): Taken => {
      const owner = invocation.run ?? invocation
      const taken = takenBy.get(owner) ?? { calls: 0, bytes: 0, time: 0 }
      takenBy.set(owner, taken)
      return taken
    }

    const ready = Effect.fnUntraced(function* (agent: string, name: string, tool: Tool, invocation: Invocation) {
      const texts = (key: "env" | "headers") =>
        Effect.map(resolveRecord(agent, `${key} of its tool ${name}:`, tool[key] ?? {}, service), (resolved) => ({
          resolved,
          secrets: Object.values(tool[key] ?? {}).flatMap((text) => valuesIn(text, service.variables))
        }))
      if (tool.command !== undefined) {
        const { resolved, secrets } = yield* texts("env")
        const env = { ...(yield* processVariables(invocation, service)), ...resolved }
        return commandTool(tool.command, tool, { env, secrets, directory: service.directory, live })
      }
      if (tool.http_get !== undefined) {
        const { resolved, secrets } = yield* texts("headers")
        return httpGetTool(tool.http_get, tool, {
          client,
          headers: resolved,
          secrets: [...secrets, ...secretsOfHeaders(resolved)]
        })
      }
      if (tool.notify !== undefined) return notifyTool(tool.notify, tool, invocation.notify)
      return readFilesTool(tool.read_files ?? ".", tool, service.directory)
    })

    const of: Tools["of"] = Effect.fn("Tools.of")(function* (agent, invocation) {
      const [issue] = toolIssues(agent)
      if (issue !== undefined) {
        const message = `agent "${agent.id}" cannot run: ${issue.path}: ${issue.message}`
        return yield* new AgentFailure({ kind: "permanent", message })
      }
      const limits = limitsOf(agent)
      const taken = takenIn(invocation)
      const tools = new Map<string, { readonly definition: Tool; readonly tool: ReadyTool }>()
      for (const [name, definition] of Object.entries(agent.tools ?? {})) {
        tools.set(name, { definition, tool: yield* ready(agent.id, name, definition, invocation) })
      }
      const specs = Array.from(tools, ([name, { tool }]): ToolSpec => ({ name, ...tool.spec }))
      const blanked = withoutThese([...tools.values()].flatMap(({ tool }) => tool.secrets))

      const outcomeOf = ({ arguments: given, name }: ToolUse, maxBytes: number): Effect.Effect<Outcome> => {
        if (taken.calls > limits.calls) return Effect.succeed(overLimit(`the limit of ${limits.calls} calls`))
        if (taken.time >= limits.time) return Effect.succeed(overLimit("the time for tools"))
        if (taken.bytes >= limits.bytes) return Effect.succeed(overLimit(`the limit of ${limits.bytes} bytes`))
        const found = tools.get(name)
        if (found === undefined) {
          const names = tools.size === 0 ? "there are none" : `there are ${[...tools.keys()].join(", ")}`
          return Effect.succeed(refused(`there is no such tool; ${names}`))
        }
        const { timeout } = found.definition
        const time = Math.min(
          timeout === undefined ? defaults.timeout : durationMillis(timeout),
          limits.time - taken.time
        )
        return Either.match(readArguments(given, Object.keys(found.tool.spec.parameters["properties"] ?? {})), {
          onLeft: (problem) => Effect.succeed(refused(problem)),
          onRight: (read) => found.tool.run(read, { bytes: maxBytes + reach, time })
        })
      }

      const tell = ({ arguments: given, name }: ToolUse, result_bytes: number, millis: number, error?: string) => {
        const call = {
          name: name.slice(0, 64),
          arguments: keptArguments(given, blanked),
          result_bytes,
          duration_ms: millis,
          ...(error === undefined ? {} : { error: firstOf(blanked(error), 500) })
        }
        return Effect.zipRight(invocation.toolCalled(call), invocation.log(lineOf(call)))
      }

      const use = Effect.fn("Tools.use")(function* (asked: ToolUse) {
        taken.calls++
        yield* Effect.annotateCurrentSpan("symbiont.tool.name", asked.name.slice(0, 64))
        const started = yield* Clock.currentTimeNanos
        const elapsed = Effect.map(Clock.currentTimeNanos, (now) => Number((now - started) / 1_000_000n))
        const maxBytes = Math.min(
          tools.get(asked.name)?.definition.max_bytes ?? defaults.maxBytes,
          Math.max(0, limits.bytes - taken.bytes)
        )
        // What a tool may have done is told, also of one that was ended with its run.
        const outcome = yield* Effect.onInterrupt(outcomeOf(asked, maxBytes), () =>
          Effect.flatMap(elapsed, (millis) => tell(asked, 0, millis, "it was ended with the run"))
        )
        const millis = yield* elapsed
        // What was refused is told whole, however little is left.
        const room = outcome.error === undefined ? maxBytes : Math.max(maxBytes, leastRefusal)
        const text = cutAt(blanked(outcome.text), room, outcome.more)
        const bytes = Buffer.byteLength(text)
        taken.time += millis
        taken.bytes += bytes
        yield* tell(asked, bytes, millis, outcome.error)
        if (taken.calls > limits.calls + patience) {
          return yield* new AgentFailure({
            kind: "permanent",
            message: `agent "${agent.id}" went on using tools after its limit of ${limits.calls} calls; raise tool_limits, or tell it to use fewer`
          })
        }
        return { id: asked.id, name: asked.name, text, failed: outcome.error !== undefined }
      })

      return { specs, use }
    })

    return { of }
  }
)
