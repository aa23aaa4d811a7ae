import type { Access } from "../Access.ts"
import { errorsOf } from "./Failures.ts"
import type { Operations } from "./Operation.ts"
import * as samples from "./Samples.ts"

/** The audit log. */
export const audit: Operations = {
  query: {
    description:
      "What was done, by whom and why, newest first; the filters combine, and the next page is in the `Link` header. Entries are never changed; each holds the hash of the one before.",
    answer: [samples.auditEvent]
  },
  verify: {
    description:
      "Computes the hash chain of the whole log again and compares it with the checkpoints in the data folder. `ok` is false where it was changed, cut or reordered, and `broken` then names the first entry that is wrong.",
    answer: samples.auditVerdict
  },
  compare: {
    description:
      "The same, and compares with checkpoints that were kept elsewhere: also a log that was rewritten whole shows.",
    body: { schema: "AuditVerification", example: { checkpoints: [samples.checkpoint] } },
    answer: samples.auditVerdict
  },
  checkpoint: {
    description: "Signs how far the log reaches now (Ed25519). Keep the answer somewhere else.",
    answer: samples.checkpoint
  }
}

/** API keys. */
export const keys: Operations = {
  list: {
    description:
      "The stored keys, without their secrets; with `all=true` revoked ones too. Keys of the configuration are not among them.",
    answer: [samples.key]
  },
  create: {
    description:
      "Makes a key. `secret` is in this answer only: the service keeps its hash. The first key must have the scope `admin`, and ends the open mode.",
    errors: errorsOf<Access["create"]>({ KeyInvalid: true, KeyNameTaken: true, KeyUnknown: true }),
    body: { schema: "KeyRequest", example: { name: "dashboard", scopes: ["read"], expires_in: "90d" } },
    answers: "CreatedKey",
    answer: {
      ...samples.key,
      name: "dashboard",
      scopes: ["read"],
      expires_at: "2026-05-16T13:10:27.089Z",
      secret: "symbi_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    }
  },
  revoke: {
    description: "Ends a key at once. The last one with the scope `admin` stays.",
    errors: errorsOf<Access["revoke"]>({ KeyNotFound: true, LastAdminKey: true }),
    answer: { ...samples.key, revoked_at: "2026-02-15T14:00:00.000Z" }
  }
}

/** How the service is. */
export const health: Operations = {
  live: {
    description: "Says that the process answers; for probes that restart it. It looks at nothing.",
    answer: { status: "ok", version: "1.0.0" }
  },
  scheduler: {
    description:
      "How the scheduler is: `degraded` while something is wrong that `/health/findings` tells of, and 503 with `unhealthy` when its store or its loop is down. Totals last over restarts: `runs_total` is what succeeded and what failed.",
    answer: samples.health,
    down: { ...samples.health, status: "unhealthy" }
  },
  findings: {
    description:
      "What is not as it should be, as the last look found it: errors first, each with how many there are, some of their ids, and what to do. The service looks at its start and every 30 seconds.",
    answer: [
      {
        check: "overdue_job",
        severity: "error",
        message: "1 job is due and was not looked at",
        next_step: "see symbi logs --filter scheduler --level debug; then restart the service",
        count: 1,
        examples: ["job_01m7xgyj8j2xaf0gn9em981mef"]
      }
    ]
  }
}

/** What the service says about itself. */
export const logs: Operations = {
  read: {
    description:
      "The service's log, oldest first: the latest `lines` entries that match. With `follow=true` server-sent events instead: `log` events with an entry each, from those on, or from after `Last-Event-ID`.",
    answer: [
      {
        id: "01m7xgymnc30h5pps56h31v2xr-1",
        time: "2026-02-15T14:00:00.000Z",
        level: "info",
        component: "scheduler",
        message: "run succeeded",
        fields: { job_name: "hourly-report", run_id: "run_01m7xgymnc30h5pps56h31v2xr", attempt: 1 }
      }
    ]
  }
}

/** Beside the API. */
export const meta: Operations = {
  metrics: {
    description: "Metrics in the text format of Prometheus. 404 where `[scheduler] enable_metrics` is off.",
    own: ["METRICS_OFF"],
    answer: `# HELP symbiont_cron_in_flight_jobs Runs that are executing now.
# TYPE symbiont_cron_in_flight_jobs gauge
symbiont_cron_in_flight_jobs 3
`
  }
}
