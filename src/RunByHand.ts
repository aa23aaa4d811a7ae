import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { AgentRuntime } from "./Agents.ts"
import { type Estimate, noEstimate, type RunBudget, unknownEstimate } from "./Budgets.ts"
import {
  type AgentAnswer,
  type AgentDefinition,
  AgentFailure,
  addUsage,
  saneUsage,
  type Usage
} from "./Domain/Agent.ts"
import { type DurationText, durationMillis } from "./Domain/Duration.ts"
import { recordSpent } from "./Observability.ts"

/** Runs an agent once, outside any job: no session, no policy, nothing stored. `log` takes what it says meanwhile. */
export const runByHand = Effect.fn("runByHand")(function* (
  agent: AgentDefinition,
  options: {
    readonly input: string
    readonly maxRuntime: DurationText | "none"
    readonly log: (text: string) => Effect.Effect<void>
    /** What it may spend. */
    readonly budget: RunBudget
  }
) {
  const agents = yield* AgentRuntime
  const fs = yield* FileSystem.FileSystem
  const scope = yield* Effect.scope
  const sessionDirectory = yield* Effect.cached(
    fs.makeTempDirectoryScoped({ prefix: "symbi-" }).pipe(Scope.extend(scope), Effect.orDie)
  )
  const { budget, maxRuntime } = options
  let usage: Usage | undefined
  const spent = (more: Usage) =>
    Effect.suspend(() => {
      const sane = saneUsage(more)
      usage = usage === undefined ? sane : addUsage(usage, sane)
      return Effect.zipRight(recordSpent(agent.id, sane), budget.spend(sane))
    })
  const reserve = Effect.fnUntraced(function* (estimate: Estimate) {
    const over = yield* budget.reserve(estimate, { beyond: false })
    if (over !== null) return yield* new AgentFailure({ kind: "budget", message: over.text })
  })
  const first = agents.estimate(agent, { input: options.input, summary: null, turns: [] })
  yield* reserve(
    first !== null ? { ...first, isGuess: false } : agent.kind === "command" ? noEstimate : unknownEstimate
  )
  const result = yield* agents
    .invoke(agent, {
      run: null,
      input: options.input,
      summary: null,
      turns: [],
      iteration: null,
      sessionDirectory,
      log: options.log,
      reserve: (estimate) => reserve({ ...estimate, isGuess: false }),
      spent,
      toolCalled: () => Effect.void,
      notify: (channel) =>
        new AgentFailure({
          kind: "permanent",
          message: `${channel} cannot be notified: there is no job whose channel it would be`
        })
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
  if (result.usage !== undefined) yield* spent(result.usage)
  const answer: AgentAnswer = {
    output: result.output,
    ...(usage === undefined ? {} : { usage }),
    ...(result.exit_code === undefined ? {} : { exit_code: result.exit_code })
  }
  return answer
}, Effect.scoped)
