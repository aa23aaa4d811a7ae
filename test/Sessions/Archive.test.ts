import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import type { AgentHandler } from "../../src/Agents.ts"
import { Ids } from "../../src/Domain/Ids.ts"
import { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { SessionDesk, Sessions } from "../../src/Sessions.ts"
import { Settings } from "../../src/Settings.ts"
import { failure, storeInMemory, testSettings } from "../../src/testing.ts"
import { audited } from "../support/Audit.ts"
import { create, engine, minute, until } from "../support/Engine.ts"

const shared = (name: string, fields: object = {}) =>
  create({ name, every: "1m", session_mode: "shared_persistent", input: "go", ...fields })

const info = (ref: string) => Effect.flatMap(SessionDesk, (desk) => desk.get(ref))

const saying: AgentHandler = () => Effect.succeed({ output: "four" })

describe("what a shared session drops", () => {
  it.effect("is archived when it is cleared, which is audited; the next run starts a new one", () =>
    Effect.gen(function* () {
      const desk = yield* SessionDesk
      const { id: job_id } = yield* shared("talk")
      const none = { job_id, job_name: "talk", mode: "shared_persistent", max_bytes: 1_048_576 }
      const empty = { id: null, turns: 0, bytes: 0, created_at: null, updated_at: null }
      assert.deepStrictEqual(yield* info("talk"), { ...none, ...empty, archived_bytes: 0 } as never)
      assert.deepStrictEqual(yield* desk.clear("talk", "test"), yield* info("talk"))
      assert.strictEqual((yield* audited({ type: "SessionCleared", limit: 9 })).length, 0)
      yield* until(2 * minute)
      const before = yield* info(job_id)
      assert.deepInclude(before, { turns: 4, bytes: 12, archived_bytes: 0, created_at: minute, updated_at: 2 * minute })
      const after = yield* desk.clear("talk", "someone")
      assert.deepStrictEqual(after, { ...none, ...empty, archived_bytes: 12 } as never)
      yield* until(3 * minute)
      const anew = yield* info("talk")
      assert.deepInclude(anew, { turns: 2, bytes: 6, archived_bytes: 12, created_at: 3 * minute })
      assert.notStrictEqual(anew.id, before.id)
      const [entry] = yield* audited({ type: "SessionCleared", limit: 9 })
      assert.deepInclude(entry, { actor: "someone", job_name: "talk" })
      assert.include(entry?.reason ?? "", "session of 4 turns was archived")
    }).pipe(Effect.provide(engine({ agent: saying })))
  )

  it.effect("cannot be cleared while a run uses it", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      yield* Effect.gen(function* () {
        const desk = yield* SessionDesk
        yield* shared("busy")
        yield* until(minute)
        const refused = yield* Effect.flip(desk.clear("busy", "test"))
        assert.include(refused.message, 'a run of job "busy" is using its session')
        yield* Deferred.succeed(go, undefined)
        yield* TestClock.adjust(1)
        assert.deepInclude(yield* desk.clear("busy", "test"), { turns: 0, archived_bytes: 6 })
        const unknown = yield* Effect.flip(desk.clear("nowhere", "test"))
        assert.strictEqual(unknown._tag, "JobNotFound")
      }).pipe(Effect.provide(engine({ agent: (asked) => Effect.zipRight(Deferred.await(go), saying(asked)) })))
    })
  )

  it.effect("is archived with its job, and when the job leaves the mode, whoever wins the race with a run", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      const agents = {
        agent: saying,
        slow: ((asked) => Effect.zipRight(Deferred.await(go), saying(asked))) satisfies AgentHandler
      }
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        const store = yield* JobStore
        const gone = yield* shared("gone")
        const left = yield* shared("left")
        const racing = yield* shared("racing", { agent_id: "slow" })
        yield* until(minute)
        yield* jobs.remove("gone", "test")
        yield* jobs.update("left", { session_mode: "fully_ephemeral" }, { actor: "test" })
        yield* jobs.update("racing", { session_mode: "fully_ephemeral" }, { actor: "test" })
        yield* Deferred.succeed(go, undefined)
        yield* TestClock.adjust(1)
        for (const { id } of [gone, left, racing]) assert.isNull(yield* store.findSession(id))
        assert.deepInclude(yield* info("left"), { mode: "fully_ephemeral", turns: 0, archived_bytes: 6 })
        assert.deepInclude(yield* info("racing"), { mode: "fully_ephemeral", turns: 0, archived_bytes: 6 })
      }).pipe(Effect.provide(engine(agents)))
    })
  )

  it.effect("is kept up to ten times the cap", () =>
    Effect.gen(function* () {
      yield* shared("long", { session_max_bytes: 1_024 })
      yield* until(30 * minute)
      const found = yield* info("long")
      assert.isAtMost(found.bytes, 1_024)
      assert.isAbove(found.bytes, 500)
      assert.isAtMost(found.archived_bytes, 10_240)
      assert.isAbove(found.archived_bytes, 8_000)
      const desk = yield* SessionDesk
      assert.isAtMost((yield* desk.clear("long", "test")).archived_bytes, 10_240)
    }).pipe(Effect.provide(engine({ agent: () => Effect.succeed({ output: "x".repeat(500) }) })))
  )
})

