import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { type FailpointName, failpointNames } from "../../src/Failpoints.ts"
import { LedgerDelivery, LedgerRun, ledgerViolations, slotsEvery } from "../../src/Selftest/Ledger.ts"
import { bundled } from "../support/Child.ts"
import { eventually, folderWith, spawnService, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

// A third of them at named failpoints, of the others some while it starts and recovers.
const kills = Number(process.env["SYMBI_TEST_KILLS"] ?? 20)
const longOutageEvery = 10

/** For what the kills left to be caught up with, on a machine that has other things to do. */
const patience = "90 seconds"

// Bundles lie outside the project and load the database driver from it.
const driverPath = fileURLToPath(new URL("../../node_modules", import.meta.url))

// Slots older than the grace follow the misfire policy: short, so that outages of seconds have late slots. Few
// deliveries at once and quick retries: at each kill some wait for their turn, and some are under way.
const config = `[scheduler]
misfire_grace = "1s"
max_concurrent_jobs = 20
[scheduler.delivery]
allow_hosts = ["127.0.0.1"]
concurrency = 2
retry_attempts = 100
retry_delay = "10ms"
`

const jobCount = 20
const misfires: Readonly<Record<number, string>> = { 0: "run_all", 1: "skip", 10: "run_all", 11: "skip" }

const ticksTo = (webhook_url: string) =>
  [
    `agent ticker { command: ["sh", "-c", "echo $SYMBI_SCHEDULED_FOR $SYMBI_RUN_ID >> ticks.txt; echo $SYMBI_RUN_ID"] }`,
    // Under way at many kills: what is left of it must not go on beside the next attempt.
    `agent slow { command: ["sh", "-c", "echo $SYMBI_SCHEDULED_FOR $SYMBI_RUN_ID >> ticks.txt; sleep 0.7; exit 0"] }`,
    ...Array.from({ length: jobCount }, (_, n) => {
      const trigger = n < jobCount / 2 ? `every: "1s"` : `cron: "* * * * * *"`
      const misfire = misfires[n] === undefined ? "" : `misfire: "${misfires[n]}"`
      const delivery = n % 2 === 0 ? "" : `delivery: ["webhook"] webhook_url: "${webhook_url}"`
      const agent = n % 10 === 3 ? "slow" : "ticker"
      return `schedule { name: "tick-${n}" agent: "${agent}" ${trigger} ${misfire} ${delivery} }`
    })
  ].join("\n")

const JobRow = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  definition: Schema.parseJson(Schema.Struct({ every: Schema.optional(Schema.String) })),
  anchor: Schema.Number,
  created_at: Schema.Number,
  next_run: Schema.Number
})

const DeliveryRow = Schema.Struct({ ...LedgerDelivery.fields, attempts: Schema.Number })

type JobRow = typeof JobRow.Type

const decodeJobs = Schema.decodeUnknownSync(Schema.Array(JobRow))
const decodeRuns = Schema.decodeUnknownSync(Schema.Array(LedgerRun))
const decodeDeliveries = Schema.decodeUnknownSync(Schema.Array(DeliveryRow))

const openLedger = (folder: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Database(join(folder, ".symbi", "symbiont.db"), { readonly: true })),
    (db) => Effect.sync(() => db.close())
  )

const endings: ReadonlySet<string> = new Set(["succeeded", "failed", "timed_out", "interrupted"])

const pendingDeliveries = Effect.fnUntraced(function* (folder: string) {
  const db = yield* openLedger(folder)
  const found = db.prepare("SELECT name FROM sqlite_master WHERE name = 'deliveries'").all()
  return found.length === 0
    ? []
    : db.prepare("SELECT id FROM deliveries WHERE state = 'pending' AND channel = 'webhook'").pluck().all().map(String)
}, Effect.scoped)

/** The slots that a job of one second has had, from its creation up to its cursor. */
const slotsOf = (job: JobRow): ReadonlyArray<number> =>
  slotsEvery(
    job.definition.every === undefined ? Math.floor(job.created_at / 1_000) * 1_000 : job.anchor,
    1_000,
    job.next_run
  )

