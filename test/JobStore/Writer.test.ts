import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Ids } from "../../src/Domain/Ids.ts"
import { Counters } from "../../src/JobStore/Counters.ts"
import { layerDatabase } from "../../src/JobStore/Database.ts"
import { migrations } from "../../src/JobStore/Migrations.ts"
import { SqliteAudit } from "../../src/JobStore/SqliteAudit.ts"
import { Tally } from "../../src/JobStore/Tally.ts"
import { Writer } from "../../src/JobStore/Writer.ts"

const writer = Writer.Default.pipe(
  Layer.provide(Layer.mergeAll(SqliteAudit.Default, Counters.Default, Tally.Default)),
  Layer.provide(Ids.Default)
)

const inMemory = writer.pipe(Layer.provideMerge(layerDatabase(":memory:")), Layer.orDie)

const withTable = <A, E>(body: Effect.Effect<A, E, Writer | SqlClient>) =>
  Effect.flatMap(SqlClient, (sql) => Effect.zipRight(sql`CREATE TABLE t (n INTEGER UNIQUE, text TEXT)`, body)).pipe(
    Effect.provide(inMemory)
  )

const add = (n: number, text = "") => Effect.flatMap(SqlClient, (sql) => sql`INSERT INTO t ${sql.insert({ n, text })}`)

const numbers = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(sql`SELECT n FROM t ORDER BY rowid`, (rows) => rows.map((row) => row["n"]))
)

/** The driver's code below a defect, such as SQLITE_FULL. */
const sqliteCode = (exit: Exit.Exit<unknown, unknown>): unknown => {
  const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  const cause = defect instanceof SqlError ? defect.cause : undefined
  return typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined
}

describe("group commit", () => {
  it.effect("a write that fails takes no other with it, however it fails", () =>
    withTable(
      Effect.gen(function* () {
        const { commit } = yield* Writer
        const context = yield* Effect.context<SqlClient>()
        const write = (n: number) => {
          const rest =
            n === 3 ? Effect.fail("typed" as const) : n === 5 ? Effect.die("defect") : n === 7 ? add(6) : Effect.void
          return Effect.exit(commit(Effect.provide(Effect.andThen(add(n), rest), context)))
        }
        const exits = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], write, { concurrency: "unbounded" })
        assert.deepStrictEqual(
          exits.map((exit) => exit._tag),
          ["Success", "Success", "Failure", "Success", "Failure", "Success", "Failure", "Success"]
        )
        assert.deepStrictEqual(exits[2], Exit.fail("typed"))
        assert.deepStrictEqual(exits[4], Exit.die("defect"))
        assert.strictEqual(sqliteCode(exits[6] ?? Exit.void), "SQLITE_CONSTRAINT_UNIQUE")
        assert.deepStrictEqual(yield* numbers, [1, 2, 4, 6, 8])
      })
    )
  )

  it.effect("writes are done in the order they were asked for, and seen when they return", () =>
    withTable(
      Effect.gen(function* () {
        const { commit } = yield* Writer
        const sql = yield* SqlClient
        const asked = Array.from({ length: 1_000 }, (_, n) => n)
        const seen = yield* Effect.forEach(
          asked,
          (n) =>
            Effect.zipRight(commit(Effect.provideService(add(n), SqlClient, sql)), sql`SELECT 1 FROM t WHERE n = ${n}`),
          { concurrency: "unbounded" }
        )
        assert.isTrue(seen.every((rows) => rows.length === 1))
        assert.deepStrictEqual(yield* numbers, asked)
      })
    )
  )

  it.effect("a caller that is interrupted has its write done all the same", () =>
    withTable(
      Effect.gen(function* () {
        const { commit } = yield* Writer
        const sql = yield* SqlClient
        const fiber = yield* Effect.fork(commit(Effect.provideService(add(1), SqlClient, sql)))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        yield* commit(Effect.provideService(add(2), SqlClient, sql))
        assert.deepStrictEqual(yield* numbers, [1, 2])
      })
    )
  )

  it.effect("closing does what was asked for before, and refuses what comes after", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* sql`CREATE TABLE t (n INTEGER UNIQUE, text TEXT)`
      const scope = yield* Scope.make()
      const { commit } = Context.get(yield* Layer.buildWithScope(writer, scope), Writer)
      const asked = Array.from({ length: 600 }, (_, n) => n)
      const fibers = yield* Effect.forEach(asked, (n) =>
        Effect.fork(commit(Effect.provideService(add(n), SqlClient, sql)))
      )
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      yield* Effect.forEach(fibers, Fiber.join)
      assert.strictEqual((yield* numbers).length, 600)
      const late = yield* Effect.exit(commit(Effect.provideService(add(601), SqlClient, sql)))
      assert.isTrue(Exit.isFailure(late) && Cause.isDie(late.cause))
    }).pipe(Effect.provide(Layer.orDie(layerDatabase(":memory:"))))
  )

  it.effect("a full disk fails the writes that do not fit, by its code, and later ones work again", () =>
    withTable(
      Effect.gen(function* () {
        const { commit } = yield* Writer
        const sql = yield* SqlClient
        const write = (n: number, text: string) =>
          Effect.exit(commit(Effect.provideService(add(n, text), SqlClient, sql)))
        yield* sql`PRAGMA max_page_count = 20`
        const big = "x".repeat(200_000)
        const exits = yield* Effect.forEach([1, 2, 3], (n) => write(n, n === 2 ? big : ""), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(
          exits.map((exit) => exit._tag),
          ["Success", "Failure", "Success"]
        )
        assert.strictEqual(sqliteCode(exits[1] ?? Exit.void), "SQLITE_FULL")
        assert.strictEqual(sqliteCode(yield* write(4, big)), "SQLITE_FULL")
        yield* sql`PRAGMA max_page_count = 100000`
        assert.strictEqual((yield* write(5, big))._tag, "Success")
        assert.deepStrictEqual(yield* numbers, [1, 3, 5])
        // A transaction left open would refuse this one.
        yield* sql.withTransaction(sql`DELETE FROM t`)
      })
    )
  )
})

