import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { verifyFile } from "../../src/JobStore/AuditFile.ts"
import { layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { LedgerDelivery, LedgerRun, ledgerViolations, slotsEvery } from "../../src/Selftest/Ledger.ts"
import { failure, scriptedAgent, storeInFile } from "../../src/testing.ts"
import { cutBetween, type Durable, type Random } from "../support/Cuts.ts"
import { create, engine } from "../support/Engine.ts"
import { folderWith } from "../support/Service.ts"

const cuts = Number(process.env["SYMBI_TEST_CUTS"] ?? 40)
const seed = Number(process.env["SYMBI_TEST_SEED"] ?? Date.now() % 1_000_000)
const steps = 40

// mulberry32
const randomOf = (start: number): Random => {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const Head = Schema.Struct({ seq: Schema.Number, hash: Schema.String })
const Job = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  version: Schema.Number,
  anchor: Schema.Number,
  next_run: Schema.NullOr(Schema.Number)
})
const Run = Schema.Struct({
  ...LedgerRun.fields,
  finished_at: Schema.NullOr(Schema.Number),
  output: Schema.NullOr(Schema.String)
})

const decodeRows = Schema.decodeUnknownSync(
  Schema.Struct({
    heads: Schema.Array(Head),
    jobs: Schema.Array(Job),
    runs: Schema.Array(Run),
    deliveries: Schema.Array(LedgerDelivery)
  })
)
type Rows = ReturnType<typeof decodeRows>

const rowsIn = (db: Database.Database): Rows =>
  decodeRows({
    heads: db.prepare("SELECT seq, hash FROM audit_head WHERE one = 1").all(),
    jobs: db.prepare("SELECT id, name, version, anchor, next_run FROM jobs WHERE deleted_at IS NULL").all(),
    runs: db.prepare("SELECT * FROM runs").all(),
    deliveries: db.prepare("SELECT * FROM deliveries").all()
  })

/** A moment of the trace, and what was acknowledged up to it. */
interface Moment extends Durable {
  readonly rows: Rows
  readonly did: string
}

const opened = (file: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Database(file)),
    (db) => Effect.sync(() => db.close())
  )

const Frames = Schema.decodeUnknownSync(
  Schema.Tuple(Schema.Struct({ log: Schema.Number, checkpointed: Schema.Number }))
)

/** Pages in the log that are not in the database yet. */
const framesIn = (db: Database.Database): number => {
  const [{ checkpointed, log }] = Frames(db.pragma("wal_checkpoint(NOOP)"))
  return log - checkpointed
}

/** Works on a store in a file, and keeps both of its files as they are after each acknowledged change. */
const trace = Effect.fnUntraced(function* (file: string, random: Random) {
  const db = yield* opened(file)
  const moments: Array<Moment> = []
  const note = (did: string) =>
    Effect.sync(() => {
      moments.push({ did, rows: rowsIn(db), db: readFileSync(file), wal: readFileSync(`${file}-wal`) })
    })
  const jobs = yield* Jobs
  const pick = <A>(some: readonly [A, ...ReadonlyArray<A>]): A => some[Math.floor(random() * some.length)] ?? some[0]
  let created = 0
  const add = Effect.suspend(() => {
    const name = `tick-${created++}`
    const fields = { every: `${1 + Math.floor(random() * 3)}s`, misfire: pick(["run_once", "run_all", "skip"]) }
    return create({ name, ...fields, agent_id: pick(["good", "bad"]), delivery: ["stdout"] })
  })
  yield* note("begin")
  for (let n = 0; n < 4; n++) {
    yield* add
    yield* note("add")
  }
  for (let n = 0; n < steps; n++) {
    const kind = random()
    // SQLite would begin a checkpoint of its own at 1,000 pages, and both files be under way.
    if (kind < 0.15 || framesIn(db) > 300) {
      db.pragma(`wal_checkpoint(${pick(["PASSIVE", "FULL", "RESTART"])})`)
      yield* note("checkpoint")
    } else if (kind < 0.27) {
      yield* add
      yield* note("add")
    } else if (kind < 0.37) {
      yield* jobs.runNow(`tick-${Math.floor(random() * created)}`, { actor: "test" }).pipe(Effect.ignore)
      yield* note("run")
    } else {
      for (let seconds = pick([1, 1, 2, 5]); seconds > 0; seconds--) {
        yield* TestClock.adjust(1_000)
        yield* note("time")
      }
    }
  }
  return moments
})

