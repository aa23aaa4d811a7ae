import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Logs, type LogsOptions } from "../../src/Logs.ts"
import { SettingsSchema } from "../../src/Settings.ts"
import { eventually, folderWith } from "../support/Service.ts"

const defaults = Schema.decodeSync(SettingsSchema)({ scheduler: {}, server: {}, agentpin: {} }).logging

const options = (data_dir: string, more: Partial<LogsOptions["logging"]> = {}): LogsOptions => ({
  logging: { ...defaults, ...more },
  data_dir,
  secrets: [],
  traced: false,
  terminal: { isTTY: false, colours: false }
})

const silent = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Console.consoleWith(Effect.succeed), (console) =>
    Effect.withConsole(effect, { ...console, unsafe: { ...console.unsafe, error: () => undefined } })
  )

/** One start of the service's log on a data folder. */
const started = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  data_dir: string,
  more: Partial<LogsOptions["logging"]> = {}
) => effect.pipe(Effect.provide(Logs.layer(options(data_dir, more)).pipe(Layer.provide(NodeContext.layer))))

const messages = (entries: ReadonlyArray<{ readonly message: string }>) => entries.map(({ message }) => message)

const say = (from: number, count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, n) => from + n),
    (n) => (n % 2 === 0 ? Effect.logDebug(`m${n}`) : Effect.logInfo(`m${n}`)),
    { discard: true }
  )

describe("the service's log", () => {
  it.scopedLive("joins what is in memory and what only the files have, each entry once", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      yield* started(say(0, 6), folder)
      yield* started(
        Effect.gen(function* () {
          const logs = yield* Logs
          yield* say(6, 6)
          assert.deepStrictEqual(messages(yield* logs.read({}, 100)), ["m1", "m3", "m5", "m7", "m9", "m11"])
          assert.deepStrictEqual(messages(yield* logs.read({}, 4)), ["m5", "m7", "m9", "m11"])
          assert.deepStrictEqual(
            messages(yield* logs.read({ level: "debug" }, 100)),
            ["m1", "m3", "m5", "m6", "m7", "m8", "m9", "m10", "m11"],
            "debug entries are in memory only"
          )
        }),
        folder
      )
    }).pipe(silent)
  )

  it.scopedLive("memory is bounded: what it had to give up is read from the files", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      yield* started(
        Effect.gen(function* () {
          const logs = yield* Logs
          yield* Effect.logInfo("first")
          yield* eventually(
            "the file",
            Effect.sync(() => (existsSync(join(folder, "logs", "service.log")) ? true : undefined))
          )
          yield* Effect.forEach(Array.from({ length: 10_050 }), () => Effect.logDebug("noise"), { discard: true })
          assert.deepStrictEqual(messages(yield* logs.read({}, 100)), ["first"])
          assert.strictEqual((yield* logs.read({ level: "debug" }, 10_000)).length, 10_000)
        }),
        folder
      )
    }).pipe(silent)
  )

  it.scopedLive("goes on after an entry that was seen, also of an earlier start", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      const heardAfter = (id: string) =>
        Effect.flatMap(Logs, ({ follow }) =>
          follow({ lines: 1, after: id }).pipe(
            Stream.take(1),
            Stream.runCollect,
            Effect.map((chunk) => messages(Array.from(chunk).flatMap(({ entries }) => entries)))
          )
        )
      const seen = yield* started(
        Effect.gen(function* () {
          const logs = yield* Logs
          yield* say(0, 8)
          const [first, second] = yield* logs.read({}, 100)
          assert.deepStrictEqual(yield* heardAfter(first?.id ?? ""), ["m3", "m5", "m7"])
          return second?.id ?? ""
        }),
        folder
      )
      yield* started(
        Effect.zipRight(
          say(8, 4),
          Effect.map(heardAfter(seen), (found) => {
            assert.deepStrictEqual(found, ["m5", "m7", "m9", "m11"])
          })
        ),
        folder
      )
    }).pipe(silent)
  )

  it.scopedLive("after a restart a follower is not told again what it saw, whose last entry was in memory only", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      yield* started(say(0, 4), folder)
      const seen = yield* started(
        Effect.gen(function* () {
          yield* say(4, 5)
          const last = (yield* (yield* Logs).read({ level: "debug" }, 1))[0]
          assert.strictEqual(last?.message, "m8")
          yield* say(9, 1)
          return last?.id ?? ""
        }),
        folder
      )
      yield* started(
        Effect.gen(function* () {
          yield* say(10, 2)
          const { follow } = yield* Logs
          const heard = yield* follow({ level: "debug", lines: 1, after: seen }).pipe(Stream.take(1), Stream.runCollect)
          assert.deepStrictEqual(messages(Array.from(heard).flatMap(({ entries }) => entries)), ["m9", "m10", "m11"])
        }),
        folder
      )
    }).pipe(silent)
  )

  it.scopedLive.skipIf(!existsSync("/dev/full"))("says where entries are missing, between those that are there", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      yield* started(
        Effect.gen(function* () {
          const logs = yield* Logs
          const file = join(folder, "logs", "service.log")
          mkdirSync(join(folder, "logs"))
          symlinkSync("/dev/full", file)
          yield* Effect.logInfo("lost")
          const broken = (yield* eventually(
            "the warning",
            Effect.map(logs.read({ level: "warn" }, 1), (found) => found[0])
          )).message
          assert.include(broken, "ENOSPC")
          rmSync(file)
          yield* Effect.logInfo("there")
          yield* eventually(
            "the file",
            Effect.sync(() => (existsSync(file) ? true : undefined))
          )
          yield* Effect.logInfo("later")
          const told = messages(yield* logs.read({}, 10))
          assert.sameMembers(
            told.filter((text) => !text.includes("missing here")),
            ["lost", broken, "there", "later"]
          )
          // The warning may be lost as well, or not.
          assert.match(told[1] === broken ? (told[2] ?? "") : (told[1] ?? ""), /^\d entries are missing here/)
          assert.deepStrictEqual(told.slice(-2), ["there", "later"])
        }),
        folder
      )
    }).pipe(silent)
  )

  it.scopedLive("a follower who reads slowly is told how much it missed, and holds nobody up", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      yield* started(
        Effect.gen(function* () {
          const { follow } = yield* Logs
          const listens = yield* Deferred.make<void>()
          const goOn = yield* Deferred.make<void>()
          const heard = yield* follow({ lines: 1 }).pipe(
            Stream.tap(() => Effect.zipRight(Deferred.succeed(listens, undefined), Deferred.await(goOn))),
            Stream.takeUntil(({ missed }) => missed > 0),
            Stream.runCollect,
            Effect.fork
          )
          yield* Deferred.await(listens)
          yield* Effect.forEach(Array.from({ length: 1_500 }), () => Effect.logInfo("much"), { discard: true })
          yield* Deferred.succeed(goOn, undefined)
          const all = Array.from(yield* Fiber.join(heard))
          assert.strictEqual(
            all.reduce((sum, { entries, missed }) => sum + entries.length + missed, 0),
            1_500
          )
        }),
        folder,
        { file: false }
      )
    }).pipe(silent)
  )
})
