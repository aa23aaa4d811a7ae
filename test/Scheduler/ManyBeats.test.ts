import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { AgentHandler } from "../../src/Agents.ts"
import type { Run } from "../../src/Domain/Run.ts"
import { JobStore } from "../../src/JobStore.ts"
import { SessionStore } from "../../src/Sessions.ts"
import { storeInFile } from "../../src/testing.ts"
import { create, engine, runsOf, second, until } from "../support/Engine.ts"

/** Of each of the three jobs. */
const beats = Number(process.env["SYMBI_TEST_BEATS"] ?? 334)

/** Each beat looks, then sleeps. Its words are always as long, and are the number of its call. */
const counting = (): AgentHandler => {
  let call = 0
  return () =>
    Effect.sync(() => {
      call++
      const text = String(call).padStart(40, "0")
      return { output: call % 2 === 1 ? text : `${text}\nsleep` }
    })
}

const modes = ["ephemeral_with_summary", "shared_persistent", "fully_ephemeral"] as const

const sizesOf = (run: Run | undefined) => run?.iterations.map((one) => one.context_bytes)

/** Rows 64 and 65: what an agent is given is the summary of the iteration before, and nothing grows. */
const summariesStayConstant = ([first, second, ...rest]: ReadonlyArray<Run>) => {
  assert.deepStrictEqual(sizesOf(first), [2, 42])
  assert.deepStrictEqual(sizesOf(second), [48, 42])
  for (const run of rest) assert.deepStrictEqual(sizesOf(run), sizesOf(second))
  assert.strictEqual(rest.at(-1)?.output, `${String(2 * beats).padStart(40, "0")}\nsleep`)
}

/** Row 66: the conversation grows to its cap and stays there; what is dropped is archived. */
const conversationStaysAtItsCap = Effect.fnUntraced(function* (runs: ReadonlyArray<Run>) {
  const sizes = runs.map((run) => run.context_bytes ?? 0)
  assert.isTrue(sizes.every((size) => size <= 1_024 + 2))
  assert.isTrue(sizes.slice(0, 10).every((size, n) => n === 0 || size > (sizes[n - 1] ?? 0)))
  assert.isTrue(sizes.slice(15).every((size) => size > 1_024 - 100))
  assert.strictEqual(new Set(runs.map((run) => run.session_id)).size, 1)
  const [{ job_id } = { job_id: undefined }] = runs
  assert.isDefined(job_id)
  const session = job_id === undefined ? null : yield* (yield* JobStore).findSession(job_id)
  const words = session?.turns.flatMap(({ role, text }) => (role === "user" ? [] : [Number.parseInt(text, 10)])) ?? []
  assert.isAbove(words.length, 20)
  assert.deepStrictEqual(
    words,
    words.map((_, n) => 2 * beats - words.length + 1 + n)
  )
  const info = yield* (yield* SessionStore).describe("shared_persistent")
  assert.isAtMost(info.bytes, 1_024)
  assert.isAtMost(info.archived_bytes, 10_240)
  assert.isAbove(info.archived_bytes, 10_240 - 1_024 - 100)
})

describe("a thousand heartbeats", () => {
  it.effect("in each mode, over a restart in the middle: none is lost, and their context is as the mode says", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = storeInFile(`${yield* fs.makeTempDirectoryScoped()}/data.db`)
      const runtime = engine(Object.fromEntries(modes.map((mode) => [mode, counting()])), { store })
      yield* Effect.gen(function* () {
        for (const mode of modes) {
          const heartbeat = { enabled: true, context_mode: mode }
          yield* create({ name: mode, agent_id: mode, every: "1s", heartbeat, input: "go", session_max_bytes: 1_024 })
        }
        yield* until((beats / 2) * second)
      }).pipe(Effect.provide(runtime))
      yield* Effect.gen(function* () {
        yield* until(beats * second)
        const ledger = yield* JobStore
        const [summaries = [], shared = [], fresh = []] = yield* Effect.forEach(modes, (mode) =>
          Effect.flatMap(runsOf(mode), (runs) => Effect.forEach(runs, ({ id }) => ledger.findRun(id)))
        )
        for (const runs of [summaries, shared, fresh]) {
          assert.deepStrictEqual(
            runs.map((run) => [run.scheduled_for / second, run.status, run.iterations.length]),
            Array.from({ length: beats }, (_, n) => [n + 1, "succeeded", 2])
          )
        }
        summariesStayConstant(summaries)
        yield* conversationStaysAtItsCap(shared)
        // Row 67.
        for (const run of fresh) assert.deepStrictEqual(sizesOf(run), [2, 2])
      }).pipe(Effect.provide(runtime))
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )
})
