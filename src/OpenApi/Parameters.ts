import { ids } from "./Samples.ts"

interface Parameter {
  readonly description: string
  readonly example?: string
}

/** What the parameters of routes mean, by name; those of one operation by `operation/name`. */
export const parameters: Readonly<Record<string, Parameter>> = {
  agent_id: { description: "The agent's name.", example: "reporter" },
  "schedule.list/agent_id": { description: "Only jobs of this agent.", example: "reporter" },
  approval_id: { description: "The approval's id, or its run's.", example: ids.approval },
  delivery_id: { description: "The delivery's id.", example: ids.delivery },
  job_id: { description: "The job's id, or its name.", example: "daily-report" },
  key: { description: "The key's id, or its name.", example: "ops" },
  run_id: { description: "The run's id.", example: ids.run },
  limit: { description: "How many at most, 1 to 1,000." },
  cursor: { description: "Where the page begins: take it from the `Link` header of the page before." },
  "schedule.list/status": { description: "Only jobs of this status." },
  "schedule.list/label": { description: "Only jobs with this label.", example: "reports" },
  "schedule.history/status": { description: "Only runs of this status." },
  "schedule.nextRun/count": { description: "How many slots to look ahead, 1 to 1,000.", example: "5" },
  "schedule.why/at": {
    description:
      "About which instant: ISO 8601, in the job's zone unless it has an offset. Without it: the latest run.",
    example: "2026-02-15T09:00"
  },
  "if-match": { description: "Change only this version: the `ETag` of an earlier answer.", example: '"3"' },
  "idempotency-key": {
    description: "Of 1 to 255 characters: the same key with the same body within 24 hours gives the same run.",
    example: "deploy-42"
  },
  queue: { description: "`true`: wait for a place when the job is at `max_concurrent`.", example: "true" },
  follow: { description: "`true`: as server-sent events, until the run ends.", example: "true" },
  "approvals.list/state": { description: "`pending` unless given; `all` for every state." },
  "deliveries.list/state": { description: "Only deliveries of this state." },
  channel: { description: "Only deliveries of this channel.", example: "webhook" },
  job: { description: "Only those of this job: its id or its name.", example: "daily-report" },
  format: { description: "`symbi` (unless given) or `json`." },
  type: { description: "Only entries of this type.", example: "CronJobFailed" },
  since: { description: "From this day or instant on.", example: "2026-02-01" },
  until: { description: "Before this day or instant.", example: "2026-02-15T12:00:00Z" },
  run: { description: "Only entries about this run.", example: ids.run },
  actor: { description: "Only what this one did: a key's id, `cli`, `api` or `scheduler`.", example: "cli" },
  filter: {
    description:
      "A component such as `scheduler` or `delivery`, or the beginning of its name; a job's name; the id of a job, run or delivery.",
    example: "scheduler"
  },
  level: { description: "The least level; without it, the one that is logged." },
  lines: { description: "How many at most, 1 to 10,000; 100 unless given.", example: "50" },
  "logs.read/follow": { description: "`true`: as server-sent events, on and on." },
  "last-event-id": { description: "Go on after this entry, when following." },
  "keys.list/all": { description: "`true`: revoked keys too.", example: "true" },
  "compat.history/limit": {
    description: "How many at most, 1 to 1,000; anything else is taken for 50.",
    example: "50"
  },
  "compat.nextRuns/count": { description: "How many, 1 to 1,000; anything else is taken for 10.", example: "10" }
}

/** What the groups of routes are about. */
export const tags: Readonly<Record<string, string>> = {
  Schedule: "Jobs: when which agent runs, and what becomes of its output.",
  Runs: "What happened to one slot, or to one run by hand.",
  Sessions: "What a job's runs remember together.",
  Approvals: "Runs that wait for a person.",
  Deliveries: "What is on its way to channels, what arrived and what did not.",
  Budgets: "What may be spent, and what is.",
  Agents: "What runs.",
  Files: "Jobs as `.symbi` files.",
  Audit: "Who did what: an append-only log with a hash chain.",
  Keys: "API keys and their scopes. All of it needs `admin`.",
  Compat:
    "The dialect of the published Symbiont SDKs over the same jobs. Base URL of the JavaScript SDK: `http://HOST:PORT/compat`; of the Python SDK: `http://HOST:PORT/compat/api/v1`.",
  Logs: "What the service says about itself. It needs `admin`.",
  Health: "How the service is.",
  Meta: "Beside the API."
}
