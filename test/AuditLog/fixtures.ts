import { createHash } from "node:crypto"
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import Sqlite from "better-sqlite3"
import * as Effect from "effect/Effect"
import { AuditLog } from "../../src/AuditLog.ts"
import type { AuditCheckpoint, AuditDraft, AuditType } from "../../src/Domain/Audit.ts"
import { RunId } from "../../src/Domain/Ids.ts"
import { verifyFile } from "../../src/JobStore/AuditFile.ts"
import { layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { jobId, t0 } from "../JobStore/fixtures.ts"

/** A stored entry, as any SQLite gives it. */
export type Row = Readonly<Record<string, string | number | null>>

const types: ReadonlyArray<AuditType> = ["CronJobCreated", "CronJobExecuted", "CronJobFailed", "ClockJumped"]

/** The n-th event of a log, all kinds of values among them. */
export const nthEvent = (n: number): AuditDraft => ({
  type: types[n % types.length] ?? "ClockJumped",
  actor: n % 3 === 0 ? "scheduler" : "cli",
  time: t0 + n * 60_000,
  job_id: n % 5 === 0 ? null : jobId(n % 7),
  job_name: n % 5 === 0 ? null : `job-${n % 7}`,
  run_id: n % 4 === 1 ? RunId.make(`run_${String(n).padStart(26, "0")}`) : null,
  reason: n % 2 === 0 ? null : `because of ${n}: it’s so`,
  before: n % 6 === 0 ? { status: "active", n } : null,
  after: n % 6 < 2 ? { status: "paused", list: [n, null, "ü"] } : null
})

// In memory where the system has a folder there: what is read and written hundreds of times needs no disk.
const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir()

/** A fresh folder for databases; it goes with the scope. */
export const databases = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(place, "symbi-audit-test-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** A database file whose log has this many entries; nothing uses it any more. */
export const logOf = (file: string, count: number) =>
  Effect.gen(function* () {
    const log = yield* AuditLog
    for (let n = 0; n < count; n += 10) {
      const some = Array.from({ length: Math.min(10, count - n) }, (_, i) => nthEvent(n + i))
      yield* log.append(some, t0)
    }
    return yield* log.head
  }).pipe(Effect.provide(layerSqlite(file)), Effect.orDie)

/** All entries of a database file. */
export const rowsOf = (file: string): ReadonlyArray<Row> => {
  const database = new Sqlite(file, { readonly: true })
  const rows = database.prepare("SELECT * FROM audit ORDER BY seq").all() as ReadonlyArray<Row>
  database.close()
  return rows
}

/** A copy of a database, changed by someone who knows SQL: without the guards against slips. */
export const tampered = (file: string, copy: string, ...statements: ReadonlyArray<string>): string => {
  copyFileSync(file, copy)
  const database = new Sqlite(copy)
  const triggers = database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'")
  for (const name of triggers.pluck().all()) database.exec(`DROP TRIGGER ${name}`)
  for (const statement of statements) database.exec(statement)
  database.pragma("wal_checkpoint(TRUNCATE)")
  database.close()
  return copy
}

/** What is found in a database file. */
export const verdictOf = (file: string, checkpoints: ReadonlyArray<AuditCheckpoint> = []) =>
  Effect.provide(verifyFile(file, checkpoints), NodeContext.layer)

const columns = "seq id time type actor job_id job_name run_id reason before after".split(" ")

/** The hash of an entry by the words of the documentation, not by the program. */
export const hashByHand = (previous: string, row: Row): string => {
  const hash = createHash("sha256").update(previous, "utf8")
  for (const column of columns) {
    const value = row[column] ?? null
    const bytes = value === null ? Buffer.alloc(0) : Buffer.from(`${value}`, "utf8")
    const storage = value === null ? "null" : typeof value === "number" ? "integer" : "text"
    hash.update(Buffer.concat([Buffer.from(`${storage}:${bytes.length}:`), bytes]))
  }
  return hash.digest("hex")
}

/** The hashes of a whole log, computed by hand. */
export const hashesByHand = (rows: ReadonlyArray<Row>) => {
  const hashes: Array<string> = []
  for (const row of rows) hashes.push(hashByHand(hashes.at(-1) ?? "0".repeat(64), row))
  return hashes
}
