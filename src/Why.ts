import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { AuditLog } from "./AuditLog.ts"
import { definitionOf, type JobNotFound, type JobUnreadable } from "./Domain/Job.ts"
import type { RunNotFound, RunSummary } from "./Domain/Run.ts"
import { type Why, WhyInvalid } from "./Domain/Why.ts"
import { JobStore } from "./JobStore.ts"
import { compileTrigger } from "./Jobs.ts"
import { readInstant } from "./Recurrence.ts"
import { RetentionStore } from "./Retention.ts"
import { retentionMillis, Settings } from "./Settings.ts"
import { whyNoRun } from "./Why/NoRun.ts"
import { whyOfRun } from "./Why/Run.ts"

/** Audit entries of a job that are looked at, the newest. */
const maxEvents = 1_000

/** An instant that is written to the second is meant to the second. */
const namesSeconds = /[T ]\d{2}:?\d{2}:?\d{2}/i

const coversSlot = ({ missed_from, missed_to }: RunSummary, at: number): boolean =>
  missed_from !== null && missed_to !== null && missed_from <= at && at <= missed_to

/** Answers why something ran or did not, from the ledger alone. */
export class Explanations extends Context.Tag("symbiont/Explanations")<
  Explanations,
  {
    readonly run: (id: string) => Effect.Effect<Why, RunNotFound>
    /** Of a job at an instant, ISO 8601, in the job's zone unless it has an offset; of its latest run without one. */
    readonly job: (ref: string, at: string | undefined) => Effect.Effect<Why, JobNotFound | JobUnreadable | WhyInvalid>
  }
>() {
  static readonly layer: Layer.Layer<Explanations, never, JobStore | RetentionStore | AuditLog | Settings> =
    Layer.effect(
      Explanations,
      Effect.gen(function* () {
        const store = yield* JobStore
        const retention = yield* RetentionStore
        const log = yield* AuditLog
        const { scheduler } = yield* Settings

        const run = Effect.fn("Explanations.run")(function* (id: string) {
          const found = yield* store.findRun(id)
          const approval =
            found.approval_id === null ? null : yield* Effect.option(store.findApproval(found.approval_id))
          const now = yield* Clock.currentTimeMillis
          return whyOfRun(found, approval?._tag === "Some" ? approval.value : null, now)
        })

        const job = Effect.fn("Explanations.job")(function* (ref: string, at: string | undefined) {
          const stored = yield* store.findJob(ref)
          const now = yield* Clock.currentTimeMillis
          const compiled = compileTrigger(definitionOf(stored), { anchor: stored.anchor, timezone: scheduler.timezone })
          const recurrence = yield* Either.mapLeft(compiled, (error) => new WhyInvalid({ message: error.message }))
          const asked = at === undefined ? null : readInstant(at, recurrence.timezone)
          if (asked !== null && Either.isLeft(asked)) return yield* new WhyInvalid({ message: asked.left })
          const instant = asked === null ? null : asked.right
          const runs =
            instant === null
              ? (yield* store.listRuns(stored.id, { limit: 1 })).items
              : yield* store.runsAround(stored.id, instant, at !== undefined && namesSeconds.test(at) ? 1_000 : 60_000)
          // A slot at that very instant is meant before one that comes soon after.
          const isSlot = instant !== null && recurrence.previous(instant + 1) === instant
          const [first] = isSlot
            ? runs.filter((one) => one.scheduled_for === instant || coversSlot(one, instant))
            : runs
          if (first !== undefined) return yield* Effect.orDie(run(first.id))
          const { items } = yield* log.query({ job: stored.id, limit: maxEvents })
          return whyNoRun(
            stored,
            recurrence,
            {
              at: instant ?? now,
              now,
              pruned: yield* retention.prunedTo(stored.id),
              runsKept: retentionMillis(scheduler.retention.runs)
            },
            items.toReversed()
          )
        })

        return { job, run }
      })
    )
}
