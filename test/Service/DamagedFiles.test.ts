import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { AgentHandler } from "../../src/Agents.ts"
import { Jobs } from "../../src/Jobs.ts"
import { prepareDatabase } from "../../src/Selftest/Simulation.ts"
import { startEngine } from "../../src/Selftest/SimulationEngine.ts"
import { define, hour, instant, minute } from "../support/Engine.ts"
import { copiesOf } from "../support/Once.ts"
import { folderWith, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const start = instant("2026-06-01T00:00:30Z")

/** A service on a database, in simulated time: what it does, and what it says. */
const serviceOn = Effect.fnUntraced(function* (filename: string, at: number) {
  const said: Array<string> = []
  const agent: AgentHandler = ({ iteration, run }) =>
    run?.job_name === "long"
      ? Effect.never
      : Effect.succeed({
          output: iteration === null || iteration > 1 ? "sleep" : "look",
          usage: { input_tokens: 3, output_tokens: 4, cost_usd: 0.01 }
        })
  const engine = yield* startEngine({
    filename,
    time: { monotonic: at, ahead: 0 },
    seed: "damaged",
    maxConcurrentJobs: 10,
    agents: { worker: agent },
    delivered: () => {},
    dies: () => false,
    logged: (message) => void said.push(message)
  })
  yield* Effect.addFinalizer(() => engine.cut)
  const ask = <A, E>(request: Effect.Effect<A, E, Jobs>) => Effect.map(engine.call(request), Option.getOrThrow)
  return { ask, engine, said }
})

/** A database in which each table has rows, of a service that was killed while runs of it were under way. */
const populated = Effect.fnUntraced(function* (filename: string) {
  yield* prepareDatabase(filename)
  const { ask, engine } = yield* serviceOn(filename, start)
  const base = { agent_id: "worker", cron_expr: "*/10 * * * *" }
  const definitions = [
    { name: "healthy", ...base },
    { name: "spends", ...base, budget: { per_day: { cost_usd: 100 } }, delivery: ["custom:probe"] },
    { name: "remembers", ...base, session_mode: "shared_persistent", heartbeat: { enabled: true } },
    { name: "asks", ...base, policy: { require_approval: true }, delivery: ["custom:probe"] },
    { name: "long", ...base, cron_expr: "5 * * * *", overlap: "queue_one" }
  ]
  for (const definition of definitions) {
    yield* ask(Effect.flatMap(Jobs, (jobs) => jobs.create(define(definition), "test")))
  }
  yield* ask(Effect.flatMap(Jobs, (jobs) => jobs.runNow("spends", { actor: "test", idempotencyKey: "once" })))
  yield* engine.machine.advance(start + hour + 10 * minute)
  yield* engine.cut
}, Effect.scoped)

const names = Schema.decodeUnknownSync(Schema.Array(Schema.Struct({ name: Schema.String })))

/** What a damage of must stop a service: it says how far the schema is, or guards the whole audit log. */
const vital: ReadonlySet<string> = new Set(["effect_sql_migrations", "sqlite_sequence", "audit_head"])

/** Every so many of all places are damaged in turn; 1, all of them, in the long form. */
const every = Number(process.env["SYMBI_TEST_PLACES_EVERY"] ?? 80)

const poisons = ["'{poison'", "x'fffe00'"]

/** Damages all rows that are not of the healthy job, as far as the constraints of the schema let any program. */
const damage = (filename: string, table: string, column: string, poison: string): number => {
  const db = new Database(filename)
  try {
    db.pragma("foreign_keys = OFF")
    const healthy = String(db.prepare("SELECT id FROM jobs WHERE name = 'healthy'").pluck().get())
    const key = table === "jobs" ? "id" : "job_id"
    const isOfJobs = names(db.pragma(`table_info(${table})`)).some(({ name }) => name === key)
    const others = isOfJobs ? `${key} <> '${healthy}'` : "1"
    return db.prepare(`UPDATE OR IGNORE ${table} SET ${column} = ${poison} WHERE ${others}`).run().changes
  } catch {
    return 0
  } finally {
    db.close()
  }
}

describe("one damaged column", () => {
  it.scopedLive(
    "of the rows of any table stops no other job",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped({ prefix: "symbi-damaged-" })
        const original = join(folder, "original.db")
        yield* populated(original)
        const db = new Database(original)
        const tables = names(db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all())
          .map(({ name }) => name)
          .filter((name) => !vital.has(name) && db.prepare(`SELECT count(*) FROM ${name}`).pluck().get() !== 0)
        const places = tables.flatMap((table) =>
          names(db.pragma(`table_info(${table})`)).flatMap(({ name: column }) =>
            poisons.map((poison) => ({ table, column, poison }))
          )
        )
        db.close()
        assert.includeMembers(tables, ["jobs", "runs", "attempts", "deliveries", "approvals", "sessions", "audit"])

        let damaged = 0
        const wrong: Array<string> = []
        // Ids as blobs sort behind all others, which once kept a service from starting.
        const chosen = places.filter(
          ({ column, poison }, n) => n % every === 0 || (column === "id" && poison.startsWith("x"))
        )
        for (const [n, { column, poison, table }] of chosen.entries()) {
          const filename = join(folder, `${n}.db`)
          copyFileSync(original, filename)
          if (damage(filename, table, column, poison) === 0) continue
          damaged++
          const after = yield* Effect.gen(function* () {
            const { ask, engine } = yield* serviceOn(filename, start + 2 * hour)
            yield* engine.machine.advance(start + 2 * hour + 30 * minute)
            const page = yield* ask(Effect.flatMap(Jobs, (jobs) => jobs.history("healthy", { limit: 3 })))
            return page.items.filter(({ status }) => status === "succeeded").length
          }).pipe(Effect.scoped, Effect.exit)
          if (Exit.isFailure(after)) wrong.push(`${table}.${column} = ${poison}: ${Cause.pretty(after.cause)}`)
          else if (after.value < 3) wrong.push(`${table}.${column} = ${poison}: only ${after.value} of 3 runs`)
          for (const end of ["", "-wal", "-shm"]) rmSync(`${filename}${end}`, { force: true })
        }
        assert.deepStrictEqual(wrong, [])
        assert.isAbove(damaged, 5)
      }).pipe(Effect.provide(NodeContext.layer)),
    600_000
  )
})

