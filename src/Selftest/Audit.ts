import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import Sqlite from "better-sqlite3"
import * as Effect from "effect/Effect"
import { keptIn, verifyKept } from "../AuditLog.ts"
import { verifyFile } from "../JobStore/AuditFile.ts"
import { killLoop } from "./KillLoop.ts"
import type { Place } from "./Place.ts"
import { claimed, counted, type Finding } from "./Report.ts"

const database = "symbiont.db"

/** Verifies the log of a data folder as `symbi audit verify --data` does. */
const verify = Effect.fnUntraced(function* (data: string) {
  const path = yield* Path.Path
  const kept = yield* keptIn(data)
  return yield* verifyKept((checkpoints) => verifyFile(path.join(data, database), checkpoints), kept, [])
})

/** What somebody may do to a log who can write to its file. The last is found by the checkpoints beside it alone. */
const tamperings: Readonly<Record<string, ReadonlyArray<string>>> = {
  "an entry was changed": ["UPDATE audit SET actor = 'nobody' WHERE seq = (SELECT max(seq) / 2 FROM audit)"],
  "an entry was taken out": ["DELETE FROM audit WHERE seq = (SELECT max(seq) / 2 FROM audit)"],
  "the last entries were cut off": [
    "DELETE FROM audit WHERE seq > (SELECT max(seq) / 2 FROM audit)",
    `UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1),
      count = (SELECT count(*) FROM audit)`
  ]
}

const tamper = (file: string, statements: ReadonlyArray<string>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Sqlite(file)),
    (db) =>
      Effect.sync(() => {
        for (const name of ["audit_no_update", "audit_no_delete"]) db.exec(`DROP TRIGGER IF EXISTS ${name}`)
        for (const statement of statements) db.exec(statement)
      }),
    (db) => Effect.sync(() => db.close())
  )

/**
 * Verifies the logs that the other parts left in the place's folder, or one of its own; then changes copies of the first,
 * each of which must be found out.
 */
export const auditChains = Effect.fn("Selftest.auditChains")(function* (place: Place) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const dataOf = (name: string) => path.join(place.folder, name, ".symbi")
  const written = yield* Effect.filter(["kill", "full"], (name) => fs.exists(path.join(dataOf(name), database)))
  if (written.length === 0) yield* killLoop(place, 1)
  const logs = written.length === 0 ? ["kill"] : written
  const problems: Array<string> = []
  let entries = 0
  yield* place.progress("verifying")
  for (const name of logs) {
    const verdict = yield* verify(dataOf(name))
    if (verdict.ok) entries += verdict.entries
    else problems.push(`the log of "${name}" is broken at entry ${verdict.broken.seq}: ${verdict.broken.detail}`)
  }
  const found: Array<string> = []
  for (const [what, statements] of Object.entries(tamperings)) {
    const copy = path.join(place.folder, "tampered", String(found.length))
    yield* fs.copy(dataOf(logs[0] ?? "kill"), copy, { overwrite: true })
    yield* tamper(path.join(copy, database), statements)
    const verdict = yield* verify(copy)
    if (verdict.ok) problems.push(`not found out in a copy of the log: ${what}`)
    else found.push(what)
  }
  return {
    summary: `${counted(entries, "entry", "entries")} of ${counted(logs.length, "log")}${claimed(problems, ": the chain is whole")}. Found out in copies: ${found.join(", ") || "nothing"}`,
    warnings: [],
    problems,
    counts: { entries, logs: logs.length, tampered: found.length }
  } satisfies Finding
})
