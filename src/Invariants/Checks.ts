import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { AuditHead } from "../Domain/Audit.ts"
import { durationMillis } from "../Domain/Duration.ts"
import type { Finding } from "../Domain/Health.ts"
import { JobStore } from "../JobStore.ts"
import { NamedPolicies } from "../PolicyGate.ts"
import { BootIdentity, maxRuntimeOf, SchedulerStatus } from "../Scheduler.ts"
import { Settings } from "../Settings.ts"
import { InvariantStore, maxCounted } from "./InvariantStore.ts"
import { makeSuspicion } from "./Suspicion.ts"

/** What the dispatcher is given beyond its tick before something counts as late, in ms. */
const patience = 30_000

/** What a run may take beyond its max_runtime to be stopped and recorded, in ms. */
const stopGrace = 120_000

/** What a delivery may wait for its turn behind others of its destination, in ms. */
const deliveryGrace = 300_000

/** How long entries of the audit log may be without a checkpoint, in ms. */
const checkpointGrace = 300_000

/** Runs under way that are asked whether they should have been stopped. */
const maxRunning = 200

const examples = 5

type Said = Pick<Finding, "check" | "severity" | "next_step"> & { readonly what: (count: string) => string }

const finding = (
  { check, next_step, severity, what }: Said,
  ids: ReadonlyArray<string>,
  count = ids.length
): ReadonlyArray<Finding> =>
  count === 0
    ? []
    : [
        {
          check,
          severity,
          message: what(count >= maxCounted ? `${maxCounted} or more` : String(count)),
          next_step,
          count: Math.min(count, maxCounted),
          examples: ids.slice(0, examples)
        }
      ]

const logged = "read the service's log, and start it again if this stays"

/** The newest checkpoint of the audit log, if there is any, and the log's head. */
export interface CheckpointState {
  readonly newest: AuditHead | undefined
  readonly head: AuditHead
}

