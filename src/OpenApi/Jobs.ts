import type { Jobs } from "../Jobs.ts"
import type { SessionDesk } from "../Sessions.ts"
import type { Explanations } from "../Why.ts"
import { errorsOf } from "./Failures.ts"
import type { Operations } from "./Operation.ts"
import * as samples from "./Samples.ts"

type Door = Jobs["Type"]

const { input, labels, agent_id, cron_expr, name, timezone } = samples.job

/** Jobs. */
export const schedule: Operations = {
  create: {
    description: `Stores a job under a name that no other job has; the answer has the job with its id, and \`Location\` leads to it. Give exactly one of \`cron_expr\`, \`every\` and \`at\`.

A trigger that never fires, an instant that is past (without \`misfire\`), an unknown key and a channel without its settings are refused, each by its path. An agent that this service does not know is only a warning in \`warnings\`: runs are denied until it is loaded. A \`gate\` with a command needs the scope \`admin\`.`,
    errors: errorsOf<Door["create"]>({ JobInvalid: true, JobNameTaken: true }),
    body: {
      schema: "JobDefinition",
      example: { name, agent_id, cron_expr, timezone, input, labels, delivery: ["log_file"] }
    },
    answers: "JobWithWarnings",
    answer: { ...samples.job, warnings: [] }
  },
  list: {
    description:
      "Jobs in the order of their creation; the filters combine. At most `limit` of them (100 unless given): where there are more, the `Link` header has the next page.",
    errors: errorsOf<Door["list"]>({}),
    answer: [samples.job]
  },
  preview: {
    description:
      "What a trigger would do, before a job has it: its next instants in UTC and in its zone, the trigger in words, and notes on what may surprise (clock changes, hours that the policy denies). Nothing is stored.",
    errors: errorsOf<Door["preview"]>({ JobInvalid: true }),
    body: { schema: "PreviewRequest", example: { cron_expr: "0 9 * * MON-FRI", timezone: "Europe/Berlin", count: 2 } },
    answer: {
      description: "At 09:00, Monday through Friday",
      timezone: "Europe/Berlin",
      upcoming: ["2026-02-16T08:00:00.000Z", "2026-02-17T08:00:00.000Z"],
      local: ["2026-02-16 09:00:00 Europe/Berlin", "2026-02-17 09:00:00 Europe/Berlin"],
      notes: []
    }
  },
  get: {
    description: "A job: its definition and its state. The `ETag` is for `If-Match` of a change. Secrets are redacted.",
    errors: errorsOf<Door["get"]>({ JobNotFound: true, JobUnreadable: true }),
    answer: samples.job
  },
  update: {
    description: `Changes the fields that the body names and leaves the others; \`null\` clears one. A new trigger takes the place of the old one and counts from now: an edit never fires by itself.

With \`If-Match\` the change is made only to the version that it names. A \`gate\` with a new command needs the scope \`admin\`.`,
    errors: errorsOf<Door["update"]>({
      JobInvalid: true,
      JobNotFound: true,
      JobNameTaken: true,
      JobVersionMismatch: true,
      JobUnreadable: true
    }),
    body: { schema: "JobPatch", example: { cron_expr: "0 */2 * * *", description: null } },
    answer: {
      ...samples.job,
      cron_expr: "0 */2 * * *",
      next_run: "2026-02-15T15:00:00.000Z",
      updated_at: "2026-02-15T13:12:40.120Z",
      version: 2,
      warnings: []
    }
  },
  remove: {
    description:
      "Deletes a job. Runs in flight finish, those that wait are cancelled, and all stay readable by their ids; the name is free again.",
    errors: errorsOf<Door["remove"]>({ JobNotFound: true }),
    answer: { id: samples.ids.job, deleted: true }
  },
  pause: {
    description: "Stops new slots; runs that have begun or wait finish. A job that is paused stays as it is.",
    errors: errorsOf<Door["pause"]>({ JobNotFound: true, JobStateConflict: true, JobUnreadable: true }),
    answer: { ...samples.job, status: "paused", paused_by: "operator", version: 2 }
  },
  resume: {
    description:
      "Makes a paused job active from now on; slots that passed meanwhile are not replayed. An instant that has passed needs a new trigger first.",
    errors: errorsOf<Door["resume"]>({ JobNotFound: true, JobStateConflict: true, JobUnreadable: true }),
    answer: { ...samples.job, version: 3 }
  },
  reset: {
    description: "Makes a dead-lettered job active again and forgets its failures. A job that is not dead is refused.",
    errors: errorsOf<Door["reset"]>({ JobNotFound: true, JobStateConflict: true, JobUnreadable: true }),
    answer: { ...samples.job, version: 4 }
  },
  run: {
    description: `Starts a run outside the schedule, whatever the job's status; its policy holds, its schedule does not move. The body may be left out: then the agent gets the job's own \`input\`.

A job at \`max_concurrent\` is refused unless \`queue=true\`. The same \`Idempotency-Key\` with the same body within 24 hours gives the same run.`,
    errors: errorsOf<Door["runNow"]>({
      JobNotFound: true,
      JobUnreadable: true,
      ConcurrencyLimitReached: true,
      IdempotencyConflict: true
    }),
    body: { schema: "RunRequest", example: { input: "Check production database" } },
    answers: "Run",
    answer: samples.startedRun
  },
  backfill: {
    description:
      "Runs past slots of a job, from `from` on and before `to`, each as a run of its own behind the job's others; slots that have succeeded are left out unless `all` is set. At most 1,000 slots. With `dry_run` it only says which.",
    errors: errorsOf<Door["backfill"]>({ JobNotFound: true, JobUnreadable: true, BackfillInvalid: true }),
    body: { schema: "BackfillRequest", example: { from: "2026-02-01", to: "2026-02-03", dry_run: true } },
    answers: "Backfill",
    answer: samples.backfill
  },
  history: {
    description:
      "A job's runs, newest first: each slot has its row here, also those that were skipped, missed or denied. Filtered before they are counted; the next page is in the `Link` header. `output`, `iterations` and `tool_calls` are on the single run.",
    errors: errorsOf<Door["history"]>({ JobNotFound: true }),
    answer: [samples.runSummary]
  },
  nextRun: {
    description:
      "When a job is due next; null while it is not active. With `count` also that many slots ahead, the instants at which their runs start (jitter), and notes.",
    errors: errorsOf<Door["upcoming"]>({ JobNotFound: true, JobUnreadable: true }),
    answer: { next_run: samples.job.next_run }
  },
  why: {
    description:
      "Why a job ran or did not, from what the ledger tells: with `at` about that instant, else about its latest run.",
    errors: errorsOf<Explanations["Type"]["job"]>({ JobNotFound: true, JobUnreadable: true, WhyInvalid: true }),
    answer: samples.why
  }
}

