import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentFailure } from "./Domain/Agent.ts"
import type { StoredJob } from "./Domain/Job.ts"
import type { Run } from "./Domain/Run.ts"
import type { ServiceEnvironment } from "./ServiceEnvironment.ts"
import type { Settings } from "./Settings.ts"
import { makeWakeGate } from "./WakeGate/Ask.ts"

/** What a gate found. */
export interface GateFinding {
  readonly wakes: boolean
  /** What was found, in a few words. */
  readonly text: string
  /** What the gate gave, for the agent to read below its input; empty where there was nothing. */
  readonly output: string
  /** SHA-256 (hex) of it: what the next finding is compared with once the run has succeeded. Null of a gate that failed. */
  readonly seen: string | null
}

/** Looks, before an agent is woken, whether there is anything for it to do: by a job's `gate`. */
export class WakeGate extends Context.Tag("symbiont/WakeGate")<
  WakeGate,
  {
    /** Null for a job without a gate. A gate that fails is a failure of kind `transient` or `permanent`. */
    readonly ask: (
      job: StoredJob,
      run: Pick<Run, "id" | "scheduled_for">
    ) => Effect.Effect<GateFinding | null, AgentFailure>
  }
>() {
  /** Runs commands in the service's folder; asks URLs by the guarded client of the deliveries. */
  static readonly layer: Layer.Layer<WakeGate, never, ServiceEnvironment | Settings> = Layer.scoped(
    WakeGate,
    makeWakeGate
  )

  /** For programs whose jobs have no gates: a job that has one fails, rather than waking its agent for nothing. */
  static readonly none: Layer.Layer<WakeGate> = Layer.succeed(WakeGate, {
    ask: ({ gate, name }) =>
      gate === undefined
        ? Effect.succeed(null)
        : new AgentFailure({
            kind: "permanent",
            message: `job "${name}" has a gate, and this program asks none; provide WakeGate.layer`
          })
  })
}
