import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

const runIdIn = (environment: string): string | undefined =>
  environment
    .split("\0")
    .find((variable) => variable.startsWith("SYMBI_RUN_ID="))
    ?.slice("SYMBI_RUN_ID=".length)

const kill = (pid: number): boolean => {
  try {
    return process.kill(pid, "SIGKILL")
  } catch {
    return false
  }
}

/**
 * Ends processes of command agents that outlived their service (`kill -9`, power of an operator): found by the run id in
 * their environment, so that no pid can be mistaken. To be called before this service runs anything; returns how many.
 * Linux only, where `/proc` tells; elsewhere there are none to be found.
 */
export const endOrphans = Effect.fn("Agents.endOrphans")(function* (
  isOurs: (run_id: string) => Effect.Effect<boolean>
) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* Effect.orElseSucceed(fs.readDirectory("/proc"), (): ReadonlyArray<string> => [])
  let ended = 0
  for (const name of names) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    const environment = yield* Effect.orElseSucceed(fs.readFileString(`/proc/${name}/environ`), () => "")
    const run_id = runIdIn(environment)
    if (run_id === undefined || !(yield* isOurs(run_id))) continue
    if (kill(Number(name))) ended++
  }
  return ended
})
