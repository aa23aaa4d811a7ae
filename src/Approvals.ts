import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Approval, ApprovalClosed, type ApprovalNotFound, type NotAnApprover } from "./Domain/Approval.ts"
import { type ApprovalFilter, JobStore, type Page } from "./JobStore.ts"
import { type Decider, decided, WakeSignal } from "./Scheduler.ts"

export type { Decider } from "./Scheduler.ts"

type Verdict = (
  ref: string,
  by: Decider,
  reason: string | null
) => Effect.Effect<Approval, ApprovalNotFound | ApprovalClosed | NotAnApprover>

/** What people decide about runs that wait for them. `ref` is an approval's id, or its run's. */
export class Approvals extends Context.Tag("symbiont/Approvals")<
  Approvals,
  {
    readonly list: (filter: ApprovalFilter) => Effect.Effect<Page<Approval>>
    readonly get: (ref: string) => Effect.Effect<Approval, ApprovalNotFound>
    /** Lets the run go on: the gate is asked once more, then its agent is called. Durable when it returns. */
    readonly approve: Verdict
    /** Ends the run as `denied(approval_denied)`. */
    readonly deny: Verdict
  }
>() {
  static readonly layer: Layer.Layer<Approvals, never, JobStore | WakeSignal> = Layer.effect(
    Approvals,
    Effect.gen(function* () {
      const store = yield* JobStore
      const signal = yield* WakeSignal

      const decide = (verdict: "approve" | "deny"): Verdict =>
        Effect.fn(`Approvals.${verdict}`)(function* (ref, by, reason) {
          const now = yield* Clock.currentTimeMillis
          const { approval } = yield* store.decideApproval(ref, now, decided(verdict, by, reason, now))
          yield* signal.notify
          const asked = verdict === "approve" ? "approved" : "denied"
          if (approval.state === asked && approval.decided_by === by.actor) return approval
          // It was over before this decision came.
          return yield* new ApprovalClosed({ approval: approval.id, state: approval.state, reason: approval.reason })
        })

      return {
        list: store.listApprovals,
        get: store.findApproval,
        approve: decide("approve"),
        deny: decide("deny")
      }
    })
  )
}
