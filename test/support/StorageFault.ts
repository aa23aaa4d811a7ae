import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { LedgerDelivery, LedgerRun, ledgerViolations, slotsEvery } from "../../src/Selftest/Ledger.ts"
import { answersLate, httpReceiver } from "./HttpReceiver.ts"
import { eventually, type Service, startService, writeFiles } from "./Service.ts"
import { symbi } from "./Symbi.ts"

/** Bundles lie outside the project and load the database driver from it. */
export const driverPath = fileURLToPath(new URL("../../node_modules", import.meta.url))

const run = (program: string, words: ReadonlyArray<string>): boolean => {
  try {
    execFileSync(program, words, { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** Whether a command of the system ends well. */
export const works = (program: string, ...words: ReadonlyArray<string>) => Effect.sync(() => run(program, words))

/** Whether this process may mount file systems; asked once, by doing it. */
export const canMount = (() => {
  const folder = mkdtempSync(join(tmpdir(), "symbi-mount-"))
  const mounted = run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder])
  if (mounted) run("umount", [folder])
  rmSync(folder, { recursive: true, force: true })
  return mounted
})()

/** A file system in memory of so many MB, which goes with the scope. */
export const smallFileSystem = (megabytes: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "symbi-small-"))
      assert.isTrue(run("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]))
      return folder
    }),
    (folder) =>
      Effect.sync(() => {
        run("umount", ["-l", folder])
        rmSync(folder, { recursive: true, force: true })
      })
  )

/** A way in which a disk takes no writes for a while. */
export interface Fault {
  /** A program in place of `symbi up`, with its words. */
  readonly instead?: readonly [program: string, ...words: ReadonlyArray<string>]
  readonly begin: (service: Service) => Effect.Effect<unknown>
  readonly end: (service: Service) => Effect.Effect<unknown>
  /** What a refused write is answered. */
  readonly code: string
  /** What people are told. */
  readonly says: string
}

const config = `[scheduler]
max_concurrent_jobs = 20
[scheduler.delivery]
allow_hosts = ["127.0.0.1"]
retry_attempts = 3
retry_delay = "50ms"
`

const jobsTo = (webhook_url: string) => `
agent talker { command: ["sh", "-c", "echo started >&2; ls -d $SYMBI_SESSION_DIR >&2; echo $SYMBI_RUN_ID"] }
agent slow { command: ["sh", "-c", "sleep 1.5; echo $SYMBI_RUN_ID"] }
schedule { name: "tick-hook" agent: "talker" every: "1s" delivery: ["webhook"] webhook_url: "${webhook_url}" }
schedule { name: "tick-file" agent: "talker" every: "1s" delivery: ["log_file", "stdout"] }
schedule { name: "tick-shared" agent: "talker" every: "1s" session_mode: "shared_persistent" delivery: ["webhook"] webhook_url: "${webhook_url}" }
schedule { name: "slow" agent: "slow" cron: "0 0 1 1 *" delivery: ["webhook"] webhook_url: "${webhook_url}" }
`

const Body = Schema.parseJson(Schema.Struct({ delivery_id: Schema.String }))
const deliveryIn = Schema.decodeUnknownSync(Body)
const refusalIn = Schema.decodeUnknownSync(Schema.Struct({ error: Schema.String, code: Schema.String }))

const JobRows = Schema.Array(
  Schema.Struct({ id: Schema.String, name: Schema.String, anchor: Schema.Number, next_run: Schema.Number })
)
const RunRows = Schema.Array(LedgerRun)
const DeliveryRows = Schema.Array(LedgerDelivery)

const statusOf = ({ url }: Service, path: string) =>
  Effect.promise(() =>
    fetch(`${url}/api/v1${path}`).then(async (answer) => [answer.status, await answer.text()] as const)
  )

/** Creates jobs until one is refused; gives the names of those that were acknowledged, and the refusal. */
const createUntilRefused = ({ url }: Service, prefix: string) =>
  Effect.promise(async () => {
    const acknowledged: Array<string> = []
    // Large enough to need pages of their own.
    const input = "x".repeat(20_000)
    for (let n = 0; n < 2_000; n++) {
      const name = `${prefix}-${n}`
      const body = JSON.stringify({ name, agent_id: "slow", cron_expr: "0 0 1 1 *", input })
      const headers = { "content-type": "application/json" }
      const answer = await fetch(`${url}/api/v1/schedule`, { method: "POST", headers, body })
      const text = await answer.text()
      if (answer.status !== 201) return { acknowledged, status: answer.status, ...refusalIn(JSON.parse(text)) }
      acknowledged.push(name)
    }
    throw new Error("no write was refused")
  })

const doctor = (folder: string, { url }: Service) =>
  Effect.map(symbi(["doctor", "--format", "json"], { cwd: folder, env: { SYMBI_SERVER: url } }), ({ stdout }) => stdout)

