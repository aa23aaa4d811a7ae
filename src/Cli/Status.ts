import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Job, sessionModeOf } from "../Domain/Job.ts"
import type { RunSummary } from "../Domain/Run.ts"
import { shellWord } from "../ShellWord.ts"
import { integerBetween, job } from "./Arguments.ts"
import { tableOfRuns } from "./History.ts"
import { withClient } from "./Root.ts"
import { cost, instant, instantAndDistance, localTime, nextRun, size, tokens, trigger, why } from "./Show.ts"
import { plain } from "./Table.ts"
import { relative, type Times, time, timesFor } from "./Times.ts"
import { watching } from "./Watch.ts"

/** Runs looked at for the latest that woke the agent. */
const lookedAt = 20

/** Deliveries of one state that are counted. */
const mostCounted = 1_000

const nextRunInZones = (job: Job, now: number): string => {
  const next = nextRun(job)
  if (next === null) {
    if (job.status === "paused") return `- (symbi cron resume ${shellWord(job.name)})`
    return job.status === "dead_letter" ? `- (symbi cron reset ${shellWord(job.name)})` : "-"
  }
  const utc = `${instant(next)} (UTC), ${relative(next, now)}`
  return job.timezone === undefined || job.timezone === "UTC" ? utc : `${localTime(next, job.timezone)} = ${utc}`
}

/** What of a job did not arrive: how many deliveries, and how to see them; undefined when all did. */
const undelivered = (job: Job) =>
  Effect.gen(function* () {
    const counted = yield* Effect.forEach(["failed", "dead"] as const, (state) =>
      Effect.map(
        withClient((client) => client.deliveries.list({ urlParams: { job: job.id, state, limit: mostCounted } })),
        ({ length }) => ({ state, count: length })
      )
    )
    const lost = counted.filter(({ count }) => count > 0)
    const [first] = lost
    if (first === undefined) return undefined
    const told = lost.map(({ count, state }) => `${count < mostCounted ? count : `${count} or more`} ${state}`)
    return `${told.join(", ")} (symbi deliveries list --job ${job.id} --state ${first.state})`
  })

/** How much the agent was given in the latest run that woke it; undefined when the last ones did not. */
const contextOf = (runs: ReadonlyArray<RunSummary>): string | undefined => {
  const run = runs.find(({ context_bytes }) => context_bytes !== null)
  return run === undefined ? undefined : `${size(run.context_bytes ?? 0)} (${run.id})`
}

/** What the latest run with a known usage spent. */
const spentOf = (runs: ReadonlyArray<RunSummary>): string | undefined => {
  const run = runs.find(({ usage }) => usage !== null)
  if (run === undefined) return undefined
  const usd = cost(run)
  return `${tokens(run)} tokens${usd === "" ? "" : `, ${usd} USD`} (${run.id})`
}

/** How the latest run stands, and why. */
const latestOf = ([run]: ReadonlyArray<RunSummary>, now: number): string | undefined => {
  if (run === undefined) return undefined
  const reason = why(run)
  const when = relative(run.finished_at ?? run.started_at ?? run.scheduled_for, now)
  return `${run.status} ${when}${reason === "" ? "" : `: ${reason}`}`
}

/** Until when a heartbeat sleeps through its slots; undefined when it does not. */
const asleep = ({ heartbeat, quiet_until }: Job, now: number): string | undefined =>
  heartbeat?.backoff === undefined || quiet_until === null || quiet_until <= now
    ? undefined
    : `until ${instant(quiet_until)} (UTC), as there was nothing to do (backoff); slots before it are skipped`

const sleeping = ({ heartbeat }: Job): string | undefined =>
  heartbeat?.enabled === true
    ? `heartbeat, at most ${heartbeat.max_iterations ?? 100} iterations${heartbeat.backoff === undefined ? "" : ", with back-off"}`
    : undefined

interface Seen {
  readonly job: Job
  readonly lost: string | undefined
  /** The latest, newest first. */
  readonly runs: ReadonlyArray<RunSummary>
  /** The runs to be listed. */
  readonly listed: Option.Option<ReadonlyArray<RunSummary>>
}

const details = ({ job, lost, runs }: Seen, now: number): string => {
  const lines: ReadonlyArray<readonly [string, string | undefined]> = [
    ["Job", job.name],
    ["Id", job.id],
    ["Agent", job.agent_id],
    ["Schedule", job.timezone === undefined ? trigger(job) : `${trigger(job)} (${job.timezone})`],
    ["Status", job.status === "paused" ? `paused (by ${job.paused_by})` : job.status],
    ["Next run", nextRunInZones(job, now)],
    ["Asleep", asleep(job, now)],
    ["Last run", job.last_run === null ? "-" : instantAndDistance(job.last_run, now)],
    ["Latest", latestOf(runs, now)],
    ["Failures", `${job.failure_count} in a row`],
    ["Runs as", sleeping(job)],
    ["Session", sessionModeOf(job)],
    ["Context", contextOf(runs)],
    ["Spent", spentOf(runs)],
    ["Identity", job.agent_pin_jwt],
    ["Delivery", job.delivery.length === 0 ? "none" : job.delivery.join(", ")],
    ["Lost", lost],
    ["Labels", job.labels.length === 0 ? undefined : job.labels.join(", ")],
    ["From file", job.source_file ?? undefined]
  ]
  return lines.flatMap(([name, value]) => (value === undefined ? [] : `${name.padEnd(10)}${plain(value)}`)).join("\n")
}

const text = Effect.fnUntraced(function* (seen: Seen, times: Effect.Effect<Times>) {
  const about = details(seen, yield* Clock.currentTimeMillis)
  if (Option.isNone(seen.listed)) return about
  return `${about}\n\n${yield* tableOfRuns(seen.listed.value, yield* times)}`
})

/** `symbi cron status` */
export const status = Command.make(
  "status",
  {
    job,
    history: integerBetween("history", 1, 1_000).pipe(
      Options.withDescription("also the last N runs, 1 to 1000"),
      Options.optional
    ),
    watch: Options.boolean("watch").pipe(Options.withDescription("show it again every 5 seconds, until Ctrl-C")),
    time
  },
  ({ job, history, time, watch }) => {
    const path = { job_id: job }
    const look = Effect.gen(function* () {
      const found = yield* withClient((client) => client.schedule.get({ path }))
      const lost = found.delivery.length === 0 ? undefined : yield* undelivered(found)
      const most = Math.max(
        lookedAt,
        Option.getOrElse(history, () => 0)
      )
      const runs = yield* withClient((client) =>
        client.schedule.history({ path: { job_id: found.id }, urlParams: { limit: most } })
      )
      const seen: Seen = { job: found, lost, runs, listed: Option.map(history, (limit) => runs.slice(0, limit)) }
      return seen
    })
    const shown = (seen: Seen) => text(seen, timesFor(time))
    return watch ? watching(look, shown) : Effect.flatMap(Effect.flatMap(look, shown), Console.log)
  }
).pipe(Command.withDescription("Show a job and when it runs next"))