/** All checks, each a few indexed questions; what they find, errors first. */
export const makeChecks = (checkpoints: Effect.Effect<CheckpointState>) =>
  Effect.gen(function* () {
    const rows = yield* InvariantStore
    const jobs = yield* JobStore
    const status = yield* SchedulerStatus
    const { id: owner, started_at } = yield* BootIdentity
    const { scheduler } = yield* Settings
    const { policies } = yield* NamedPolicies
    const grace = scheduler.tick_interval_seconds * 1_000 + patience
    const suspicion = makeSuspicion()
    let uncovered: { readonly seq: number; readonly since: number } | null = null

    const overlong = Effect.fnUntraced(function* (now: number) {
      const ids: Array<string> = []
      for (const { job_id, run_id, started_at } of yield* rows.running(maxRunning)) {
        if (now - started_at <= stopGrace) continue
        const job = yield* Effect.orElseSucceed(jobs.findJob(job_id), () => null)
        // What held as the run started is not known any more.
        if (job === null || job.updated_at > started_at) continue
        const limit = maxRuntimeOf(job, policies, scheduler.default_max_runtime)
        if (limit !== "none" && now - started_at > durationMillis(limit) + stopGrace) ids.push(run_id)
      }
      return ids
    })

    const isBehind = Effect.fnUntraced(function* (now: number) {
      const { head, newest } = yield* checkpoints
      const seq = newest?.seq ?? 0
      if (head.seq <= seq) {
        uncovered = null
        return false
      }
      if (uncovered?.seq !== seq) uncovered = { seq, since: now }
      return now - uncovered.since > checkpointGrace
    })

    // What a service finds as it starts is not late yet: the first looks deal with it.
    const timely = Effect.fnUntraced(function* (now: number, before: number | null) {
      if (now - started_at < grace) return []
      const lasting = (said: Said, ids: ReadonlyArray<string>) => finding(said, suspicion.lasting(said.check, ids, now))
      if (!(yield* status.loopAlive)) {
        const [stopped] = suspicion.lasting("dispatcher_stopped", ["loop"], now)
        return finding(
          {
            check: "dispatcher_stopped",
            severity: "error",
            what: () => "the dispatcher does not look for due jobs any more",
            next_step: "start the service again; its log says what happened"
          },
          [],
          stopped === undefined ? 0 : 1
        )
      }
      // A moment in which there is room comes between two runs of any backlog.
      const hadRoom = before !== null && (yield* status.lastFull) < before
      return [
        ...lasting(
          {
            check: "overdue_job",
            severity: "error",
            what: (n) => `${n} active jobs are past their time and were not claimed`,
            next_step: `ask \`symbi why JOB\`; ${logged}`
          },
          yield* rows.overdueJobs(now - grace)
        ),
        ...lasting(
          {
            check: "run_not_started",
            severity: "error",
            what: (n) => `${n} runs could have started and have not, though there is room`,
            next_step: `ask \`symbi why RUN\`; ${logged}`
          },
          hadRoom ? yield* rows.unstartedRuns(now - grace) : []
        ),
        ...lasting(
          {
            check: "stale_lease",
            severity: "error",
            what: (n) => `${n} running runs belong to no service that lives`,
            next_step: logged
          },
          yield* rows.staleRuns(owner, now)
        ),
        ...lasting(
          {
            check: "run_too_long",
            severity: "error",
            what: (n) => `${n} runs go on beyond their max_runtime`,
            next_step: "cancel them (POST /api/v1/runs/RUN/cancel); their agents do not stop when told to"
          },
          yield* overlong(now)
        ),
        ...lasting(
          {
            check: "approval_overdue",
            severity: "error",
            what: (n) => `${n} approvals are past their end and still pending`,
            next_step: `decide them by hand (symbi approvals deny ID); ${logged}`
          },
          yield* rows.overdueApprovals(now - grace)
        ),
        ...lasting(
          {
            check: "delivery_not_attempted",
            severity: "error",
            what: (n) => `${n} deliveries have been due for more than 5 minutes`,
            next_step: "see `symbi deliveries list --state pending`: is a destination slow, or down?"
          },
          yield* rows.waitingDeliveries(now - deliveryGrace)
        )
      ]
    })

    const scan = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const quarantined = yield* rows.quarantined
      const broken = yield* rows.auditTail
      const found = [
        ...(yield* timely(now, suspicion.begin(now))),
        ...finding(
          {
            check: "quarantined_job",
            severity: "error",
            what: (n) => `${n} jobs are set aside, as their rows are damaged or cannot be planned`,
            next_step:
              "the log and `symbi audit query --type CronJobQuarantined` say why; write them again, or remove them"
          },
          quarantined.ids,
          quarantined.count
        ),
        ...finding(
          {
            check: "unknown_state",
            severity: "error",
            what: (n) => `${n} rows are in a state that this version does not know`,
            next_step: "was the database edited, or written by a newer version? restore a backup"
          },
          yield* rows.unknownStates
        ),
        ...finding(
          {
            check: "audit_chain",
            severity: "error",
            what: () => `the audit log is not as it was written: ${broken}`,
            next_step: "run `symbi audit verify` for all of it, and keep the database as evidence"
          },
          [],
          broken === null ? 0 : 1
        ),
        ...finding(
          {
            check: "checkpoints_behind",
            severity: "warning",
            what: () => "the audit log's last entries have no checkpoint yet",
            next_step: "is audit-checkpoints.log in the data folder writable, and the disk not full?"
          },
          [],
          (yield* isBehind(now)) ? 1 : 0
        ),
        ...finding(
          {
            check: "delivery_undelivered",
            severity: "warning",
            what: (n) => `${n} deliveries failed or are dead`,
            next_step: "see `symbi deliveries list --state failed` (or dead), then `symbi deliveries redeliver`"
          },
          yield* rows.undelivered
        )
      ]
      return found.toSorted((a, b) => (a.severity < b.severity ? -1 : a.severity > b.severity ? 1 : 0))
    })

    return scan
  })