/** A real service in this folder, under load, lives through a fault, says what is wrong, and loses nothing. */
export const livesThrough = Effect.fnUntraced(function* (folder: string, fault: Fault) {
  const receiver = yield* httpReceiver([answersLate(20, 200)])
  yield* writeFiles(folder, { "symbiont.toml": config, "agents/ticks.symbi": jobsTo(receiver.url) })
  const start = { folder, env: { NODE_PATH: driverPath }, ...(fault.instead && { instead: fault.instead }) }
  const service = yield* startService(start)
  yield* eventually(
    "some deliveries",
    Effect.sync(() => (receiver.received.length > 3 ? true : undefined))
  )
  const inFlight = yield* service.client.schedule.run({
    path: { job_id: "slow" },
    urlParams: {},
    headers: {},
    payload: {}
  })

  yield* fault.begin(service)
  const refused = yield* createUntilRefused(service, "during")
  assert.deepStrictEqual([refused.status, refused.code], [507, fault.code], refused.error)
  assert.include(refused.error, `${fault.says}: nothing was stored;`)
  assert.strictEqual((yield* statusOf(service, "/schedule"))[0], 200, "reads go on")
  assert.strictEqual((yield* statusOf(service, `/runs/${inFlight.id}`))[0], 200, "reads go on")
  const [health, said] = yield* statusOf(service, "/health/scheduler")
  assert.strictEqual(health, 503, said)
  assert.include(said, `"status":"unhealthy"`)
  assert.strictEqual((yield* statusOf(service, "/health"))[0], 200, "it lives")
  assert.include((yield* statusOf(service, "/health/findings"))[1], fault.says)
  assert.include(yield* doctor(folder, service), fault.says)
  // The run in flight ends meanwhile, slots pass, and what is due stays due.
  yield* Effect.sleep("2500 millis")
  assert.strictEqual((yield* createUntilRefused(service, "later")).status, 507, "it stays so")
  const firstArrivals = receiver.received.length
  yield* fault.end(service)

  yield* eventually(
    "health again",
    Effect.map(statusOf(service, "/health/scheduler"), ([status]) => (status === 200 ? true : undefined)),
    "10 seconds"
  )
  assert.notInclude((yield* statusOf(service, "/health/findings"))[1], fault.says)
  const after = yield* service.client.runs.get({ path: { run_id: inFlight.id } }).pipe(
    Effect.map((found) => (found.finished_at === null ? undefined : found)),
    (look) => eventually("the end of the run that was in flight", look)
  )
  assert.strictEqual(after.status, "succeeded")
  assert.lengthOf(after.attempts, 1)
  yield* eventually(
    "new deliveries",
    Effect.sync(() => (receiver.received.length > firstArrivals + 3 ? true : undefined))
  )
  for (const name of ["tick-hook", "tick-file", "tick-shared"]) {
    yield* service.client.schedule.pause({ path: { job_id: name } })
  }
  const db = yield* Effect.acquireRelease(
    Effect.sync(() => new Database(join(folder, ".symbi", "symbiont.db"), { readonly: true })),
    (open) => Effect.sync(() => open.close())
  )
  const rest = db
    .prepare(
      `SELECT (SELECT count(*) FROM runs WHERE status IN ('pending', 'running'))
        + (SELECT count(*) FROM deliveries WHERE state = 'pending')`
    )
    .pluck()
  yield* eventually(
    "all at rest",
    Effect.sync(() => (rest.get() === 0 ? true : undefined))
  )
  yield* service.signal("SIGTERM")
  assert.strictEqual(yield* service.exitCode, 0, service.stderr())

  const names = new Set(db.prepare("SELECT name FROM jobs").pluck().all())
  assert.deepStrictEqual(
    refused.acknowledged.filter((name) => !names.has(name)),
    [],
    "no acknowledged job is lost"
  )
  assert.isFalse(names.has(`during-${refused.acknowledged.length}`), "what was refused was not stored")
  const jobs = Schema.decodeUnknownSync(JobRows)(
    db.prepare("SELECT id, name, anchor, next_run FROM jobs WHERE name LIKE 'tick-%'").all()
  ).map((job) => ({ ...job, slots: slotsEvery(job.anchor, 1_000, job.next_run) }))
  const ids = new Set(jobs.map(({ id }) => id))
  const runs = Schema.decodeUnknownSync(RunRows)(db.prepare("SELECT * FROM runs").all())
  const deliveries = Schema.decodeUnknownSync(DeliveryRows)(db.prepare("SELECT * FROM deliveries").all())
  const ledger = { jobs, runs: runs.filter(({ job_id }) => ids.has(job_id)), deliveries }
  assert.deepStrictEqual(ledgerViolations(ledger), [])
  assert.deepStrictEqual(
    deliveries.filter(({ state }) => state !== "delivered"),
    [],
    "no delivery is given up"
  )
  const arrived = receiver.received.map(({ body }) => deliveryIn(body).delivery_id)
  const hooked = deliveries.filter(({ channel }) => channel === "webhook").map(({ id }) => id)
  assert.deepStrictEqual(arrived.toSorted(), hooked.toSorted(), "each delivery arrived, and once")
  const file = readFileSync(join(folder, ".symbi", "logs", "jobs", "tick-file.log"), "utf8")
  for (const { channel, run_id } of deliveries.filter((one) => one.channel === "log_file")) {
    assert.include(file, run_id, channel)
  }
  assert.deepStrictEqual(db.pragma("integrity_check"), [{ integrity_check: "ok" }])
  const audit = yield* symbi(["audit", "verify", "--db", join(folder, ".symbi", "symbiont.db")])
  assert.strictEqual(audit.code, 0, `${audit.stdout}${audit.stderr}`)
  assert.isTrue(existsSync(join(folder, ".symbi", "audit-checkpoints.log")))
  return service
})
