import * as HttpServer from "@effect/platform/HttpServer"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { formatInstant } from "../Domain/Instant.ts"
import type { Job } from "../Domain/Job.ts"
import { type DeliveryCounts, JobStore } from "../JobStore.ts"
import { Jobs } from "../Jobs.ts"
import { Settings } from "../Settings.ts"
import { version } from "../Version.ts"
import { AppliedAtStart } from "./Files.ts"

/** Jobs named at start; the rest is counted. */
const maxListed = 20

const triggerOf = (job: Job): string =>
  job.cron_expr ?? (job.every === undefined ? `at ${job.at}` : `every ${job.every}`)

const nextOf = (job: Job): string => {
  if (job.status !== "active") return job.status
  return job.next_run === null ? "running" : `next ${formatInstant(job.next_run)}`
}

const lineOf = (width: number) => (job: Job) => `  ${job.name.padEnd(width)}  ${triggerOf(job)}  ->  ${nextOf(job)}`

const lostLines = ({ dead, failed }: DeliveryCounts): ReadonlyArray<string> => {
  const states = [...(failed === 0 ? [] : [`${failed} failed`]), ...(dead === 0 ? [] : [`${dead} dead`])]
  if (states.length === 0) return []
  return [`not delivered: ${states.join(", ")} (symbi deliveries list --state ${failed === 0 ? "dead" : "failed"})`]
}

/** Says on stderr what runs and where, once the server listens. */
export const announcement = Layer.effectDiscard(
  Effect.gen(function* () {
    const server = yield* HttpServer.HttpServer
    const settings = yield* Settings
    const jobs = yield* Jobs
    const { files } = yield* AppliedAtStart
    const lost = yield* Effect.flatMap(JobStore, (store) => store.deliveryCounts)
    const { items, next } = yield* jobs.list({ limit: maxListed })
    const host = settings.server.host.includes(":") ? `[${settings.server.host}]` : settings.server.host
    const port = server.address._tag === "TcpAddress" ? server.address.port : settings.server.port
    const width = Math.max(0, ...items.map((job) => job.name.length))
    const lines = [
      `symbi ${version} is up: http://${host}:${port}/api/v1 (docs: http://${host}:${port}/docs)`,
      `data in ${settings.data_dir}; ${files} file${files === 1 ? "" : "s"} of agents and schedules read`,
      ...(items.length === 0
        ? [`no jobs yet: add one with symbi cron add, or put a file into agents/`]
        : ["jobs:", ...items.map(lineOf(width)), ...(next === null ? [] : ["  ... and more: symbi cron list"])]),
      ...lostLines(lost),
      "Ctrl-C stops; runs in flight may end first"
    ]
    yield* Console.error(lines.join("\n"))
  })
)
