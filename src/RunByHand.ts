import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { AgentRuntime } from "./Agents.ts"
import { type AgentAnswer, type AgentDefinition, AgentFailure } from "./Domain/Agent.ts"
import { type DurationText, durationMillis } from "./Domain/Duration.ts"

/** Runs an agent once, outside any job: no session, no policy, nothing stored. `log` takes what it says meanwhile. */
export const runByHand = Effect.fn("runByHand")(function* (
  agent: AgentDefinition,
  options: {
    readonly input: string
    readonly maxRuntime: DurationText | "none"
    readonly log: (text: string) => Effect.Effect<void>
  }
) {
  const agents = yield* AgentRuntime
  const fs = yield* FileSystem.FileSystem
  const scope = yield* Effect.scope
  const sessionDirectory = yield* Effect.cached(
    fs.makeTempDirectoryScoped({ prefix: "symbi-" }).pipe(Scope.extend(scope), Effect.orDie)
  )
  const { maxRuntime } = options
  const result = yield* agents
    .invoke(agent, {
      run: null,
      input: options.input,
      summary: null,
      turns: [],
      iteration: null,
      sessionDirectory,
      log: options.log
    })
    .pipe(
      maxRuntime === "none"
        ? (invocation) => invocation
        : Effect.timeoutFail({
            duration: durationMillis(maxRuntime),
            onTimeout: () =>
              new AgentFailure({ kind: "timeout", message: `agent "${agent.id}" took longer than ${maxRuntime}` })
          })
    )
  const answer: AgentAnswer = {
    output: result.output,
    ...(result.usage === undefined ? {} : { usage: result.usage }),
    ...(result.exit_code === undefined ? {} : { exit_code: result.exit_code })
  }
  return answer
}, Effect.scoped)
