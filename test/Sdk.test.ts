import * as HttpServer from "@effect/platform/HttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AuditCheckpoints } from "../src/AuditLog.ts"
import { HttpLive } from "../src/Http.ts"
import { SymbiontClient, SymbiontError } from "../src/Sdk.ts"
import { failure, scriptedAgent, type TestSettings, testRuntime } from "../src/testing.ts"
import { TestServer } from "./support/TestServer.ts"

const adminKey = `admin-${"0123456789".repeat(4)}`
const readKey = `read-${"0123456789".repeat(4)}`
const keys = { api_keys: [`ops:${adminKey}:admin`, `eyes:${readKey}:read`] }

const service = (server: TestSettings["server"] = {}) =>
  HttpLive.pipe(
    Layer.provideMerge(TestServer),
    Layer.provide(AuditCheckpoints.layer),
    Layer.provideMerge(
      testRuntime({
        agents: {
          echo: scriptedAgent({ answers: ({ input }) => `heard: ${input}` }),
          broken: scriptedAgent({ fails: failure("permanent", "it is broken") }),
          slow: scriptedAgent({ takes: "1 hour" })
        },
        settings: { server }
      })
    )
  )

/** Uses a client of a service of its own. */
const using = (use: (client: SymbiontClient, baseUrl: string) => Promise<void>, server?: TestSettings["server"]) =>
  Effect.gen(function* () {
    const { address } = yield* HttpServer.HttpServer
    assert.strictEqual(address._tag, "TcpAddress")
    const baseUrl = `http://127.0.0.1:${address._tag === "TcpAddress" ? address.port : 0}`
    yield* Effect.promise(() =>
      use(new SymbiontClient({ baseUrl, apiKey: server === undefined ? "" : adminKey }), baseUrl)
    )
  }).pipe(Effect.provide(service(server)))

const refused = async (call: Promise<unknown>): Promise<SymbiontError> => {
  try {
    await call
  } catch (error) {
    assert.instanceOf(error, SymbiontError)
    return error as SymbiontError
  }
  return assert.fail("the call was answered")
}

const untilAny = async <A>(list: () => Promise<ReadonlyArray<A>>): Promise<ReadonlyArray<A>> => {
  const items = await list()
  return items.length > 0 ? items : untilAny(list)
}

const isoText = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

