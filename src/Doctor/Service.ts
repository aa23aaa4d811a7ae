import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Client, nextCursor } from "../Client.ts"
import type { AgentId } from "../Domain/Agent.ts"
import type { BudgetLine } from "../Domain/Budget.ts"
import { formatDuration } from "../Domain/Duration.ts"
import type { Finding } from "../Domain/Health.ts"
import { formatInstant } from "../Domain/Instant.ts"
import { version } from "../Version.ts"
import { failed, ok, type Verdict, warning } from "./Verdict.ts"

/** How long an approval may wait before somebody is reminded, in ms. */
const longWait = 4 * 3_600_000

/** Jobs of a page. */
const pageOfJobs = 1_000

/** How long pages of jobs are asked for, in ms. */
const pagesMillis = 1_500

const named = (names: ReadonlyArray<string>): string =>
  `${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`

/** How far two clocks may be apart: HTTP tells whole seconds. */
export const judgeClock = (theirs: number, ours: number): Verdict => {
  // Their second had begun by up to a second.
  const apart = Math.max(0, Math.abs(ours - theirs - 500) - 500)
  const text = `the service's clock and this one are ${(apart / 1_000).toFixed(1)} s apart`
  const step = "let NTP set both clocks"
  if (apart > 30_000) return failed("clock", text, step)
  return apart > 2_000 ? warning("clock", text, step) : ok("clock", "the service's clock and this one agree")
}

/** Budgets that are nearly or wholly used up. */
export const judgeBudgets = (lines: ReadonlyArray<BudgetLine>): ReadonlyArray<Verdict> => {
  const used = lines.flatMap(({ caps, name, of, period, reserved, spent }) =>
    (["tokens", "cost_usd", "runs"] as const).flatMap((unit) => {
      const cap = caps[unit]
      const taken = spent[unit] + (unit === "runs" ? 0 : reserved[unit])
      return cap === undefined || taken < cap * 0.8
        ? []
        : [
            {
              text: `${name === null ? of : `${of} ${name}`} per ${period}: ${taken} of ${cap} ${unit}`,
              full: taken >= cap
            }
          ]
    })
  )
  if (used.length === 0) return [ok("budgets", lines.length === 0 ? "none was spent from" : "all below 80 %")]
  return used.map(({ full, text }) =>
    warning("budgets", `${full ? "used up" : "over 80 %"}: ${text}`, "see `symbi budgets`; raise the cap, or wait")
  )
}

const ofFinding = ({ examples, message, next_step, severity }: Finding): Verdict =>
  (severity === "error" ? failed : warning)(
    "state",
    examples.length === 0 ? message : `${message}: ${named(examples)}`,
    next_step
  )

/** What a service says of itself and of its jobs. */
export const checkService = Effect.fn("Doctor.service")(function* (client: Client, server: string) {
  const [live, response] = yield* client.health.live({ withResponse: true })
  const now = yield* Clock.currentTimeMillis
  const date = Date.parse(response.headers["date"] ?? "")
  const versions =
    live.version === version
      ? ok("service", `${server} answers, version ${live.version}`)
      : warning(
          "service",
          `${server} is version ${live.version}, this symbi is ${version}`,
          "install the same version on both sides"
        )
  const clock = Number.isNaN(date) ? [] : [judgeClock(date, now)]
  const findings = yield* Effect.either(client.health.findings())
  if (Either.isLeft(findings)) {
    return [
      versions,
      ...clock,
      failed("service", `it does not say how it is: ${findings.left.message}`, "set SYMBI_API_KEY to a key with read")
    ]
  }
  const state = findings.right.map(ofFinding)
  return [versions, ...clock, ...(state.length === 0 ? [ok("state", "no job is late, nothing is stuck")] : state)]
})

