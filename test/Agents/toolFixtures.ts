import { readFileSync } from "node:fs"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { ToolUse } from "../../src/Agents/Models.ts"
import { makeTools } from "../../src/Agents/Tools.ts"
import type { Invocation } from "../../src/Agents.ts"
import { DeliveryNetwork } from "../../src/Delivery.ts"
import { ModelAgent } from "../../src/Domain/Agent.ts"
import type { ToolCall } from "../../src/Domain/Run.ts"
import { isPublicAddress } from "../../src/Network/PublicAddress.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { testSettings } from "../../src/testing.ts"
import { invocation } from "./fixtures.ts"

const decode = Schema.decodeUnknownSync(ModelAgent)

/** A model agent as it would be written. */
export const modelAgent = (fields: Readonly<Record<string, unknown>> = {}): ModelAgent =>
  decode({ id: "watcher", kind: "model", model: "test-model", ...fields })

/** A use of a tool; arguments are JSON text, or what is to become it. */
export const useOf = (name: string, given: unknown = {}): ToolUse => ({
  id: "use_1",
  name,
  arguments: typeof given === "string" ? given : JSON.stringify(given)
})

/** The service that tools work in: its folder, its variables, and a network in which every name is this machine. */
export const toolService = (
  options: {
    readonly directory?: string
    readonly variables?: Readonly<Record<string, string | undefined>>
    readonly withheld?: ReadonlySet<string>
    readonly allow_hosts?: ReadonlyArray<string>
  } = {}
) => {
  const { allow_hosts = ["127.0.0.0/8", "::1"], directory = process.cwd(), variables = {}, withheld } = options
  return Layer.mergeAll(
    ServiceEnvironment.layer({
      directory,
      variables: { PATH: process.env["PATH"], ...variables },
      ...(withheld === undefined ? {} : { withheld })
    }),
    testSettings({ scheduler: { delivery: { allow_hosts: [...allow_hosts] } } }),
    Layer.succeed(DeliveryNetwork, {
      resolve: () => Promise.resolve([{ address: "127.0.0.1", family: 4 as const }]),
      permits: isPublicAddress
    })
  ).pipe(Layer.provideMerge(NodeContext.layer))
}

/** An agent's tools, and what was told of their uses. */
export const toolboxOf = (agent: ModelAgent, change: Partial<Invocation> = {}) =>
  Effect.gen(function* () {
    const tools = yield* makeTools
    const calls: Array<ToolCall> = []
    let log = ""
    const toolbox = yield* tools.of(
      agent,
      invocation({
        toolCalled: (call) => Effect.sync(() => void calls.push(call)),
        log: (text) =>
          Effect.sync(() => {
            log += text
          }),
        ...change
      })
    )
    return {
      specs: toolbox.specs,
      use: (name: string, given?: unknown) => toolbox.use(useOf(name, given)),
      calls,
      log: () => log
    }
  })

/** Whether a process runs; one that only waits to be reaped does not. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return process.platform !== "linux" || !/^\S+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"))
  } catch {
    return false
  }
}
