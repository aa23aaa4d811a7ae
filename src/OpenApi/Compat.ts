import type { Jobs } from "../Jobs.ts"
import { errorsOf } from "./Failures.ts"
import type { Operations } from "./Operation.ts"
import * as samples from "./Samples.ts"

type Door = Jobs["Type"]

const { agent_id: agent_name, cron_expr: cron_expression, name, timezone } = samples.job
const { job: job_id } = samples.ids

const changing = { JobNotFound: true, JobStateConflict: true, JobUnreadable: true } as const

/** The dialect of the published SDKs. */
export const compat: Operations = {
  list: {
    description: "All schedules in the order of their creation; there are no pages.",
    errors: errorsOf<Door["list"]>({}),
    own: ["LIST_SCHEDULES_FAILED"],
    answer: [samples.compatSummary]
  },
  create: {
    description: `Creates a job whose output goes to its log file. \`cron_expression\` is all that the service takes (five or six fields), \`@every 90s\`, or \`@at\` with an instant; the zone is UTC unless given. With \`one_shot\` it runs at the first match alone.

\`policy_ids\` may name one policy that is provided to the service; others, and more than one, are refused. Unknown keys are ignored.`,
    errors: errorsOf<Door["create"]>({ JobInvalid: true, JobNameTaken: true }),
    code: "CREATE_SCHEDULE_FAILED",
    body: {
      schema: "CompatCreateSchedule",
      example: { name, cron_expression, agent_name, timezone, policy_ids: [], one_shot: false }
    },
    answers: "CompatScheduleCreated",
    answer: { job_id, next_run: samples.job.next_run, status: "created" }
  },
  get: {
    description:
      "A schedule, by its id or its name. `run_count` and `failure_count` are of all its runs that came to an end of their own.",
    errors: errorsOf<Door["get"]>({ JobNotFound: true, JobUnreadable: true }),
    codes: { JobNotFound: "SCHEDULE_NOT_FOUND", JobUnreadable: "SCHEDULE_UNREADABLE" },
    answer: samples.compatDetail
  },
  update: {
    description:
      "Changes what the body names and leaves the rest, also whether it runs once; `policy_ids: []` clears the policy.",
    errors: errorsOf<Door["update"]>({
      JobInvalid: true,
      JobNotFound: true,
      JobNameTaken: true,
      JobVersionMismatch: true,
      JobUnreadable: true
    }).filter((tag) => tag !== "JobVersionMismatch"),
    code: "UPDATE_SCHEDULE_FAILED",
    body: { schema: "CompatUpdateSchedule", example: { cron_expression: "0 */2 * * *" } },
    answer: { ...samples.compatDetail, cron_expression: "0 */2 * * *" }
  },
  remove: {
    description: "Deletes a schedule; its runs stay readable in the main API.",
    errors: errorsOf<Door["remove"]>({ JobNotFound: true }),
    code: "SCHEDULE_NOT_FOUND",
    answer: { job_id, deleted: true }
  },
  pause: {
    description: "Stops new runs by the schedule. No body.",
    errors: errorsOf<Door["pause"]>(changing),
    code: "SCHEDULE_PAUSE_FAILED",
    answer: { job_id, action: "pause", status: "paused" }
  },
  resume: {
    description: "Makes a paused schedule active from now on. No body.",
    errors: errorsOf<Door["resume"]>(changing),
    code: "SCHEDULE_RESUME_FAILED",
    answer: { job_id, action: "resume", status: "active" }
  },
  trigger: {
    description: "Starts a run now; a job at its `max_concurrent` is refused. No body.",
    errors: errorsOf<Door["runNow"]>({
      JobNotFound: true,
      JobUnreadable: true,
      ConcurrencyLimitReached: true,
      IdempotencyConflict: true
    }).filter((tag) => tag !== "IdempotencyConflict"),
    code: "SCHEDULE_TRIGGER_FAILED",
    answer: { job_id, action: "trigger", status: "triggered" }
  },
  history: {
    description:
      "A schedule's runs, newest first, 50 unless `limit` says otherwise; none where the schedule is not known. A run that never started has the instant at which it was due as `started_at`.",
    answer: { job_id, history: [samples.compatRun] }
  },
  nextRuns: {
    description:
      "The next instants at which a schedule is due, 10 unless `count` says otherwise; none while it is not active.",
    errors: errorsOf<Door["upcoming"]>({ JobNotFound: true, JobUnreadable: true }),
    code: "SCHEDULE_NEXT_RUNS_FAILED",
    answer: { job_id, next_runs: ["2026-02-16T08:00:00.000Z", "2026-02-17T08:00:00.000Z"] }
  },
  health: {
    description: "The scheduler's health in 13 keys. Times are in milliseconds; totals last over restarts.",
    own: ["SCHEDULER_HEALTH_FAILED"],
    answer: {
      is_running: true,
      store_accessible: true,
      jobs_total: 19,
      jobs_active: 15,
      jobs_paused: 3,
      jobs_dead_letter: 1,
      global_active_runs: 2,
      max_concurrent: 10,
      runs_total: 1_234,
      runs_succeeded: 1_180,
      runs_failed: 54,
      average_execution_time_ms: 849.9,
      longest_run_ms: 61_200
    }
  }
}