describe("SymbiontClient", () => {
  it.scopedLive(
    "creates a job from camelCase keys, at all depths, and answers the API's record (rows 145, 146, 148)",
    () =>
      using(async ({ schedule }) => {
        const job = await schedule.create({
          name: "daily-backup",
          agentId: "echo",
          cronExpr: "0 2 * * *",
          sessionMode: "fully_ephemeral",
          delivery: ["webhook"],
          webhookUrl: "https://backup.example.com/notify",
          webhookHeaders: { "X-Team": "backup", teamName: "left as it is", team_name: "and this" },
          successWhen: { outputMatches: "heard" },
          policy: { maxRuntime: "5m", allowedHours: { start: "00:00", end: "23:59" } },
          heartbeat: { enabled: false, contextMode: "shared_persistent", backoff: { after: 2 } },
          budget: { perDay: { costUsd: 2 }, atCap: "pause" },
          description: undefined
        })
        assert.match(job.id, /^job_/)
        assert.match(job.next_run ?? "", isoText)
        assert.deepStrictEqual(
          [job.agent_id, job.cron_expr, job.session_mode, job.webhook_url, job.labels, job.max_concurrent],
          ["echo", "0 2 * * *", "fully_ephemeral", "https://backup.example.com/notify", [], 1]
        )
        assert.deepStrictEqual(Object.keys(job.webhook_headers ?? {}), ["X-Team", "teamName", "team_name"])
        assert.deepStrictEqual(job.success_when, { output_matches: "heard" })
        assert.deepStrictEqual(job.policy, { max_runtime: "5m", allowed_hours: { start: "00:00", end: "23:59" } })
        assert.deepStrictEqual(job.heartbeat, {
          enabled: false,
          context_mode: "shared_persistent",
          backoff: { after: 2 }
        })
        assert.deepStrictEqual(job.budget, { per_day: { cost_usd: 2 }, at_cap: "pause" })
        assert.deepStrictEqual(job.warnings, [])
        assert.notProperty(job, "description")

        const same = await schedule.getStatus("daily-backup")
        assert.deepStrictEqual([same.id, same.next_run, same.status], [job.id, job.next_run, "active"])
      })
  )

  it.scopedLive("takes snake_case keys just as well", () =>
    using(async ({ schedule }) => {
      const job = await schedule.create({ name: "x", agent_id: "echo", every: "1h", policy: { max_runtime: "1m" } })
      assert.deepStrictEqual([job.agent_id, job.every, job.policy], ["echo", "1h", { max_runtime: "1m" }])
    })
  )

  it.scopedLive("lists by filters, as an array and page after page (row 147)", () =>
    using(async ({ schedule }) => {
      for (const name of ["a", "b", "c", "d", "e"]) {
        await schedule.create({ name, agentId: name === "e" ? "broken" : "echo", cronExpr: "0 * * * *" })
      }
      await schedule.pause("b")
      const names = (jobs: ReadonlyArray<{ readonly name: string }>) => jobs.map(({ name }) => name).join("")
      assert.strictEqual(names(await schedule.list()), "abcde")
      assert.strictEqual(names(await schedule.list({ status: "active" })), "acde")
      assert.strictEqual(names(await schedule.list({ agentId: "broken" })), "e")
      assert.strictEqual(names(await schedule.list({ agent_id: "echo", status: "paused" })), "b")
      assert.strictEqual(names(await schedule.list({ limit: 2 })), "ab")
      const all: Array<string> = []
      for await (const { name } of schedule.listAll({ status: "active", limit: 2 })) all.push(name)
      assert.strictEqual(all.join(""), "acde")
    })
  )

  it.scopedLive("runs a job now, waits for it, and reads its history (rows 149 to 151)", () =>
    using(async ({ runs, schedule }) => {
      const job = await schedule.create({ name: "daily", agentId: "echo", cronExpr: "0 2 * * *" })
      const run = await schedule.runNow(job.id, { input: "Backup database", wait: { pollMs: 20 } })
      assert.match(run.id, /^run_/)
      assert.deepStrictEqual([run.status, run.output, run.trigger], ["succeeded", "heard: Backup database", "manual"])
      assert.strictEqual((await schedule.pause(job.id)).status, "paused")
      const [latest] = await schedule.getHistory(job.id, { limit: 10 })
      assert.deepStrictEqual([latest?.id, latest?.status], [run.id, "succeeded"])
      assert.isNumber(latest?.execution_time_ms)
      assert.strictEqual((await schedule.resume(job.id)).status, "active")
      assert.isString(await runs.log(run.id))
      assert.include((await runs.why(run.id)).answer, "succeeded")
      assert.include((await schedule.why(job.id)).answer, "succeeded")
      assert.deepStrictEqual(await schedule.delete(job.id), { id: job.id, deleted: true })
      assert.strictEqual((await runs.get(run.id)).id, run.id)

      const broken = await schedule.create({ name: "broken", agentId: "broken", cronExpr: "0 2 * * *" })
      const ids: Array<string> = []
      for (let n = 0; n < 3; n++) ids.unshift((await schedule.runNow(broken.id, { wait: { pollMs: 20 } })).id)
      const failed: Array<string> = []
      for await (const one of schedule.getAllHistory("broken", { status: "failed", limit: 1 })) failed.push(one.id)
      assert.deepStrictEqual(failed, ids)
      assert.deepStrictEqual(await schedule.getHistory("broken", { status: "succeeded" }), [])
      assert.strictEqual((await schedule.get("broken")).status, "dead_letter")
      assert.strictEqual((await schedule.reset("broken")).status, "active")
    })
  )

  it.scopedLive("sends a run once for an idempotency key, and cancels one", () =>
    using(async ({ runs, schedule }) => {
      await schedule.create({ name: "slow", agentId: "slow", cronExpr: "0 2 * * *" })
      const first = await schedule.runNow("slow", { idempotencyKey: "once" })
      assert.strictEqual((await schedule.runNow("slow", { idempotencyKey: "once" })).id, first.id)
      const busy = await refused(schedule.runNow("slow"))
      assert.deepStrictEqual([busy.status, busy.code], [409, "CONCURRENCY_LIMIT"])
      const queued = await schedule.runNow("slow", { queue: true })
      assert.strictEqual((await runs.cancel(queued.id)).status, "cancelled")
      const late = await refused(runs.wait(first.id, { pollMs: 5, timeoutMs: 40 }))
      assert.deepStrictEqual([late.code, late.status], ["TIMEOUT", undefined])
      await runs.cancel(first.id)
      const ended = await runs.wait(first.id, { pollMs: 20 })
      assert.strictEqual(ended.status, "cancelled")
      assert.strictEqual((await refused(runs.cancel(first.id))).code, "RUN_ENDED")
    })
  )

  it.scopedLive("says when a job or a trigger is due, and runs the past", () =>
    using(async ({ schedule }) => {
      const job = await schedule.create({ name: "hourly", agentId: "echo", cronExpr: "0 * * * *" })
      assert.deepStrictEqual(await schedule.nextRun("hourly"), { next_run: job.next_run })
      const next = await schedule.nextRun("hourly", { count: 3 })
      assert.strictEqual(next.upcoming?.length, 3)
      assert.strictEqual(next.upcoming?.[0], job.next_run)
      const preview = await schedule.preview({ cronExpr: "0 9 * * *", from: "2026-02-15T09:00:00Z", count: 2 })
      assert.deepStrictEqual(preview.upcoming, ["2026-02-16T09:00:00.000Z", "2026-02-17T09:00:00.000Z"])
      const past = await schedule.backfill("hourly", { from: "2026-02-15", to: "2026-02-16", dryRun: true })
      assert.deepStrictEqual([past.slots, past.dry_run, past.runs[0]?.id], [24, true, null])
      assert.strictEqual((await schedule.getSession("hourly")).mode, "ephemeral_with_summary")
    })
  )

  it.scopedLive("changes a job, under a version if one is given", () =>
    using(async ({ schedule }) => {
      const job = await schedule.create({ name: "x", agentId: "echo", cronExpr: "0 * * * *", description: "old" })
      const changed = await schedule.update(
        job.id,
        { cronExpr: "*/30 * * * *", description: null },
        { ifVersion: job.version }
      )
      assert.deepStrictEqual([changed.cron_expr, changed.version], ["*/30 * * * *", job.version + 1])
      assert.notProperty(changed, "description")
      const stale = await refused(schedule.update(job.id, { maxConcurrent: 2 }, { ifVersion: job.version }))
      assert.deepStrictEqual([stale.status, stale.code], [412, "JOB_CHANGED"])
    })
  )

  it.scopedLive("decides approvals, sends deliveries again, reads agents, budgets and the audit log", () =>
    using(async ({ agents, approvals, audit, budgets, deliveries, files, schedule }) => {
      await schedule.create({ name: "x", agentId: "echo", cronExpr: "0 2 * * *", policy: { requireApproval: true } })
      const run = await schedule.runNow("x")
      const [waiting] = await untilAny(() => approvals.list())
      assert.strictEqual(waiting?.run_id, run.id)
      assert.strictEqual((await approvals.get(run.id)).id, waiting?.id)
      assert.strictEqual((await approvals.deny(run.id, { reason: "not today" })).reason, "not today")
      assert.strictEqual((await refused(approvals.approve(run.id))).code, "APPROVAL_CLOSED")
      assert.deepStrictEqual(await approvals.list(), [])
      const denied: Array<string> = []
      for await (const one of approvals.listAll({ state: "denied" })) denied.push(one.run_id)
      assert.deepStrictEqual(denied, [run.id])

      assert.deepStrictEqual((await agents.list()).map(({ id }) => id).sort(), ["broken", "echo", "slow"])
      assert.strictEqual((await agents.get("echo")).kind, "effect")
      assert.strictEqual((await agents.run("echo", { input: "you" })).output, "heard: you")
      const failed = await refused(agents.run("broken"))
      assert.deepStrictEqual([failed.status, failed.code, failed.message], [502, "AGENT_FAILED", "it is broken"])
      assert.deepStrictEqual(failed.details[0], { path: "kind", message: "permanent" })

      assert.isArray(await deliveries.list({ state: "dead" }))
      assert.deepStrictEqual(await deliveries.redeliverAll({ state: "dead", job: "x" }), { count: 0 })
      assert.isArray(await budgets.list())
      const [created] = await audit.query({ type: "CronJobCreated", since: Date.UTC(2026, 0), job: "x", limit: 5 })
      assert.strictEqual(created?.job_name, "x")
      const types: Array<string> = []
      for await (const { type } of audit.queryAll({ limit: 1, until: "2999-01-01" })) types.push(type)
      assert.includeMembers(types, ["CronJobCreated", "ApprovalRequested", "ApprovalDenied"])
      const verdict = await audit.verify()
      assert.isTrue(verdict.ok)
      const checkpoint = await audit.checkpoint()
      assert.isTrue((await audit.verify({ checkpoints: [checkpoint] })).ok)

      const text = await files.export()
      assert.include(text, 'name: "x"')
      const plan = await files.apply({ files: [{ path: "x.symbi", text }], dryRun: true })
      assert.isTrue(plan.dry_run)
    })
  )

  it.scopedLive("tells of the scheduler's health, and of keys", () =>
    using(async ({ keys, schedule }) => {
      await schedule.create({ name: "x", agentId: "echo", cronExpr: "0 2 * * *" })
      const health = await schedule.health()
      assert.deepStrictEqual([health.status, health.active_jobs, health.in_flight_jobs], ["healthy", 1, 0])
      const key = await keys.create({ name: "ci", scopes: ["read"], expiresIn: "90d" })
      assert.match(key.secret, /^symbi_/)
      assert.deepStrictEqual(
        (await keys.list()).map(({ name }) => name),
        ["ci"]
      )
      assert.isString((await keys.revoke("ci")).revoked_at)
      assert.strictEqual((await keys.list({ all: true })).length, 1)
    }, keys)
  )

  it.scopedLive("fails with the service's code, status and details", () =>
    using(async ({ runs, schedule }) => {
      const missing = await refused(schedule.get("nowhere"))
      assert.deepStrictEqual(
        [missing.status, missing.code, missing.message, missing.name],
        [404, "JOB_NOT_FOUND", 'no job with the id or name "nowhere"', "SymbiontError"]
      )
      assert.strictEqual((await refused(runs.get("run_x"))).code, "RUN_NOT_FOUND")
      await schedule.create({ name: "x", agentId: "echo", cronExpr: "0 * * * *" })
      const taken = await refused(schedule.create({ name: "x", agentId: "echo", cronExpr: "0 * * * *" }))
      assert.deepStrictEqual([taken.status, taken.code], [409, "JOB_NAME_TAKEN"])
      const wrong = await refused(schedule.create({ name: "y", agentId: "echo", cronExpr: "61 * * * *" }))
      assert.deepStrictEqual([wrong.status, wrong.details[0]?.path], [400, "cron_expr"])
      const unknown: Record<string, unknown> = { name: "y", agentId: "echo", cronExpr: "0 * * * *", cronExp: "" }
      const excess = await refused(schedule.create(unknown as never))
      assert.strictEqual(excess.status, 400)
      assert.deepStrictEqual(excess.details, [{ path: "cronExp", message: 'unknown key; did you mean "cron_expr"?' }])
      const both = await refused(
        schedule.create({ name: "y", agent_id: "a", agentId: "b", cronExpr: "0 * * * *" } as never)
      )
      assert.deepStrictEqual(
        both.details.map(({ path }) => path),
        ["agentId"]
      )
      const limit = await refused(schedule.list({ limit: 5_000 }))
      assert.deepStrictEqual([limit.status, limit.details[0]?.path], [400, "limit"])
    })
  )

  it.scopedLive("fails with 401 and 403 for want of a key", () =>
    using(async (_, baseUrl) => {
      const nobody = await refused(new SymbiontClient({ baseUrl }).schedule.list())
      assert.deepStrictEqual([nobody.status, nobody.code], [401, "UNAUTHORIZED"])
      const stranger = await refused(new SymbiontClient({ baseUrl, apiKey: "wrong" }).schedule.list())
      assert.strictEqual(stranger.status, 401)
      const eyes = new SymbiontClient({ baseUrl, apiKey: readKey })
      assert.deepStrictEqual(await eyes.schedule.list(), [])
      assert.strictEqual((await refused(eyes.schedule.pause("x"))).status, 403)
    }, keys)
  )

  it.scopedLive("finds a job by any name that can stand in an address", () =>
    using(async ({ schedule }) => {
      for (const name of ["a/b?c=d&e#f", "ü 你好 %41", "...", "-"]) {
        const job = await schedule.create({ name, agentId: "echo", cronExpr: "0 * * * *" })
        assert.strictEqual((await schedule.get(name)).id, job.id, name)
      }
      for (const name of ["", ".", ".."]) {
        assert.strictEqual((await refused(schedule.delete(name))).code, "INVALID_REQUEST", name)
      }
    })
  )
})
