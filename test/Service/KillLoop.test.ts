import { existsSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { eventually, folderWith, spawnService, startService } from "../support/Service.ts"

const kills = Number(process.env["SYMBI_TEST_KILLS"] ?? 20)
const longOutageEvery = 10

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
    ...Array.from({ length: jobCount }, (_, n) => {
      const trigger = n < jobCount / 2 ? `every: "1s"` : `cron: "* * * * * *"`
      const misfire = misfires[n] === undefined ? "" : `misfire: "${misfires[n]}"`
      const delivery = n % 2 === 0 ? "" : `delivery: ["webhook"] webhook_url: "${webhook_url}"`
      return `schedule { name: "tick-${n}" agent: "ticker" ${trigger} ${misfire} ${delivery} }`
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

const RunRow = Schema.Struct({
  id: Schema.String,
  job_id: Schema.String,
  trigger: Schema.String,
  status: Schema.String,
  scheduled_for: Schema.Number,
  missed_count: Schema.NullOr(Schema.Number),
  missed_from: Schema.NullOr(Schema.Number),
  missed_to: Schema.NullOr(Schema.Number)
})

const DeliveryRow = Schema.Struct({
  id: Schema.String,
  run_id: Schema.String,
  channel: Schema.String,
  state: Schema.String,
  attempts: Schema.Number
})

type JobRow = typeof JobRow.Type
type RunRow = typeof RunRow.Type

const decodeJobs = Schema.decodeUnknownSync(Schema.Array(JobRow))
const decodeRuns = Schema.decodeUnknownSync(Schema.Array(RunRow))
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
const oracle = (job: JobRow): ReadonlyArray<number> => {
  const first = job.definition.every === undefined ? Math.floor(job.created_at / 1_000) * 1_000 : job.anchor
  const slots: Array<number> = []
  for (let slot = first + 1_000; slot < job.next_run; slot += 1_000) slots.push(slot)
  return slots
}

/** The slots that the rows of a job account for, in order; one that is accounted for twice is there twice. */
const accounted = (job: JobRow, rows: ReadonlyArray<RunRow>): ReadonlyArray<number> => {
  const slots = oracle(job)
  return rows
    .flatMap((row) => {
      const { missed_count, missed_from, missed_to } = row
      if (missed_from === null || missed_to === null) return [row.scheduled_for]
      const range = slots.filter((slot) => slot >= missed_from && slot <= missed_to)
      assert.strictEqual(missed_count, range.length, `missed_count of ${row.id}`)
      assert.deepStrictEqual([range[0], range.at(-1)], [missed_from, missed_to], `ends of the range of ${row.id}`)
      return range
    })
    .sort((a, b) => a - b)
}

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
      }, 40)
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
        for (let kill = 0; kill < kills; kill++) {
          yield* killAtRandom(folder, kill)
          const waiting = existsSync(join(folder, ".symbi", "symbiont.db")) ? yield* pendingDeliveries(folder) : []
          if (waiting.some((id) => !receiver.seen.has(id))) beforeDelivery++
          if (waiting.some((id) => receiver.seen.has(id))) duringDelivery++
          if (kill % longOutageEvery === longOutageEvery - 1) yield* Effect.sleep("2500 millis")
        }

        const last = yield* startService({ folder })
        const db = yield* openLedger(folder)
        const lookedAt = Date.now()
        const openRuns = db
          .prepare("SELECT count(*) FROM runs WHERE status IN ('pending', 'running') AND scheduled_for <= ?")
          .pluck()
        const behind = db.prepare("SELECT count(*) FROM jobs WHERE next_run <= ?").pluck()
        yield* eventually(
          "every slot up to the last start claimed and ended",
          Effect.sync(() => (behind.get(lookedAt) === 0 && openRuns.get(lookedAt) === 0 ? true : undefined))
        )
        const undelivered = db.prepare("SELECT count(*) FROM deliveries WHERE state = 'pending'").pluck()
        const pause = db.prepare("SELECT id FROM jobs WHERE status = 'active'").pluck()
        yield* Effect.forEach(pause.all(), (id) => last.client.schedule.pause({ path: { job_id: String(id) } }))
        yield* eventually(
          "every delivery made",
          Effect.sync(() => (undelivered.get() === 0 ? true : undefined))
        )
        yield* last.signal("SIGTERM")
        assert.strictEqual(yield* last.exitCode, 0, last.stderr())

        const jobs = decodeJobs(db.prepare("SELECT * FROM jobs").all())
        const runs = decodeRuns(db.prepare("SELECT * FROM runs").all())
        assert.lengthOf(jobs, jobCount)
        for (const job of jobs) {
          const rows = runs.filter((run) => run.job_id === job.id)
          assert.deepStrictEqual(accounted(job, rows), oracle(job), `slots of ${job.name}`)
          const misfire = misfires[Number(job.name.slice("tick-".length))]
          if (misfire === "skip") {
            assert.isFalse(
              rows.some((row) => row.trigger === "catch_up"),
              `${job.name} catches nothing up`
            )
          }
        }
        assert.deepStrictEqual(
          runs.filter((run) => run.status === "running" || (run.status === "pending" && run.scheduled_for <= lookedAt)),
          [],
          "no run is left behind"
        )

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

        const deliveries = decodeDeliveries(db.prepare("SELECT * FROM deliveries").all())
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
        assert.isAtLeast(beforeDelivery, kills / 5, "kills between the end of a run and its delivery")
        assert.isAtLeast(duringDelivery, kills / 5, "kills during a delivery")
        const twice = [...receiver.taken.values()].filter((bodies) => bodies.length > 1).length
        yield* Effect.logInfo(
          `${toWebhook.length} deliveries, ${twice} arrived more than once; ${beforeDelivery} kills before, ${duringDelivery} during a delivery`
        )
        assert.deepStrictEqual(db.pragma("integrity_check"), [{ integrity_check: "ok" }])
        assert.deepStrictEqual(db.pragma("foreign_key_check"), [])
      }).pipe(Effect.withRandom(Random.make(seed)))
    },
    60_000 + kills * 4_000
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
