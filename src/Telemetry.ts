import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { DeliveryId, RunId } from "./Domain/Ids.ts"
import type { Run } from "./Domain/Run.ts"
import { traceIdsOf } from "./Domain/Trace.ts"

/** A part of an attempt that has a span of its own. */
export type TracedStage = "session" | "policy" | "execution" | "session_cleanup" | "record"

/** What the span of an attempt says. */
export interface TracedAttempt {
  readonly run: Pick<Run, "id" | "job_id" | "job_name" | "agent_id" | "trigger" | "scheduled_for" | "start_at">
  readonly attempt: number
}

/** What the span of an attempt to deliver says. */
export interface TracedDelivery {
  readonly id: DeliveryId
  readonly run_id: RunId
  readonly channel: string
  readonly attempt: number
}

/** Wraps an effect without changing what it does. */
type Wrap = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

interface RunTracing {
  readonly attempt: (traced: TracedAttempt) => Wrap
  readonly stage: (name: TracedStage) => Wrap
  readonly delivery: (traced: TracedDelivery) => Wrap
  /** Says more of the span under way. */
  readonly note: (attributes: Readonly<Record<string, string | number>>) => Effect.Effect<void>
  /** A run was asked for within this span of somebody else's: its trace is linked to it. */
  readonly asked: (run_id: RunId, by: Tracer.AnySpan) => Effect.Effect<void>
  /** A run ended that had attempts. */
  readonly ended: (run: Run) => Effect.Effect<void>
}

const unchanged: Wrap = (effect) => effect

/** Spans of runs and deliveries; there are none unless traces are exported. */
export class RunTraces extends Context.Reference<RunTraces>()("symbiont/RunTraces", {
  defaultValue: (): RunTracing => ({
    attempt: () => unchanged,
    stage: () => unchanged,
    delivery: () => unchanged,
    note: () => Effect.void,
    asked: () => Effect.void,
    ended: () => Effect.void
  })
}) {}

/**
 * The `traceparent` for what a run calls (W3C Trace Context): the span under way, if the run's trace is exported; else
 * the run's own ids, marked as not sampled.
 */
export const traceparentOf = (run_id: RunId): Effect.Effect<string> =>
  Effect.map(Effect.context<never>(), (context) => {
    const { spanId, traceId } = traceIdsOf(run_id)
    const span = Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan))
    return span?.traceId === traceId
      ? `00-${traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`
      : `00-${traceId}-${spanId}-00`
  })