const Body = Schema.Struct({
  delivery_id: Schema.String,
  run: Schema.Struct({ id: Schema.String }),
  output: Schema.String
})
const decodeBody = Schema.decodeUnknownSync(Schema.parseJson(Body))

/** A webhook that takes its time, and now and then answers 500. It keeps what it was sent, and what it is being sent. */
const webhook = Effect.gen(function* () {
  const seen = new Set<string>()
  const taken = new Map<string, Array<typeof Body.Type>>()
  const underWay = new Set<string>()
  let requests = 0
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("error", () => {})
    request.on("end", () => {
      const body = decodeBody(Buffer.concat(chunks).toString("utf8"))
      seen.add(body.delivery_id)
      underWay.add(body.delivery_id)
      response.on("close", () => underWay.delete(body.delivery_id))
      const fails = ++requests % 7 === 0
      setTimeout(() => {
        if (!fails) taken.set(body.delivery_id, [...(taken.get(body.delivery_id) ?? []), body])
        response.writeHead(fails ? 500 : 200).end()
      }, 80)
    })
  })
  const port = yield* Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(typeof address === "object" && address !== null ? Effect.succeed(address.port) : Effect.die("no port"))
      })
    }),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
  return { url: `http://127.0.0.1:${port}/hook`, seen, taken, underWay }
})

/** Processes of command agents that are alive, of these runs; none where there is no `/proc`. */
const agentsAlive = (runs: ReadonlySet<string>): ReadonlyArray<string> =>
  (existsSync("/proc") ? readdirSync("/proc") : []).filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0")
      return variables.some((one) => one.startsWith("SYMBI_RUN_ID=") && runs.has(one.slice("SYMBI_RUN_ID=".length)))
    } catch {
      return false
    }
  })

/** Those that are passed once at each start, the one at which the making of a database dies, and all that come later. */
const atStart: ReadonlyArray<FailpointName> = ["migration.before", "migration.committed"]
const atBirth: FailpointName = "migration.applied"
const atWork = failpointNames.filter((name) => name !== atBirth && name !== "migration.statement")

/** Dies at a failpoint, at one of its first hits; gives its name, if it came there in time. */
const dieAtFailpoint = Effect.fnUntraced(function* (bundle: string, folder: string, kill: number) {
  const among = kill === 0 ? [atBirth] : atWork
  const name = among[yield* Random.nextIntBetween(0, among.length)] ?? "look.before"
  const hit = atStart.includes(name) ? 1 : yield* Random.nextIntBetween(1, 9)
  const instead = [bundle, name, String(hit)] as const
  const service = yield* spawnService({ folder, instead, env: { NODE_PATH: driverPath } })
  const died = yield* Effect.timeoutOption(service.exitCode, "5 seconds")
  if (Option.isNone(died)) {
    yield* service.signal("SIGKILL")
    yield* service.exitCode
  } else {
    assert.isNull(died.value, `killed at ${name}, not ended by itself:\n${service.stderr()}`)
  }
  return Option.isSome(died) ? [name] : []
}, Effect.scoped)

const killAtRandom = Effect.fnUntraced(function* (folder: string, kill: number) {
  const service = yield* spawnService({ folder })
  // Some die while they start and recover, most while they work.
  const early = kill > 0 && (yield* Random.nextIntBetween(0, 4)) === 0
  if (!early) yield* service.answers
  yield* Effect.sleep(yield* Random.nextIntBetween(0, 500))
  yield* service.signal("SIGKILL")
  assert.isNull(yield* service.exitCode, `killed, not ended by itself:\n${service.stderr()}`)
}, Effect.scoped)