/** Single runs. */
export const runs: Operations = {
  get: {
    description: "A run, whole: with its output, the iterations of a heartbeat and the uses of tools.",
    errors: errorsOf<Door["getRun"]>({ RunNotFound: true }),
    answer: samples.run
  },
  log: {
    description:
      "What a run wrote on its way (of commands: stderr), as text. With `follow=true` as server-sent events: `log` with text as it comes, `end` when the run has ended.",
    errors: errorsOf<Door["getRun"]>({ RunNotFound: true }),
    answer: "checking 12 databases\nall of them answer\n"
  },
  cancel: {
    description: "Ends a run that waits, and stops one that runs (the whole process group of a command).",
    errors: errorsOf<Door["cancelRun"]>({ RunNotFound: true, RunEnded: true }),
    answer: samples.cancelledRun
  },
  why: {
    description: "Why a run ran, waits, failed, did not run or was not delivered, and what to do about it.",
    errors: errorsOf<Explanations["Type"]["run"]>({ RunNotFound: true }),
    answer: samples.why
  }
}

/** Shared sessions. */
export const sessions: Operations = {
  get: {
    description:
      "How large the session is that the runs of a `shared_persistent` job share. A job that shares none has `id` null.",
    errors: errorsOf<SessionDesk["get"]>({ JobNotFound: true, JobUnreadable: true }),
    answer: samples.session
  },
  clear: {
    description: "Puts a job's session into the archive; its next run starts a new one. Refused while a run uses it.",
    errors: errorsOf<SessionDesk["clear"]>({ JobNotFound: true, JobUnreadable: true, SessionInUse: true }),
    answer: {
      ...samples.session,
      id: null,
      turns: 0,
      bytes: 0,
      archived_bytes: 4_120,
      created_at: null,
      updated_at: null
    }
  }
}
