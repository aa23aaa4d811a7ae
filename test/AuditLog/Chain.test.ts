import { createHash } from "node:crypto"
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { assert, describe, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { AuditLog, contentSql, genesis } from "../../src/AuditLog.ts"
import type { AuditDraft } from "../../src/Domain/Audit.ts"
import { JobName, JobNameTaken } from "../../src/Domain/Job.ts"
import { migrations } from "../../src/JobStore/Migrations.ts"
import { layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { insert, jobId, nthJob, t0 } from "../JobStore/fixtures.ts"
import { databases, hashesByHand, logOf, nthEvent, rowsOf, verdictOf } from "./fixtures.ts"

const jumped = (reason: string, more: Partial<AuditDraft> = {}): AuditDraft => ({
  type: "ClockJumped",
  actor: "scheduler",
  reason,
  ...more
})

describe("the chain of the audit log", () => {
  it.scoped("is what its documentation says, for all that texts can hold", () =>
    Effect.gen(function* () {
      const file = `${yield* databases}/a.db`
      const texts = ["", "null:0:", "a\u0000b", "half \ud83d", "\udc00", "\u{1F600}", "'; --", "é\r\n\t", "\uFFFD", "7"]
      yield* Effect.gen(function* () {
        const log = yield* AuditLog
        assert.deepStrictEqual(yield* log.head, genesis)
        assert.deepStrictEqual(yield* log.verify(), { ok: true, entries: 0, head: genesis })
        yield* Effect.forEach(
          texts,
          (text) =>
            log.append([jumped(text, { job_name: text, before: text, after: { [text]: [text, 1.5, -0] } })], t0),
          { concurrency: "unbounded" }
        )
        yield* log.append([], t0)
        const verdict = yield* log.verify()
        assert.deepStrictEqual(verdict, { ok: true, entries: texts.length, head: yield* log.head })
      }).pipe(Effect.provide(layerSqlite(file)))
      const rows = rowsOf(file)
      assert.deepStrictEqual(
        rows.map((row) => row["hash"]),
        hashesByHand(rows)
      )
    })
  )

  it.scoped("can be verified with SQL and any SHA-256", () =>
    Effect.gen(function* () {
      const file = `${yield* databases}/a.db`
      yield* logOf(file, 25)
      const database = new Sqlite(file, { readonly: true })
      const rows = database
        .prepare(`SELECT seq, hash, ${contentSql} AS content,
          lag(hash, 1, printf('%064d', 0)) OVER (ORDER BY seq) AS previous FROM audit ORDER BY seq`)
        .all() as ReadonlyArray<{ seq: number; hash: string; content: Buffer; previous: string }>
      database.close()
      assert.strictEqual(rows.length, 25)
      for (const { content, hash, previous, seq } of rows) {
        const place = `${previous}integer:${String(seq).length}:${seq}`
        assert.strictEqual(createHash("sha256").update(place).update(content).digest("hex"), hash)
      }
    })
  )

  it.scoped("goes on through many entries at once, through writes that fail, and through restarts", () =>
    Effect.gen(function* () {
      const file = `${yield* databases}/a.db`
      const layer = layerSqlite(file)
      yield* Effect.gen(function* () {
        const log = yield* AuditLog
        const store = yield* JobStore
        yield* log.append(
          Array.from({ length: 1_203 }, (_, n) => nthEvent(n)),
          t0
        )
        // Those that fail share transactions with those that do not.
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 40 }, (_, n) => n),
          (n) =>
            Effect.either(
              n % 3 === 0 ? insert(nthJob(n, { name: JobName.make("same") })) : log.append([jumped(`${n}`)], t0)
            ),
          { concurrency: "unbounded" }
        )
        const failed = outcomes.filter(Either.isLeft)
        assert.strictEqual(failed.length, 13)
        assert.isTrue(failed.every(({ left }) => left instanceof JobNameTaken))
        assert.strictEqual((yield* store.listJobs({ limit: 9 })).items.length, 1)
        assert.strictEqual((yield* log.head).count, 1_203 + 26 + 1)
      }).pipe(Effect.provide(layer))
      yield* Effect.gen(function* () {
        const log = yield* AuditLog
        yield* log.append([jumped("after the restart")], t0)
        const verdict = yield* log.verify()
        assert.deepStrictEqual(verdict, { ok: true, entries: 1_231, head: yield* log.head })
      }).pipe(Effect.provide(layer))
      const rows = rowsOf(file)
      assert.deepStrictEqual(
        rows.map((row) => row["hash"]),
        hashesByHand(rows)
      )
    })
  )

  it.scoped("takes in what an older version wrote", () =>
    Effect.gen(function* () {
      const file = `${yield* databases}/a.db`
      const older = Object.fromEntries(Object.entries(migrations).filter(([name]) => name < "0007"))
      const old = Array.from({ length: 1_100 }, (_, n) => ({
        id: `aud_${String(n).padStart(26, "0")}`,
        time: t0 + n * 3_600_000,
        type: "CronJobExecuted",
        actor: "scheduler",
        job_id: jobId(n % 3),
        job_name: `job-${n % 3}`,
        run_id: null,
        reason: n % 2 === 0 ? "older" : null,
        before: null,
        after: `{ "spaced" : ${n} }`
      }))
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* Migrator.make({})({ loader: Migrator.fromRecord(older) })
        yield* sql`INSERT INTO audit ${sql.insert(old)}`
      }).pipe(Effect.provide(SqliteClient.layer({ filename: file })))
      const before = rowsOf(file)

      const unchained = yield* verdictOf(file)
      assert.isFalse(unchained.ok)
      yield* Effect.gen(function* () {
        const log = yield* AuditLog
        yield* log.append([jumped("newer", { time: t0 + 2_000 * 3_600_000 })], t0)
        assert.deepStrictEqual(yield* log.verify(), { ok: true, entries: 1_101, head: yield* log.head })
        const { items } = yield* log.query({ since: t0 + 1_098 * 3_600_000, limit: 10 })
        assert.deepStrictEqual(
          items.map(({ reason }) => reason),
          ["newer", null, "older"]
        )
      }).pipe(Effect.provide(layerSqlite(file)))
      const rows = rowsOf(file)
      assert.deepStrictEqual(
        rows.slice(0, -1).map(({ hash: _, ...row }) => row),
        before as Array<never>
      )
      assert.deepStrictEqual(
        rows.map((row) => row["hash"]),
        hashesByHand(rows)
      )
    })
  )

  it.scoped("belongs to a table that refuses changes by mistake", () =>
    Effect.gen(function* () {
      const file = `${yield* databases}/a.db`
      yield* logOf(file, 3)
      const database = new Sqlite(file)
      for (const statement of [
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit_head"
      ]) {
        assert.throws(() => database.exec(statement), /the audit log is append-only/)
      }
      const columns = "id, time, type, actor, hash"
      const copied = `'aud_x', 0, 'ClockJumped', 'x', hash FROM audit WHERE seq = 3`
      for (const statement of [
        `INSERT INTO audit (${columns}) SELECT ${copied}`,
        `INSERT OR REPLACE INTO audit (seq, ${columns}) SELECT 2, ${copied}`,
        `INSERT INTO audit (seq, ${columns}) VALUES (4, 'aud_x', 0, 'ClockJumped', 'x', '')`
      ]) {
        assert.throws(() => database.exec(statement), /the audit log is written by the service alone/)
      }
      database.close()
      assert.isTrue((yield* verdictOf(file)).ok)
    })
  )
})