/** Jobs of a status, page after page, while time is left; `more` says that some were not looked at. */
const jobsOf = Effect.fnUntraced(function* (client: Client, status: "active" | "dead_letter") {
  const until = (yield* Clock.currentTimeMillis) + pagesMillis
  const jobs: Array<{ readonly name: string; readonly agent_id: AgentId }> = []
  let cursor: string | undefined
  do {
    const [page, response] = yield* client.schedule.list({
      urlParams: { status, limit: pageOfJobs, ...(cursor === undefined ? {} : { cursor }) },
      withResponse: true
    })
    jobs.push(...page)
    cursor = nextCursor(response.headers["link"])
  } while (cursor !== undefined && (yield* Clock.currentTimeMillis) < until)
  return { jobs, more: cursor !== undefined }
})

/** Jobs in the dead-letter queue, and jobs whose agent nobody knows. */
export const checkJobs = Effect.fn("Doctor.jobs")(function* (client: Client) {
  const { jobs: dead, more: moreDead } = yield* jobsOf(client, "dead_letter")
  const { jobs: active, more: moreActive } = yield* jobsOf(client, "active")
  const agents = new Set((yield* client.agents.list()).map(({ id }) => id))
  const lost = active.filter(({ agent_id }) => !agents.has(agent_id))
  const among = moreActive ? ` of the first ${active.length}` : ""
  const verdicts = [
    ...(dead.length === 0
      ? []
      : [
          failed(
            "jobs",
            `${dead.length}${moreDead ? " or more" : ""} in the dead-letter queue: ${named(dead.map(({ name }) => name))}`,
            "see `symbi cron history JOB --status failed`, then `symbi cron reset JOB`"
          )
        ]),
    ...(lost.length === 0
      ? []
      : [
          failed(
            "jobs",
            `${lost.length}${among} ${lost.length === 1 ? "has" : "have"} an agent that nobody knows: ${named(lost.map(({ agent_id, name }) => `${name} (${agent_id})`))}`,
            "add the agent to agents/, or correct the job"
          )
        ])
  ]
  return verdicts.length === 0
    ? [
        ok(
          "jobs",
          moreActive
            ? `none is dead, the first ${active.length} have their agents`
            : "none is dead, all have their agents"
        )
      ]
    : verdicts
})

/** Approvals that have waited long. */
export const checkApprovals = Effect.fn("Doctor.approvals")(function* (client: Client) {
  const now = yield* Clock.currentTimeMillis
  const waiting = yield* client.approvals.list({ urlParams: { state: "pending", limit: pageOfJobs } })
  const long = waiting.filter(({ requested_at }) => now - requested_at > longWait)
  if (long.length === 0)
    return [
      ok(
        "approvals",
        waiting.length === 0 ? "none wait" : `${waiting.length} ${waiting.length === 1 ? "waits" : "wait"}`
      )
    ]
  return [
    warning(
      "approvals",
      `${long.length} have waited for more than ${formatDuration(longWait)}: ${named(long.map(({ job_name }) => job_name))}`,
      "see `symbi approvals list`"
    )
  ]
})

/** How long ago a jump of the clock is still told of, in ms. */
const recent = 24 * 3_600_000

/** Whether the service's clock jumped lately: each jump has made slots late, or has come before them. */
export const checkClockJumps = Effect.fn("Doctor.clockJumps")(function* (client: Client) {
  const since = (yield* Clock.currentTimeMillis) - recent
  const [latest, ...others] = yield* client.audit.query({ urlParams: { type: "ClockJumped", since, limit: 100 } })
  if (latest === undefined) return [ok("clock jumps", "none in 24 hours")]
  const before = others.length === 0 ? "" : `, and ${others.length} before it in 24 hours`
  return [
    warning(
      "clock jumps",
      `${latest.reason ?? "the clock jumped"} (${formatInstant(latest.time)})${before}`,
      "let NTP keep the clock; did the machine sleep? `symbi audit query --type ClockJumped` lists them"
    )
  ]
})

/** How far budgets are spent. */
export const checkBudgets = Effect.fn("Doctor.budgets")(function* (client: Client) {
  return judgeBudgets(yield* client.budgets.list())
})