describe("Service under kill -9", () => {
  it.scopedLive(
    `keeps its ledger over ${kills} kills`,
    () => {
      const seed = process.env["SYMBI_TEST_SEED"] ?? String(Date.now())
      return Effect.gen(function* () {
        yield* Effect.logInfo(`kill loop: SYMBI_TEST_SEED=${seed}`)
        const receiver = yield* webhook
        const folder = yield* folderWith({ "symbiont.toml": config, "agents/ticks.symbi": ticksTo(receiver.url) })
        let beforeDelivery = 0
        let duringDelivery = 0
        const named = { tried: 0, died: [] as Array<FailpointName> }
        const bundle = yield* bundled("FailingService.ts")
        for (let kill = 0; kill < kills; kill++) {
          if (kill % 3 === 0) {
            named.tried++
            named.died.push(...(yield* dieAtFailpoint(bundle, folder, kill)))
          } else {
            yield* killAtRandom(folder, kill)
          }
          const waiting = existsSync(join(folder, ".symbi", "symbiont.db")) ? yield* pendingDeliveries(folder) : []
          if (waiting.some((id) => !receiver.seen.has(id))) beforeDelivery++
          if (waiting.some((id) => receiver.seen.has(id))) duringDelivery++
          if (kill % longOutageEvery === longOutageEvery - 1) yield* Effect.sleep("2500 millis")
        }

        const last = yield* startService({ folder })
        const db = yield* openLedger(folder)
        const lookedAt = Date.now()
        const behind = db.prepare("SELECT count(*) FROM jobs WHERE next_run <= ?").pluck()
        const claimed = Effect.sync(() => (behind.get(lookedAt) === 0 ? true : undefined))
        yield* eventually("every slot up to the last start claimed", claimed, patience)
        const pause = db.prepare("SELECT id FROM jobs WHERE status = 'active'").pluck()
        yield* Effect.forEach(pause.all(), (id) => last.client.schedule.pause({ path: { job_id: String(id) } }))
        const undelivered = db.prepare("SELECT count(*) FROM deliveries WHERE state = 'pending'").pluck()
        const unended = db.prepare("SELECT count(*) FROM runs WHERE status IN ('pending', 'running')").pluck()
        const atRest = Effect.sync(() => (unended.get() === 0 && undelivered.get() === 0 ? true : undefined))
        yield* eventually("every run ended and every delivery made", atRest, patience).pipe(
          Effect.tapError(() => Effect.logError(`left: ${unended.get()} runs, ${undelivered.get()} deliveries`))
        )
        yield* last.signal("SIGTERM")
        assert.strictEqual(yield* last.exitCode, 0, last.stderr())

        const jobs = decodeJobs(db.prepare("SELECT * FROM jobs").all())
        const runs = decodeRuns(db.prepare("SELECT * FROM runs").all())
        assert.lengthOf(jobs, jobCount)
        const deliveries = decodeDeliveries(db.prepare("SELECT * FROM deliveries").all())
        const ledger = { jobs: jobs.map((job) => ({ ...job, slots: slotsOf(job) })), runs, deliveries }
        assert.deepStrictEqual(ledgerViolations(ledger), [])
        const skipping = jobs.filter(({ name }) => misfires[Number(name.slice("tick-".length))] === "skip")
        assert.isFalse(
          skipping.some(({ id }) => runs.some(({ job_id, trigger }) => job_id === id && trigger === "catch_up")),
          "jobs that skip what they missed catch nothing up"
        )
        assert.deepStrictEqual(agentsAlive(new Set(runs.map(({ id }) => id))), [], "no agent is left behind")
        const audit = yield* symbi(["audit", "verify", "--db", join(folder, ".symbi", "symbiont.db")])
        assert.strictEqual(audit.code, 0, `the audit log is whole: ${audit.stdout}${audit.stderr}`)
        yield* Effect.logInfo(`died at failpoints: ${[...new Set(named.died)].toSorted().join(", ")}`)
        assert.isAtLeast(named.died.length, named.tried / 2, "most failpoints were come to")
        if (kills >= 400) assert.lengthOf(new Set(named.died), atWork.length + 1, "and all of them")

        const succeeded = runs.filter((run) => run.status === "succeeded")
        const written = new Set(readFileSync(join(folder, "ticks.txt"), "utf8").split("\n"))
        assert.deepStrictEqual(
          succeeded.filter((run) => !written.has(`${new Date(run.scheduled_for).toISOString()} ${run.id}`)),
          [],
          "every run that succeeded has done its work"
        )
        assert.strictEqual(new Set(succeeded.map((run) => run.job_id)).size, jobCount, "every job has succeeded")
        assert.isTrue(
          runs.some((run) => run.status === "missed"),
          "the long outages missed slots"
        )
        assert.isTrue(
          runs.some((run) => run.trigger === "catch_up" && run.status === "succeeded"),
          "missed slots were caught up"
        )

        const toWebhook = deliveries.filter(({ channel }) => channel === "webhook")
        const told = new Set(toWebhook.map(({ run_id }) => run_id))
        const tells = new Set(
          jobs.filter(({ name }) => Number(name.slice("tick-".length)) % 2 === 1).map(({ id }) => id)
        )
        const ended = runs.filter(({ job_id, status }) => tells.has(job_id) && endings.has(status))
        assert.deepStrictEqual(
          ended.filter(({ id }) => !told.has(id)),
          [],
          "every run that ended is told of"
        )
        assert.strictEqual(told.size, toWebhook.length, "under one id")
        assert.deepStrictEqual(
          toWebhook.filter(({ id, run_id, state }) => {
            const bodies = receiver.taken.get(id) ?? []
            return state !== "delivered" || bodies.length === 0 || bodies.some(({ run }) => run.id !== run_id)
          }),
          [],
          "every delivery has arrived, each time with its own run"
        )
        const known = new Set(toWebhook.map(({ id }) => id))
        assert.deepStrictEqual(
          [...receiver.seen].filter((id) => !known.has(id)),
          [],
          "under no other id"
        )
        assert.isAtLeast(beforeDelivery, kills / 8, "kills between the end of a run and its delivery")
        assert.isAtLeast(duringDelivery, kills / 8, "kills during a delivery")
        const twice = [...receiver.taken.values()].filter((bodies) => bodies.length > 1).length
        yield* Effect.logInfo(
          `${toWebhook.length} deliveries, ${twice} arrived more than once; ${beforeDelivery} kills before, ${duringDelivery} during a delivery`
        )
        assert.deepStrictEqual(db.pragma("integrity_check"), [{ integrity_check: "ok" }])
        assert.deepStrictEqual(db.pragma("foreign_key_check"), [])
      }).pipe(Effect.withRandom(Random.make(seed)), Effect.provide(NodeContext.layer))
    },
    240_000 + kills * 6_000
  )

  it.scopedLive("gives an interrupted run a second attempt, or ends it when told so", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({
        "agents/long.symbi": `agent long {
  command: ["sh", "-c", "test $SYMBI_ATTEMPT = 1 || exit 0; echo $$ > $SYMBI_JOB_NAME.pid; exec sleep 600"]
}
schedule { name: "again" agent: "long" cron: "0 0 1 1 *" }
schedule { name: "once" agent: "long" cron: "0 0 1 1 *" on_interrupt: "fail" }`
      })
      const names = ["again", "once"]
      const pids = names.map((name) => join(folder, `${name}.pid`))
      // Their service is killed before it can end them.
      yield* Effect.addFinalizer(() =>
        Effect.forEach(pids.filter(existsSync), (file) =>
          Effect.ignore(Effect.try(() => process.kill(Number(readFileSync(file, "utf8")), "SIGKILL")))
        )
      )

      const first = yield* startService({ folder })
      const started = yield* Effect.forEach(names, (job_id) =>
        first.client.schedule.run({ path: { job_id }, urlParams: {}, headers: {}, payload: {} })
      )
      yield* eventually(
        "both agents at work",
        Effect.sync(() =>
          pids.every((file) => existsSync(file) && readFileSync(file, "utf8") !== "") ? true : undefined
        )
      )
      yield* first.signal("SIGKILL")
      assert.isNull(yield* first.exitCode)

      const second = yield* startService({ folder })
      const [again, once] = yield* Effect.forEach(started, ({ id }) =>
        eventually(
          `the end of ${id}`,
          Effect.map(second.client.runs.get({ path: { run_id: id } }), (run) =>
            run.finished_at === null ? undefined : run
          )
        )
      )
      assert.strictEqual(again?.status, "succeeded")
      assert.deepStrictEqual(
        again?.attempts.map(({ number, outcome }) => [number, outcome]),
        [
          [1, "interrupted"],
          [2, "succeeded"]
        ]
      )
      assert.strictEqual(once?.status, "interrupted")
      assert.deepStrictEqual(
        once?.attempts.map(({ outcome }) => outcome),
        ["interrupted"]
      )
    })
  )
})
