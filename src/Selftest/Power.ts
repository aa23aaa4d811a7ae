import { readFile, writeFile } from "node:fs/promises"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import Sqlite from "better-sqlite3"
import * as Effect from "effect/Effect"
import { verifyFile } from "../JobStore/AuditFile.ts"
import { eventually, startService } from "./Child.ts"
import { ledgerViolations } from "./Ledger.ts"
import { writeLoad } from "./Load.ts"
import type { Place } from "./Place.ts"
import { makeReceiver } from "./Receiver.ts"
import { counted, type Finding } from "./Report.ts"
import { numbers } from "./SimulationPlan.ts"
import { damageOf, openStored, readStored } from "./Stored.ts"

/** Ended runs before the power goes. */
const worked = 12

/** What a killed service left of its database, its log of changes (WAL), and how far that goes, in bytes. */
interface Left {
  readonly db: Buffer
  readonly wal: Buffer
  /** Before this nothing is cut: it is in the database already, or is the making of the database. */
  readonly from: number
  readonly to: number
}

// sqlite.org/walformat.html: the header and each frame of the log, and what its index tells of both.
const headerBytes = 32
const frameHeaderBytes = 24
const maxFrameAt = 16
const checkpointedAt = 96

const leftIn = Effect.fnUntraced(function* (file: string, made: number) {
  const [db, wal, index] = yield* Effect.promise(() =>
    Promise.all([readFile(file), readFile(`${file}-wal`), readFile(`${file}-shm`)])
  )
  const frame = frameHeaderBytes + wal.readUInt32BE(8)
  const little = index.readUInt32LE(0) < 2 ** 24
  const numberAt = (at: number) => (little ? index.readUInt32LE(at) : index.readUInt32BE(at))
  const end = (frames: number) => headerBytes + frames * frame
  const to = end(numberAt(maxFrameAt))
  return { db, wal, from: Math.max(end(numberAt(checkpointedAt)), Math.min(made, to)), to } satisfies Left
})

/** Opens what a power loss left as a service does, and gives what is wrong with it, and the runs in it. */
const examine = Effect.fnUntraced(function* (file: string) {
  const found = yield* Effect.acquireUseRelease(
    Effect.sync(() => new Sqlite(file)),
    (db) => Effect.sync(() => ({ damage: damageOf(db), stored: readStored(db) })),
    (db) => Effect.sync(() => db.close())
  )
  const verdict = yield* verifyFile(file, [])
  return {
    runs: found.stored.runs.length,
    problems: [
      ...found.damage,
      // What was under way is to be gone on with.
      ...ledgerViolations(found.stored)
        .filter(({ law }) => law !== "at_rest")
        .map(({ message, subject }) => `${subject}: ${message}`),
      ...(verdict.ok ? [] : [`the audit log is broken at entry ${verdict.broken.seq}: ${verdict.broken.detail}`])
    ]
  }
})

/**
 * Cuts the log of changes of a service at work at any byte that a power loss may cut it at, half of the times with
 * garbage behind the cut: what then opens must be whole, and as it was after one commit or another.
 */
export const powerLoss = Effect.fn("Selftest.powerLoss")(function* (place: Place, cuts: number) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const random = numbers(place.seed + 1)
  const receiver = yield* makeReceiver
  const folder = yield* writeLoad(place, "power", receiver.url, 4)
  const file = path.join(folder, ".symbi", "symbiont.db")
  yield* place.progress("a service works")
  const left = yield* Effect.scoped(
    Effect.gen(function* () {
      const service = yield* startService(place, folder)
      const made = Number((yield* fs.stat(`${file}-wal`)).size)
      const db = yield* openStored(file)
      const ended = db.prepare("SELECT count(*) FROM runs WHERE status = 'succeeded'").pluck()
      yield* eventually(
        "runs of the service",
        Effect.sync(() => (Number(ended.get()) >= worked ? true : undefined))
      )
      yield* service.signal("SIGKILL")
      yield* service.exitCode
      return yield* leftIn(file, made)
    })
  )
  const problems: Array<string> = []
  const kept: Array<number> = []
  for (let n = 0; n < cuts; n++) {
    yield* place.progress(`cut ${n + 1} of ${cuts}`)
    const at = left.from + random(Math.max(1, left.to - left.from))
    const target = path.join(place.folder, "cuts", String(n))
    const copy = path.join(target, "symbiont.db")
    yield* fs.makeDirectory(target, { recursive: true })
    const start = left.wal.subarray(0, at)
    const garbage = Buffer.alloc(random(2) === 0 ? 0 : left.wal.length - at, 0xa5)
    yield* Effect.promise(() => writeFile(copy, left.db))
    yield* Effect.promise(() => writeFile(`${copy}-wal`, Buffer.concat([start, garbage])))
    const found = yield* examine(copy)
    kept.push(found.runs)
    if (found.problems.length === 0) yield* fs.remove(target, { recursive: true })
    else problems.push(...found.problems.slice(0, 5).map((problem) => `cut ${n} at byte ${at}: ${problem}`))
  }
  const [fewest, most] = [Math.min(...kept), Math.max(...kept)]
  return {
    summary: `${counted(cuts, "power loss", "power losses")}: the log of changes cut at any byte, with ${fewest} to ${most} runs in it; each time a whole database and ledger`,
    warnings: [],
    problems,
    counts: { cuts, fewest_runs: fewest, most_runs: most }
  } satisfies Finding
}, Effect.scoped)
