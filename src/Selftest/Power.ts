import { closeSync, openSync, readSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import Sqlite from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { JobDefinition } from "../Domain/Job.ts"
import { verifyFile } from "../JobStore/AuditFile.ts"
import { eventually, type Running, startService } from "./Child.ts"
import { ledgerViolations } from "./Ledger.ts"
import { writeLoad } from "./Load.ts"
import type { Place } from "./Place.ts"
import { makeReceiver, type Receiver } from "./Receiver.ts"
import { claimed, counted, type Finding, NotSeen, some } from "./Report.ts"
import { failedRuns } from "./Rest.ts"
import { numbers } from "./SimulationPlan.ts"
import { damageOf, openStored, readStored } from "./Stored.ts"

/** Ended runs before the power goes. */
const worked = 12

const decodeDefinition = Schema.decodeUnknown(JobDefinition)

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

/** Numbers of the log's index are in the order of the machine. */
const numberIn = (index: Buffer, at: number): number =>
  index.readUInt32LE(0) < 2 ** 24 ? index.readUInt32LE(at) : index.readUInt32BE(at)

const endOf = (wal: Buffer, frames: number): number => headerBytes + frames * (frameHeaderBytes + wal.readUInt32BE(8))

const leftIn = Effect.fnUntraced(function* (file: string, made: number) {
  const [db, wal, index] = yield* Effect.promise(() =>
    Promise.all([readFile(file), readFile(`${file}-wal`), readFile(`${file}-shm`)])
  )
  const to = endOf(wal, numberIn(index, maxFrameAt))
  return {
    db,
    wal,
    from: Math.max(endOf(wal, numberIn(index, checkpointedAt)), Math.min(made, to)),
    to
  } satisfies Left
})

/** What a service let others know of, and how far its log went just then, in frames. */
interface Acknowledged {
  readonly what: string
  readonly frames: number
}

/** Tells at any moment how far the log of a database goes, in frames. One descriptor: to close it gives up SQLite's locks. */
const openIndex = (file: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => openSync(`${file}-shm`, "r")),
      (open) => Effect.sync(() => closeSync(open))
    ),
    (open) => () => {
      const index = Buffer.alloc(headerBytes)
      readSync(open, index, 0, headerBytes, 0)
      return numberIn(index, maxFrameAt)
    }
  )

const jobNamed = (name: string) => `job ${name}`
const deliveryOf = (id: string) => `delivery ${id}`

/** Creates jobs beside a service's work until enough runs have ended; gives all that was acknowledged until then. */
const workedOn = Effect.fnUntraced(function* (service: Running, file: string, receiver: Receiver) {
  const db = yield* openStored(file)
  const frames = yield* openIndex(file)
  const ended = db.prepare("SELECT count(*) FROM runs WHERE finished_at IS NOT NULL").pluck()
  const all: Array<Acknowledged> = []
  const told = new Set<string>()
  const look = Effect.gen(function* () {
    const name = `kept-${all.length}`
    const payload = yield* decodeDefinition({ name, agent_id: "quick", cron_expr: "0 0 1 1 *" })
    yield* Effect.mapError(
      service.client.schedule.create({ payload }),
      ({ message }) => new NotSeen({ message: `a job could not be created: ${message}` })
    )
    const now = frames()
    all.push({ what: jobNamed(name), frames: now })
    for (const id of receiver.taken.keys()) {
      if (!told.has(id)) all.push({ what: deliveryOf(id), frames: now })
      told.add(id)
    }
    return Number(ended.get()) >= worked ? all : undefined
  })
  return yield* eventually("runs of the service", look)
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
    kept: new Set([
      ...found.stored.jobs.map(({ name }) => jobNamed(name)),
      ...found.stored.deliveries.map(({ id }) => deliveryOf(id))
    ]),
    failed: failedRuns(found.stored),
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
 * garbage behind the cut: what then opens must be whole, as it was after one commit or another, and hold all that was
 * acknowledged while the log went no further than the cut.
 */
export const powerLoss = Effect.fn("Selftest.powerLoss")(function* (place: Place, cuts: number) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const random = numbers(place.seed + 1)
  const receiver = yield* makeReceiver
  const folder = yield* writeLoad(place, "power", receiver.url, 4)
  const file = path.join(folder, ".symbi", "symbiont.db")
  yield* place.progress("a service works")
  const { acknowledged, left } = yield* Effect.scoped(
    Effect.gen(function* () {
      const service = yield* startService(place, folder)
      const made = Number((yield* fs.stat(`${file}-wal`)).size)
      const all = yield* workedOn(service, file, receiver)
      yield* service.signal("SIGKILL")
      yield* service.exitCode
      const left = yield* leftIn(file, made)
      return { left, acknowledged: all.map(({ frames, what }) => ({ what, at: endOf(left.wal, frames) })) }
    })
  )
  // Here what was acknowledged too early would be lost.
  const moments = acknowledged.map(({ at }) => at).filter((at) => at >= left.from && at <= left.to)
  const problems: Array<string> = []
  const kept: Array<number> = []
  let failed: ReadonlyArray<string> = []
  let required = 0
  for (let n = 0; n < cuts; n++) {
    yield* place.progress(`cut ${n + 1} of ${cuts}`)
    const anywhere = left.from + random(Math.max(1, left.to - left.from))
    const at = n % 2 === 0 ? anywhere : (moments[random(moments.length)] ?? anywhere)
    const target = path.join(place.folder, "cuts", String(n))
    const copy = path.join(target, "symbiont.db")
    yield* fs.makeDirectory(target, { recursive: true })
    const start = left.wal.subarray(0, at)
    const garbage = Buffer.alloc(random(2) === 0 ? 0 : left.wal.length - at, 0xa5)
    yield* Effect.promise(() => writeFile(copy, left.db))
    yield* Effect.promise(() => writeFile(`${copy}-wal`, Buffer.concat([start, garbage])))
    const found = yield* examine(copy)
    kept.push(found.runs)
    const due = acknowledged.filter((one) => one.at <= at)
    required += due.length
    const lost = due.filter(({ what }) => !found.kept.has(what)).map(({ what }) => what)
    const wrong = [...(lost.length === 0 ? [] : [`acknowledged, and lost: ${some(lost)}`]), ...found.problems]
    if (found.failed.length > failed.length) failed = found.failed
    if (wrong.length === 0) yield* fs.remove(target, { recursive: true })
    else problems.push(...wrong.slice(0, 5).map((problem) => `cut ${n} at byte ${at}: ${problem}`))
  }
  problems.unshift(...failed)
  const [fewest, most] = [Math.min(...kept), Math.max(...kept)]
  return {
    summary: `${counted(cuts, "power loss", "power losses")}: the log of changes cut at any byte, with ${fewest} to ${most} runs in it${claimed(problems, `; each time a whole database and ledger, with all that was acknowledged until then (${counted(acknowledged.length, "job or delivery", "jobs and deliveries")} in the end)`)}`,
    warnings: [],
    problems,
    counts: { cuts, fewest_runs: fewest, most_runs: most, acknowledged: acknowledged.length, required }
  } satisfies Finding
}, Effect.scoped)
