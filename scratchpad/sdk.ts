// A program of somebody else's that speaks to a service through `symbiont-scheduler/sdk`. Run it after `npm run build` with
//   npx esbuild scratchpad/sdk.ts | node --input-type=module - http://127.0.0.1:8080
import { type Job, type JobDefinition, SymbiontClient, SymbiontError } from "symbiont-scheduler/sdk"

const client = new SymbiontClient({ baseUrl: process.argv[2] ?? "http://127.0.0.1:8080" })

const definition: JobDefinition = {
  name: "nightly",
  agentId: "backup",
  cronExpr: "0 3 * * *",
  policy: { maxRuntime: "30m", allowedHours: { start: "00:00", end: "06:00" } }
}

const job: Job = await client.schedule.create(definition)
const due: string | null = job.next_run
const labels: ReadonlyArray<string> = job.labels
process.stdout.write(`${job.name}: ${job.cron_expr} for ${job.agent_id}\n`)

try {
  await client.schedule.create({ ...definition, labels, description: due ?? undefined })
} catch (error) {
  if (!(error instanceof SymbiontError)) throw error
  process.stdout.write(`${error.status} ${error.code}\n`)
}

// What no service would take does not compile.
// @ts-expect-error: the key is cronExpr
const misspelt: JobDefinition = { name: "x", agentId: "y", cronExpression: "* * * * *" }
// @ts-expect-error: an agent is needed
const incomplete: JobDefinition = { name: "x" }
// @ts-expect-error: no such status
const never = () => client.schedule.list({ status: "sleeping" })
// @ts-expect-error: an answer has the API's keys
const camel = job.nextRun

const jobs: Array<Job> = []
for await (const one of client.schedule.listAll({ agentId: "backup", limit: 1 })) jobs.push(one)
process.stdout.write(`${jobs.length} job\n`)
await client.schedule.delete(job.id)

export { camel, incomplete, misspelt, never }
