import * as Effect from "effect/Effect"
import type { Invocation } from "../../src/Agents.ts"
import { AgentId, type CommandAgent } from "../../src/Domain/Agent.ts"
import { JobId, RunId } from "../../src/Domain/Ids.ts"

/** A command agent that runs a JavaScript program. */
export const nodeAgent = (program: string, env: Record<string, string> = {}): CommandAgent => ({
  id: AgentId.make("probe"),
  kind: "command",
  capabilities: [],
  command: [process.execPath, "-e", program],
  env
})

/** A command agent that runs a shell script. */
export const shellAgent = (script: string): CommandAgent => ({ ...nodeAgent(""), command: ["sh", "-c", script] })

/** An invocation of a scheduled run, whose id no other test process has; what is logged goes to `onLog`. */
export const invocation = (
  change: Partial<Invocation> = {},
  onLog: (text: string) => Effect.Effect<void> = () => Effect.void
): Invocation => ({
  run: {
    id: RunId.make(`run_01jq${String(process.pid).padStart(22, "0")}`),
    job_id: JobId.make("job_01jq0000000000000000000000"),
    job_name: "nightly",
    attempt: 2,
    scheduled_for: Date.UTC(2026, 1, 15, 14, 30)
  },
  input: "",
  summary: null,
  turns: [],
  iteration: null,
  sessionDirectory: Effect.succeed(`/tmp/session-${process.pid}`),
  log: onLog,
  reserve: () => Effect.void,
  spent: () => Effect.void,
  toolCalled: () => Effect.void,
  notify: () => Effect.void,
  ...change
})
