import { realpath } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { processesWith } from "../ProcessGroup.ts"
import { type Verdict, warning } from "./Verdict.ts"

/** Agents of a data folder that go on though no service works on it: one was killed. Linux tells, others do not. */
export const checkLeftAgents = Effect.fnUntraced(function* (folder: string) {
  const names = new Set([folder, yield* Effect.promise(() => realpath(folder).catch(() => folder))])
  const found = yield* Effect.forEach([...names], (name) => processesWith(`SYMBI_SESSION_DIR=${name}/`))
  const pids = [...new Set(found.flat())]
  if (pids.length === 0) return [] as ReadonlyArray<Verdict>
  return [
    warning(
      "agents",
      `${pids.length === 1 ? "an agent" : `${pids.length} agents`} outlived a service that was killed: process ${pids.slice(0, 5).join(", ")}`,
      "start the service: it ends what is left, and attempts the runs anew"
    )
  ]
})