const turnsOf = (ref: string) => Effect.map(info(ref), ({ archived_bytes, turns }) => ({ archived_bytes, turns }))

describe("a shared session in the middle of a run", () => {
  it.effect("is archived once when its job leaves the mode", () =>
    Effect.gen(function* () {
      const go = yield* Ref.make(false)
      const agent: AgentHandler = (asked) =>
        Effect.repeat(Ref.get(go), { until: (gone) => gone, schedule: Schedule.spaced("1 second") }).pipe(
          Effect.zipRight(saying(asked))
        )
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* Ref.set(go, true)
        yield* shared("left")
        yield* until(minute + 5_000)
        yield* Ref.set(go, false)
        yield* until(2 * minute + 5_000)
        assert.deepStrictEqual(yield* turnsOf("left"), { turns: 2, archived_bytes: 0 })
        yield* jobs.update("left", { session_mode: "fully_ephemeral" }, { actor: "test" })
        assert.deepStrictEqual(yield* turnsOf("left"), { turns: 0, archived_bytes: 6 })
        yield* Ref.set(go, true)
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* turnsOf("left"), { turns: 0, archived_bytes: 12 })
      }).pipe(Effect.provide(engine({ agent })))
    })
  )

  it.effect("has what a beat has said so far, and archives once what its cap drops meanwhile", () =>
    Effect.gen(function* () {
      const agent: AgentHandler = ({ iteration }) =>
        Effect.delay(Effect.succeed({ output: `${iteration}`.padStart(98, "x") }), "1 second")
      yield* Effect.gen(function* () {
        const heartbeat = { enabled: true, max_iterations: 60 }
        const { id } = yield* shared("beats", { every: "10m", heartbeat, session_max_bytes: 1_024 })
        yield* until(10 * minute + 8_500)
        const store = yield* JobStore
        const soFar = (yield* store.findSession(id))?.turns.map(({ text }) => text) ?? []
        assert.isAtLeast(soFar.length, 12)
        yield* until(10 * minute + 30_500)
        assert.isAtLeast((yield* info("beats")).archived_bytes, 1_500)
        yield* until(12 * minute)
        // Each iteration says 100 bytes.
        const { archived_bytes, bytes } = yield* info("beats")
        assert.strictEqual(bytes + archived_bytes, 6_000)
      }).pipe(Effect.provide(engine({ agent })))
    })
  )

  it.effect("archives once what a beat said whose job left the mode", () =>
    Effect.gen(function* () {
      const agent: AgentHandler = () => Effect.delay(Effect.succeed({ output: "x".repeat(98) }), "1 second")
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* shared("beats", { every: "10m", heartbeat: { enabled: true, max_iterations: 60 } })
        yield* until(10 * minute + 20_500)
        yield* jobs.update("beats", { session_mode: "fully_ephemeral" }, { actor: "test" })
        yield* until(12 * minute)
        assert.deepStrictEqual(yield* turnsOf("beats"), { turns: 0, archived_bytes: 6_000 })
      }).pipe(Effect.provide(engine({ agent })))
    })
  )
})

