import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { endOrphans } from "../../src/Agents.ts"

const leftBehind = (run_id: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn("sleep", ["300"], { detached: true, stdio: "ignore", env: { SYMBI_RUN_ID: run_id } })
      await once(child, "spawn")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const ended = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.signalCode === null) await once(child, "exit")
    return child.signalCode
  })

describe.runIf(process.platform === "linux")("processes that outlived their service", () => {
  it.scopedLive("are ended when their run is ours, and left alone otherwise", () =>
    Effect.gen(function* () {
      const ours = yield* leftBehind("run_ours")
      const foreign = yield* leftBehind("run_of_another_service")
      const count = yield* endOrphans((run_id) => Effect.succeed(run_id === "run_ours"))
      assert.strictEqual(count, 1)
      assert.strictEqual(yield* ended(ours), "SIGKILL")
      assert.isNull(foreign.signalCode)
      assert.isTrue(foreign.kill(0))
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
