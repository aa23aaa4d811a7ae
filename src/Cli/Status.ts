import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { type Job, sessionModeOf } from "../Domain/Job.ts"
import { shellWord } from "../ShellWord.ts"
import { integerBetween, job } from "./Arguments.ts"
import { printRuns } from "./History.ts"
import { withClient } from "./Root.ts"
import { instant, localTime, nextRun, size, trigger } from "./Show.ts"
import { plain } from "./Table.ts"

/** Runs looked at for the latest that woke the agent. */
const lookedAt = 20

/** Deliveries of one state that are counted. */
const mostCounted = 1_000

const nextRunInZones = (job: Job): string => {
  const next = nextRun(job)
  if (next === null) return job.status === "paused" ? `- (symbi cron resume ${shellWord(job.name)})` : "-"
  return job.timezone === undefined || job.timezone === "UTC"
    ? `${instant(next)} (UTC)`
    : `${localTime(next, job.timezone)} = ${instant(next)} (UTC)`
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
const contextOf = (job: Job) =>
  Effect.map(
    withClient((client) => client.schedule.history({ path: { job_id: job.id }, urlParams: { limit: lookedAt } })),
    (runs) => {
      const run = runs.find(({ context_bytes }) => context_bytes !== null)
      return run === undefined ? undefined : `${size(run.context_bytes ?? 0)} (${run.id})`
    }
  )

/** Until when a heartbeat sleeps through its slots; undefined when it does not. */
const asleep = ({ heartbeat, quiet_until }: Job, now: number): string | undefined =>
  heartbeat?.backoff === undefined || quiet_until === null || quiet_until <= now
    ? undefined
    : `until ${instant(quiet_until)} (UTC), as there was nothing to do (backoff); slots before it are skipped`

const sleeping = ({ heartbeat }: Job): string | undefined =>
  heartbeat?.enabled === true
    ? `heartbeat, at most ${heartbeat.max_iterations ?? 100} iterations${heartbeat.backoff === undefined ? "" : ", with back-off"}`
    : undefined

const details = (job: Job, now: number, lost: string | undefined, context: string | undefined): string => {
  const lines: ReadonlyArray<readonly [string, string | undefined]> = [
    ["Job", job.name],
    ["Id", job.id],
    ["Agent", job.agent_id],
    ["Schedule", job.timezone === undefined ? trigger(job) : `${trigger(job)} (${job.timezone})`],
    ["Status", job.status === "paused" ? `paused (by ${job.paused_by})` : job.status],
    ["Next run", nextRunInZones(job)],
    ["Asleep", asleep(job, now)],
    ["Last run", instant(job.last_run)],
    ["Failures", `${job.failure_count} in a row`],
    ["Runs as", sleeping(job)],
    ["Session", sessionModeOf(job)],
    ["Context", context],
    ["Identity", job.agent_pin_jwt],
    ["Delivery", job.delivery.length === 0 ? "none" : job.delivery.join(", ")],
    ["Lost", lost],
    ["Labels", job.labels.length === 0 ? undefined : job.labels.join(", ")],
    ["From file", job.source_file ?? undefined]
  ]
  return lines.flatMap(([name, value]) => (value === undefined ? [] : `${name.padEnd(10)}${plain(value)}`)).join("\n")
}

const clearScreen = Effect.suspend(() =>
  process.stdout.isTTY ? Effect.sync(() => process.stdout.write("\u001b[2J\u001b[H")) : Effect.void
)

/** `symbi cron status` */
export const status = Command.make(
  "status",
  {
    job,
    history: integerBetween("history", 1, 1_000).pipe(
      Options.withDescription("also the last N runs, 1 to 1000"),
      Options.optional
    ),
    watch: Options.boolean("watch").pipe(Options.withDescription("show it again every 5 seconds, until Ctrl-C"))
  },
  ({ job, history, watch }) => {
    const path = { job_id: job }
    const show = Effect.gen(function* () {
      const found = yield* withClient((client) => client.schedule.get({ path }))
      const lost = found.delivery.length === 0 ? undefined : yield* undelivered(found)
      const context = yield* contextOf(found)
      const runs = yield* Effect.transposeMapOption(history, (limit) =>
        withClient((client) => client.schedule.history({ path, urlParams: { limit } }))
      )
      if (watch) yield* clearScreen
      yield* Console.log(details(found, yield* Clock.currentTimeMillis, lost, context))
      if (Option.isSome(runs)) {
        yield* Console.log("")
        yield* printRuns(runs.value)
      }
    })
    return watch ? Effect.asVoid(Effect.repeat(show, Schedule.spaced("5 seconds"))) : show
  }
).pipe(Command.withDescription("Show a job and when it runs next"))