describe("folders of sessions", () => {
  it.effect("are the same over attempts and runs that fail, and none is left over", () =>
    Effect.gen(function* () {
      const folders = yield* Ref.make<ReadonlyArray<string>>([])
      const agent: AgentHandler = ({ sessionDirectory }) =>
        Effect.gen(function* () {
          const folder = yield* sessionDirectory
          yield* Ref.update(folders, (before) => [...before, folder])
          return yield* failure("transient", "no")
        })
      yield* Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        yield* shared("fails", { max_retries: 100, retry: { attempts: 3, backoff: "1s" } })
        yield* until(minute)
        // The clock of a test does not wait for files.
        const used = yield* Effect.zipRight(TestClock.adjust("1 second"), Ref.get(folders)).pipe(
          Effect.repeat({ until: ({ length }) => length >= 5 })
        )
        assert.strictEqual(new Set(used).size, 1)
        const { id } = yield* info("fails")
        assert.deepStrictEqual(yield* fs.readDirectory(path.join((yield* Settings).data_dir, "sessions")), [`${id}`])
      }).pipe(Effect.provide(engine({ agent })))
    })
  )

  it.effect("that a kill left are removed at start; those of stored and archived sessions stay", () => {
    const settings = testSettings()
    const edges = Layer.mergeAll(storeInMemory.pipe(Layer.orDie), settings, Ids.Default).pipe(
      Layer.provideMerge(NodeContext.layer)
    )
    return Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const ids = yield* Ids
      const root = path.join((yield* Settings).data_dir, "sessions")
      const left = yield* ids.session
      yield* fs.makeDirectory(path.join(root, left, "inner"), { recursive: true })
      yield* fs.makeDirectory(path.join(root, "someone-elses"), { recursive: true })
      yield* Effect.void.pipe(Effect.provide(Sessions.Default))
      assert.deepStrictEqual(yield* fs.readDirectory(root), ["someone-elses"])
    }).pipe(Effect.provide(edges))
  })

  it.effect("of a session that was cleared stays, and the new one has its own, over a restart (row 76)", () =>
    Effect.gen(function* () {
      const folders = yield* Ref.make<ReadonlyArray<string>>([])
      const agent: AgentHandler = ({ sessionDirectory }) =>
        Effect.gen(function* () {
          const folder = yield* sessionDirectory
          yield* Ref.update(folders, (before) => [...before, folder])
          return { output: folder }
        })
      yield* Effect.gen(function* () {
        const desk = yield* SessionDesk
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const jobs = yield* Jobs
        yield* shared("files", { every: "1h" })
        const run = Effect.gen(function* () {
          const { id } = yield* jobs.runNow("files", { actor: "test" })
          yield* Effect.repeat(Effect.zipRight(TestClock.adjust(1), jobs.getRun(id)), {
            until: ({ status }) => status === "succeeded"
          })
        })
        yield* run
        yield* run
        yield* desk.clear("files", "test")
        yield* run
        // What a start does, on the same data.
        yield* Effect.void.pipe(Effect.provide(Sessions.Default))
        const [first = "", second, third = ""] = yield* Ref.get(folders)
        assert.strictEqual(first, second)
        assert.notStrictEqual(first, third)
        const root = path.join((yield* Settings).data_dir, "sessions")
        assert.deepStrictEqual(
          (yield* fs.readDirectory(root)).sort(),
          [first, third].map((one) => path.basename(one)).sort()
        )
      }).pipe(Effect.provide(engine({ agent })))
    })
  )
})
