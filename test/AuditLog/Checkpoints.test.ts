import { createPublicKey, verify } from "node:crypto"
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { AuditCheckpoints, AuditLog, readLines } from "../../src/AuditLog.ts"
import { layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { Settings, SettingsSchema } from "../../src/Settings.ts"
import { t0 } from "../JobStore/fixtures.ts"
import { databases, nthEvent } from "./fixtures.ts"
import { makeKeyPair } from "./keys.ts"

/** What a service keeps in a data folder, from its start to its end. */
const running = <A, E>(folder: string, body: Effect.Effect<A, E, AuditLog | AuditCheckpoints>) =>
  Effect.provide(
    body,
    AuditCheckpoints.layer.pipe(
      Layer.provideMerge(layerSqlite(`${folder}/symbiont.db`)),
      Layer.provide(
        Layer.succeed(Settings, {
          ...Schema.decodeSync(SettingsSchema)({ scheduler: {}, server: {}, agentpin: {} }),
          data_dir: folder
        })
      ),
      Layer.provide(NodeContext.layer)
    )
  )

const append = (count: number) =>
  Effect.flatMap(AuditLog, (log) =>
    log.append(
      Array.from({ length: count }, (_, n) => nthEvent(n)),
      t0
    )
  )

const logIn = (folder: string) => `${folder}/audit-checkpoints.log`
const keyIn = (folder: string) => `${folder}/audit-key.pem`
const kept = (folder: string) => Either.getOrThrow(readLines(readFileSync(logIn(folder), "utf8")))
const seqs = (folder: string) => kept(folder).map(({ seq }) => seq)

/** Waits until the file has these; what a timer starts writes by real time. The test's own time limit is the bound. */
const seen = (folder: string, ...expected: ReadonlyArray<number>) =>
  Effect.promise(() => new Promise(setImmediate)).pipe(
    Effect.zipRight(Effect.sync(() => seqs(folder))),
    Effect.repeat({ until: (found) => found.length >= expected.length }),
    Effect.map((found) => assert.deepStrictEqual(found, expected))
  )
const verdict = Effect.flatMap(AuditCheckpoints, (checkpoints) => checkpoints.verify([]))

const test = (name: string, body: (folder: string) => Effect.Effect<void, unknown>) =>
  it.scoped(name, () => Effect.flatMap(databases, body))

describe("checkpoints of the audit log", () => {
  test("are kept at start, at the end, when asked, and at most once a minute while entries come", (folder) =>
    Effect.gen(function* () {
      yield* running(
        folder,
        Effect.gen(function* () {
          const { make } = yield* AuditCheckpoints
          assert.deepStrictEqual(seqs(folder), [0])
          yield* append(3)
          yield* TestClock.adjust("59 seconds")
          assert.deepStrictEqual(seqs(folder), [0])
          yield* TestClock.adjust("1 second")
          yield* seen(folder, 0, 3)
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(seqs(folder), [0, 3], "nothing new, nothing to say")
          yield* append(2)
          const asked = yield* make
          assert.deepStrictEqual([asked.seq, asked.count, asked.time], [5, 5, 3_660_000])
          assert.deepStrictEqual(yield* make, asked)
          yield* append(1)
        })
      )
      assert.deepStrictEqual(seqs(folder), [0, 3, 5, 6])
      yield* running(folder, Effect.void)
      assert.deepStrictEqual(seqs(folder), [0, 3, 5, 6])
      assert.strictEqual(statSync(keyIn(folder)).mode & 0o777, 0o600)
      assert.strictEqual(statSync(logIn(folder)).mode & 0o777, 0o600)
    }))

  test("are signed over what their documentation says, by one key", (folder) =>
    Effect.gen(function* () {
      yield* running(folder, append(4))
      yield* running(folder, append(4))
      const checkpoints = kept(folder)
      assert.deepStrictEqual(checkpoints.length, 3)
      for (const { count, hash, public_key, seq, signature, time } of checkpoints) {
        const text = `symbiont audit checkpoint\nseq ${seq}\nhash ${hash}\ncount ${count}\ntime ${new Date(time).toISOString()}\n`
        const key = createPublicKey({ key: Buffer.from(public_key, "base64"), format: "der", type: "spki" })
        assert.isTrue(verify(null, Buffer.from(text), key, Buffer.from(signature, "base64")))
      }
      assert.strictEqual(new Set(checkpoints.map((one) => one.public_key)).size, 1)
    }))

  test("show what was cut from the log and everything that tells of it", (folder) =>
    Effect.gen(function* () {
      yield* running(folder, append(20))
      rmSync(`${folder}/symbiont.db`)
      yield* running(
        folder,
        Effect.gen(function* () {
          yield* append(8)
          assert.deepInclude(yield* verdict, { ok: false })
          const found = yield* verdict
          assert.deepInclude(found.ok ? {} : found.broken, { seq: 9, kind: "tail_cut" })
          yield* append(12)
          const later = yield* verdict
          assert.deepInclude(later.ok ? {} : later.broken, { seq: 20, kind: "checkpoint_mismatch" })
        })
      )
    }))

  test("that were changed, added or signed by another are found", (folder) =>
    Effect.gen(function* () {
      yield* running(folder, append(20))
      const whole = readFileSync(logIn(folder), "utf8")
      const [last] = kept(folder).slice(-1)
      assert.isDefined(last)
      if (last === undefined) return
      const { time, ...head } = last
      const line = (checkpoint: object) => `${JSON.stringify(checkpoint)}\n`
      const own = { ...last, time: new Date(time).toISOString() }
      const foreign = { ...makeKeyPair().sign(head, time), time: own.time }
      const changes: ReadonlyArray<readonly [string, RegExp]> = [
        [line({ ...own, count: 19 }), /signature/],
        [line({ ...own, hash: "a".repeat(64) }), /signature/],
        [line(foreign), /another key/],
        ["nonsense\n", /line 3 /],
        [line({ ...own, more: 1 }), /line 3 /]
      ]
      for (const [added, expected] of changes) {
        writeFileSync(logIn(folder), whole + added)
        const found = yield* running(folder, verdict)
        assert.deepInclude(found.ok ? {} : found.broken, { kind: "checkpoint_mismatch" }, added)
        assert.match(found.ok ? "" : found.broken.detail, expected)
      }
      writeFileSync(logIn(folder), whole)
      assert.isTrue((yield* running(folder, verdict)).ok)
    }))

  test("go on after a line that was half written, and after the file has grown large", (folder) =>
    Effect.gen(function* () {
      yield* running(folder, append(1))
      const whole = readFileSync(logIn(folder), "utf8")
      appendFileSync(logIn(folder), `{"seq":2,"ha`)
      yield* running(folder, append(1))
      assert.deepStrictEqual(seqs(folder), [0, 1, 2])
      writeFileSync(logIn(folder), whole.repeat(Math.ceil(1_048_576 / whole.length)))
      yield* running(folder, Effect.zipRight(append(1), verdict).pipe(Effect.tap(({ ok }) => assert.isTrue(ok))))
      assert.deepStrictEqual(seqs(folder), [2, 3])
      assert.isTrue(existsSync(`${logIn(folder)}.1`))
      assert.isTrue((yield* running(folder, verdict)).ok)
    }))

  test("are set aside when their key is lost, and none are made with a key that is no key", (folder) =>
    Effect.gen(function* () {
      yield* running(folder, append(5))
      rmSync(keyIn(folder))
      yield* running(
        folder,
        Effect.gen(function* () {
          assert.isTrue((yield* verdict).ok)
          yield* append(1)
        })
      )
      assert.deepStrictEqual(seqs(folder), [5, 6])
      assert.deepStrictEqual(
        readdirSync(folder).filter((name) => name.startsWith("audit-checkpoints")),
        ["audit-checkpoints.log", "audit-checkpoints.log.until-0"]
      )
      writeFileSync(keyIn(folder), "no key")
      const refused = yield* Effect.flip(running(folder, Effect.void))
      assert.match(refused.message, /cannot use the audit log's key .*audit-key\.pem: it is no private key in PEM; /)
      assert.deepStrictEqual(seqs(folder), [5, 6])
    }))
})