/** Opens what a cut left as a service does at its start, and gives what is wrong with it. */
const recovered = Effect.fnUntraced(function* (folder: string, cut: Durable, { rows: promised }: Moment) {
  mkdirSync(folder)
  const file = join(folder, "symbiont.db")
  writeFileSync(file, cut.db)
  writeFileSync(`${file}-wal`, cut.wal)
  // The index of the log is never synced: it is missing, or holds anything.
  if (cut.wal.length % 3 > 0) writeFileSync(`${file}-shm`, Buffer.alloc(32_768, 0x5a))
  const wrong: Array<string> = []
  yield* Effect.flatMap(JobStore, ({ counts }) => counts).pipe(
    Effect.provide(layerSqlite(file)),
    Effect.catchAllCause((cause) => Effect.sync(() => wrong.push(`it does not open: ${cause}`)))
  )
  const db = yield* opened(file)
  const rows = rowsIn(db)
  const kept = new Map([...rows.jobs, ...rows.runs].map((row) => [row.id, row]))
  for (const job of promised.jobs) {
    const found = rows.jobs.find(({ id }) => id === job.id)
    if (found === undefined || found.version < job.version) wrong.push(`job ${job.name} is lost`)
  }
  for (const run of promised.runs) {
    const found = kept.get(run.id)
    if (found === undefined) wrong.push(`run ${run.id} is lost`)
    else if (run.finished_at !== null && JSON.stringify(found) !== JSON.stringify(run)) {
      wrong.push(`the end of run ${run.id} is lost`)
    }
  }
  const delivered = new Set(rows.deliveries.filter(({ state }) => state === "delivered").map(({ id }) => id))
  for (const { id, state } of promised.deliveries) {
    if (state === "delivered" && !delivered.has(id)) wrong.push(`the end of delivery ${id} is lost`)
  }
  for (const { hash, seq } of promised.heads) {
    const found = db.prepare("SELECT hash FROM audit WHERE seq = ?").pluck().get(seq)
    if (seq > 0 && found !== hash) wrong.push(`audit entry ${seq} is lost`)
  }
  const definitions = new Map(
    db
      .prepare("SELECT id, definition ->> 'every' AS every FROM jobs")
      .raw()
      .all()
      .map((row) => (Array.isArray(row) ? [String(row[0]), Number.parseInt(String(row[1]), 10) * 1_000] : ["", 0]))
  )
  const jobs = rows.jobs.map((job) => ({
    ...job,
    slots: slotsEvery(job.anchor, definitions.get(job.id) ?? 0, job.next_run ?? 0)
  }))
  wrong.push(
    ...ledgerViolations({ ...rows, jobs })
      .filter(({ law }) => law !== "at_rest")
      .map(({ message, subject }) => `${subject}: ${message}`)
  )
  const verdict = yield* verifyFile(file, [])
  if (!verdict.ok) wrong.push(`audit: ${verdict.broken.detail}`)
  if (JSON.stringify(db.pragma("integrity_check")) !== `[{"integrity_check":"ok"}]`) wrong.push("it is damaged")
  if (JSON.stringify(db.pragma("foreign_key_check")) !== "[]") wrong.push("rows refer to rows that are not there")
  return wrong
}, Effect.scoped)

describe("a store whose machine lost its power", () => {
  it.scoped(
    `has all that was acknowledged, at ${cuts} cuts (SYMBI_TEST_SEED=${seed})`,
    () =>
      Effect.gen(function* () {
        const random = randomOf(seed)
        const folder = yield* folderWith({})
        const file = join(folder, "symbiont.db")
        const agents = {
          good: scriptedAgent({ answers: "x".repeat(5_000) }),
          bad: scriptedAgent({ fails: failure("transient", "no") }, { answers: "yes" })
        }
        const moments = yield* Effect.provide(trace(file, random), engine(agents, { store: storeInFile(file) }))
        const pairs = moments.slice(1).flatMap((after, index) => {
          const before = moments[index]
          return before === undefined || (before.db.equals(after.db) && before.wal.equals(after.wal))
            ? []
            : [{ before, after }]
        })
        assert.isTrue(
          pairs.every(({ after, before }) => before.db.equals(after.db) || before.wal.equals(after.wal)),
          "one file at a time is under way"
        )
        assert.isAbove(pairs.filter(({ after }) => after.did === "checkpoint").length, 2)
        assert.isAbove(moments.at(-1)?.rows.runs.length ?? 0, 30)
        let onTheWay = 0
        for (let n = 0; n < cuts; n++) {
          const pair = pairs[Math.floor(random() * pairs.length)]
          if (pair === undefined) continue
          const cut = cutBetween(pair.before, pair.after, random)
          if (!cut.wal.equals(pair.before.wal) || !cut.db.equals(pair.before.db)) onTheWay++
          assert.deepStrictEqual(yield* recovered(join(folder, `cut-${n}`), cut, pair.before), [], `cut ${n}`)
        }
        assert.isAbove(onTheWay, cuts / 2)
      }).pipe(Effect.provide(NodeContext.layer)),
    30_000 + cuts * 500
  )
})
