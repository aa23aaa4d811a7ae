import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { AgentRuntime } from "./Agents.ts"
import { AuditCheckpoints, AuditLog } from "./AuditLog.ts"
import type { Finding } from "./Domain/Health.ts"
import { formatInstant } from "./Domain/Instant.ts"
import { makeChecks } from "./Invariants/Checks.ts"
import { InvariantStore } from "./Invariants/InvariantStore.ts"
import { Metrics, MetricsEnabled } from "./Observability.ts"
import { refusalTexts, StorageHealth, type StorageTrouble } from "./StorageHealth.ts"

export {
  type Found,
  InvariantStore,
  maxCounted,
  type RunningSince,
  type StoreGauges
} from "./Invariants/InvariantStore.ts"

const pace = "30 seconds"

/** Metrics of deleted jobs, and of agents that nobody knows any more, are shown no more. */
export const dropGone = Effect.gen(function* () {
  if (!(yield* MetricsEnabled)) return
  const store = yield* InvariantStore
  const { list } = yield* AgentRuntime
  const { agents, jobs } = yield* Metrics
  const names = jobs.names()
  if (names.length > 0) jobs.keep(yield* store.jobsNamed(names))
  if (agents.names().length > 0) agents.keep(new Set((yield* list).map(({ id }) => id)))
})

const ofStorage = ({ refusal, since }: StorageTrouble): Finding => ({
  check: "storage",
  severity: "error",
  message: `${refusalTexts[refusal].what}: nothing could be stored since ${formatInstant(since)}`,
  next_step: `${refusalTexts[refusal].next_step}; the service then goes on by itself`,
  count: 1,
  examples: []
})

const failed: Finding = {
  check: "scan_failed",
  severity: "error",
  message: "the state of the store could not be examined",
  next_step: "read the service's log: does the database answer?",
  count: 1,
  examples: []
}

/** What must always be so, looked at again and again: rows that got stuck, were damaged, or are late. */
export class Invariants extends Context.Tag("symbiont/Invariants")<
  Invariants,
  {
    /** What the last scan found, errors first. */
    readonly findings: Effect.Effect<ReadonlyArray<Finding>>
    /** Scans now. */
    readonly scan: Effect.Effect<ReadonlyArray<Finding>>
  }
>() {
  /** Scans at start and every 30 s for as long as the scope lives. Says in the log what errors come and go. */
  static readonly layer = Layer.scoped(
    Invariants,
    Effect.gen(function* () {
      const log = yield* AuditLog
      const checkpoints = yield* AuditCheckpoints
      const store = yield* InvariantStore
      const found = yield* Ref.make<ReadonlyArray<Finding>>([])
      const storage = yield* StorageHealth
      const checks = yield* makeChecks(Effect.all({ newest: checkpoints.newest, head: log.head }))

      const tell = Effect.fnUntraced(function* (before: ReadonlyArray<Finding>, now: ReadonlyArray<Finding>) {
        const errorsNot = (these: ReadonlyArray<Finding>, among: ReadonlyArray<Finding>) =>
          these.filter(({ check, severity }) => severity === "error" && !among.some((one) => one.check === check))
        for (const { check, message, next_step } of errorsNot(now, before)) {
          yield* Effect.logWarning(`${check}: ${message}; ${next_step}`)
        }
        for (const { check } of errorsNot(before, now)) yield* Effect.logInfo(`${check}: it is well again`)
      })

      const scan = checks.pipe(
        Effect.catchAllCause((cause) =>
          Effect.as(Effect.logError("the state of the store could not be examined", cause), [failed])
        ),
        Effect.tap((now) => Effect.flatMap(Ref.getAndSet(found, now), (before) => tell(before, now))),
        Effect.withSpan("Invariants.scan")
      )
      const agents = yield* AgentRuntime
      const tidy = dropGone.pipe(
        Effect.provideService(InvariantStore, store),
        Effect.provideService(AgentRuntime, agents),
        Effect.catchAllCause((cause) => Effect.logWarning("metrics of what is gone could not be dropped", cause))
      )

      yield* Effect.forkScoped(Effect.repeat(Effect.zipRight(scan, tidy), Schedule.spaced(pace)))
      // Not only from scan to scan: a disk that takes no writes is seen at once.
      const findings = Effect.zipWith(storage.trouble, Ref.get(found), (trouble, others) =>
        trouble === null ? others : [ofStorage(trouble), ...others]
      )
      return { findings, scan }
    })
  )
}