describe("what is audited", () => {
  const stored = Effect.gen(function* () {
    const { commit } = yield* Writer
    const audit = yield* SqliteAudit
    const sql = yield* SqlClient
    const note = (n: number) => audit.append([{ type: "ClockJumped", actor: "test", reason: `${n}` }], 0)
    const entries = Effect.map(sql`SELECT seq, reason FROM audit ORDER BY seq`, (rows) =>
      rows.map((row) => [row["seq"], row["reason"]])
    )
    return { commit, note, entries }
  })
  const withLog = <A, E>(body: Effect.Effect<A, E, Writer | SqliteAudit | SqlClient>) =>
    Effect.zipRight(
      Effect.flatMap(SqlClient, (sql) =>
        Effect.forEach(Object.values(migrations), (migration) => Effect.provideService(migration, SqlClient, sql))
      ),
      body
    ).pipe(
      Effect.provide(
        Writer.Default.pipe(
          Layer.provideMerge(Layer.mergeAll(SqliteAudit.Default, Counters.Default, Tally.Default)),
          Layer.provide(Ids.Default),
          Layer.provideMerge(layerDatabase(":memory:")),
          Layer.orDie
        )
      )
    )

  it.effect("stays with its write: one that fails in a batch leaves no entry, the others theirs, without a gap", () =>
    withLog(
      Effect.gen(function* () {
        const { commit, entries, note } = yield* stored
        const writes = Array.from({ length: 10 }, (_, n) =>
          Effect.either(commit(n % 3 === 1 ? Effect.zipRight(note(n), Effect.fail("refused")) : note(n)))
        )
        yield* Effect.all(writes, { concurrency: "unbounded" })
        assert.deepStrictEqual(
          yield* entries,
          [0, 2, 3, 5, 6, 8, 9].map((n, index) => [index + 1, `${n}`])
        )
        yield* commit(note(10))
        assert.deepStrictEqual((yield* entries).at(-1), [8, "10"])
      })
    )
  )
})
