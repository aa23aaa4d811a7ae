import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { Place } from "./Place.ts"

// Agents that fail here are told of, and their jobs are not to die of it. Slots older than the grace follow the misfire
// policy: short, so that outages of seconds have late slots. Few deliveries at once and quick retries: at each kill some
// wait for their turn, and some are under way.
const config = `[scheduler]
misfire_grace = "1s"
default_max_retries = 1000
max_concurrent_jobs = 20
[scheduler.delivery]
allow_hosts = ["127.0.0.1"]
concurrency = 2
retry_attempts = 100
retry_delay = "10ms"
`

const misfires = ["run_all", "skip", "run_once"] as const

/** What the names of the jobs begin with that have a slot each second. */
export const tickPrefix = "tick-"

/** Whether a job tells the webhook of its runs. */
export const tells = (name: string): boolean =>
  name.startsWith(tickPrefix) && Number(name.slice(tickPrefix.length)) % 2 === 1

/** Whether a job leaves out what it missed. */
export const skipsMissed = (name: string): boolean =>
  name.startsWith(tickPrefix) && Number(name.slice(tickPrefix.length)) % 3 === 1

const jobsTo = (webhook: string, mark: string, count: number): string => {
  const [name, value] = mark.split("=")
  const env = `env: { ${name}: "${value}" }`
  return [
    `agent quick { command: ["sh", "-c", "echo $SYMBI_RUN_ID"] ${env} }`,
    // Under way at many kills: what is left of it must not go on beside the next attempt.
    `agent slow { command: ["sh", "-c", "sleep 0.7; echo $SYMBI_RUN_ID"] ${env} }`,
    ...Array.from({ length: count }, (_, n) => {
      const trigger = n % 4 < 2 ? `every: "1s"` : `cron: "* * * * * *"`
      const delivery = tells(`${tickPrefix}${n}`) ? `delivery: ["webhook"] webhook_url: "${webhook}"` : ""
      const misfire = `misfire: "${misfires[n % 3]}"`
      return `schedule { name: "${tickPrefix}${n}" agent: "${n % 6 === 3 ? "slow" : "quick"}" ${trigger} ${misfire} ${delivery} }`
    })
  ].join("\n")
}

/** Makes a folder of a place a working folder whose service has so many jobs, with a slot each second. */
export const writeLoad = Effect.fnUntraced(function* (place: Place, name: string, webhook: string, count: number) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(place.folder, name)
  yield* fs.makeDirectory(path.join(folder, "agents"), { recursive: true })
  yield* fs.writeFileString(path.join(folder, "symbiont.toml"), config)
  yield* fs.writeFileString(path.join(folder, "agents", "ticks.symbi"), jobsTo(webhook, place.mark, count))
  return folder
})