const database = (folder: string): string => join(folder, ".symbi", "symbiont.db")

/** A folder whose service has run a job a few times, and is stopped. */
const folderWithHistory = copiesOf(
  Effect.gen(function* () {
    const folder = yield* folderWith({
      "agents/a.symbi": `agent a { command: ["true"] } schedule { name: "mine" agent: "a" cron: "0 0 1 1 *" }`
    })
    const service = yield* startService({ folder })
    yield* Effect.forEach([1, 2, 3], () =>
      service.client.schedule.run({ path: { job_id: "mine" }, urlParams: { queue: true }, headers: {}, payload: {} })
    )
    yield* service.signal("SIGTERM")
    assert.strictEqual(yield* service.exitCode, 0)
    return folder
  })
)

describe("a service whose database", () => {
  const refused = (folder: string) => symbi(["up"], { cwd: folder, env: { SYMBI_PORT: "0" } })

  it.scopedLive("was cut short refuses to start, naming the file and what to do, and leaves it as it is", () =>
    Effect.gen(function* () {
      const folder = yield* folderWithHistory
      const file = database(folder)
      const whole = readFileSync(file)
      for (const length of [whole.length >> 1, 5_000]) {
        writeFileSync(file, whole.subarray(0, length))
        const { code, stderr } = yield* refused(folder)
        assert.deepStrictEqual([length, code], [length, 1])
        assert.match(stderr, /^error: /)
        assert.include(stderr, file)
        assert.match(stderr, /backup/)
        assert.isTrue(whole.subarray(0, length).equals(readFileSync(file)))
        const doctor = yield* symbi(["doctor"], { cwd: folder, env: { SYMBI_SERVER: "http://127.0.0.1:1" } })
        assert.strictEqual(doctor.code, 1)
        assert.include(doctor.stdout + doctor.stderr, "database")
      }
    })
  )

  it.scopedLive("is of a newer version refuses to start, naming the file and what to do", () =>
    Effect.gen(function* () {
      const folder = yield* folderWithHistory
      const db = new Database(database(folder))
      db.exec("INSERT INTO effect_sql_migrations (migration_id, name) VALUES (999, 'later')")
      db.close()
      const { code, stderr } = yield* refused(folder)
      assert.strictEqual(code, 1)
      assert.include(stderr, database(folder))
      assert.include(stderr, "newer version")
    })
  )

  it.scopedLive("has a page that was overwritten refuses to start, naming the file; the doctor says so", () =>
    Effect.gen(function* () {
      const folder = yield* folderWithHistory
      const file = database(folder)
      const whole = readFileSync(file)
      const db = new Database(file, { readonly: true })
      const pages = ["runs", "jobs", "audit"].map((table) =>
        Number(db.prepare("SELECT rootpage FROM sqlite_master WHERE name = ?").pluck().get(table))
      )
      db.close()
      for (const page of pages) {
        const broken = Buffer.from(whole)
        broken.fill(0xa5, (page - 1) * 4_096, page * 4_096)
        writeFileSync(file, broken)
        const doctor = yield* symbi(["doctor"], { cwd: folder, env: { SYMBI_SERVER: "http://127.0.0.1:1" } })
        assert.strictEqual(doctor.code, 1)
        assert.match(doctor.stdout + doctor.stderr, /database: .*cannot be read|database: .*damaged/)
        const { code, stderr } = yield* refused(folder)
        assert.strictEqual(code, 1, stderr)
        assert.include(stderr, file)
        assert.match(stderr, /backup/)
        for (const end of ["-wal", "-shm"]) rmSync(`${file}${end}`, { force: true })
      }
    })
  )
})
