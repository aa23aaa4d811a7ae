import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { LedgerRun, ledgerViolations, slotsEvery } from "../../src/Selftest/Ledger.ts"
import { eventually, folderWith, spawnService, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const inUse = "another symbi service is using the data folder"

const config = `[scheduler]
misfire_grace = "1s"
`

const ticking = `agent a { command: ["true"] }
schedule { name: "all" agent: "a" every: "1s" misfire: "run_all" max_catchup: 2 max_concurrent: 5 }
schedule { name: "latest" agent: "a" every: "1s" max_concurrent: 5 }
schedule { name: "none" agent: "a" every: "1s" misfire: "skip" max_concurrent: 5 }`

const Rows = {
  jobs: Schema.Array(
    Schema.Struct({ id: Schema.String, name: Schema.String, anchor: Schema.Number, next_run: Schema.Number })
  ),
  runs: Schema.Array(LedgerRun)
}

const readLedger = (folder: string) => {
  const db = new Database(join(folder, ".symbi", "symbiont.db"), { readonly: true })
  try {
    const jobs = Schema.decodeUnknownSync(Rows.jobs)(db.prepare("SELECT * FROM jobs").all())
    const runs = Schema.decodeUnknownSync(Rows.runs)(db.prepare("SELECT * FROM runs").all())
    return { jobs, runs }
  } finally {
    db.close()
  }
}

describe("a service that is stopped with SIGSTOP", () => {
  it.scopedLive("keeps its data folder, and when it goes on no slot is lost and none comes twice", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "symbiont.toml": config, "agents/a.symbi": ticking })
      const service = yield* startService({ folder })
      const countOf = (trigger: string, status: string) =>
        readLedger(folder).runs.filter((run) => run.trigger === trigger && run.status === status).length
      const some = (what: string, trigger: string, status: string) =>
        eventually(
          what,
          Effect.sync(() => (countOf(trigger, status) > 2 ? true : undefined))
        )
      yield* some("runs", "schedule", "succeeded")
      yield* service.signal("SIGSTOP")
      // By the clock of the machine: longer than the grace of a misfire by several slots.
      const away = Effect.sleep("6 seconds")
      const second = symbi(["up"], { cwd: folder, env: { SYMBI_PORT: "0" } })
      const [refused] = yield* Effect.all([second, away], { concurrency: 2 })
      assert.strictEqual(refused.code, 1)
      assert.include(refused.stderr, inUse)
      yield* service.signal("SIGCONT")
      yield* some("catch-ups", "catch_up", "succeeded")
      for (const job_id of ["all", "latest", "none"]) yield* service.client.schedule.pause({ path: { job_id } })
      yield* eventually(
        "the end of every run",
        Effect.sync(() =>
          readLedger(folder).runs.every(({ status }) => status !== "pending" && status !== "running") ? true : undefined
        )
      )
      const { jobs, runs } = readLedger(folder)
      const ledger = jobs.map((job) => ({ ...job, slots: slotsEvery(job.anchor, 1_000, job.next_run) }))
      assert.deepStrictEqual(ledgerViolations({ jobs: ledger, runs, deliveries: [] }), [])
      const none = jobs.find(({ name }) => name === "none")
      assert.isTrue(runs.some((run) => run.job_id === none?.id && run.status === "missed"))
      assert.isFalse(runs.some((run) => run.job_id === none?.id && run.trigger === "catch_up"))
    })
  )
})

describe("services started at once on a new data folder", () => {
  it.scopedLive("make its schema once: one of them is up, the others say who has it", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/a.symbi": ticking })
      const started = yield* Effect.forEach([1, 2, 3], () => spawnService({ folder }))
      const ends = yield* Effect.forEach(
        started,
        (service) =>
          Effect.raceFirst(
            Effect.as(service.answers, "up" as const),
            Effect.map(service.exitCode, (code) => `${code}: ${service.stderr()}`)
          ).pipe(Effect.catchAll(() => Effect.map(service.exitCode, (code) => `${code}: ${service.stderr()}`))),
        { concurrency: "unbounded" }
      )
      const refusals = ends.filter((end) => end !== "up")
      assert.strictEqual(refusals.length, 2, ends.join("\n"))
      for (const refusal of refusals) assert.match(refusal, new RegExp(`^1: error: ${inUse}`))
      assert.strictEqual(readLedger(folder).jobs.length, 3)
    })
  )
})
