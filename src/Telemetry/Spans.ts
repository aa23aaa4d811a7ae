import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { RunId } from "../Domain/Ids.ts"
import type { Run } from "../Domain/Run.ts"
import { traceIdsOf } from "../Domain/Trace.ts"
import type { RunTraces, TracedAttempt } from "../Telemetry.ts"
import type { Sampler } from "./Sampler.ts"

/** What the span of a run ends with that did not succeed. */
class RunDidNotSucceed extends Data.TaggedError("RunDidNotSucceed")<{ readonly message: string }> {}

/** Runs whose callers are remembered until they end. */
const maxAsked = 1_000

const nanos = (millis: number): bigint => BigInt(Math.trunc(millis)) * 1_000_000n

const attributesOf = (run: Pick<Run, "id" | "job_id" | "job_name" | "agent_id" | "trigger">) => ({
  "symbiont.run.id": run.id,
  "symbiont.job.id": run.job_id,
  "symbiont.job.name": run.job_name,
  "symbiont.agent.id": run.agent_id,
  "symbiont.run.trigger": run.trigger
})

/** Makes the spans of runs by the tracer that exports. */
export const makeRunTraces = (exporter: Tracer.Tracer, sampler: Sampler): Context.Tag.Service<typeof RunTraces> => {
  const askedBy = new Map<RunId, Tracer.AnySpan>()

  /** The run's own span, as what hangs under it sees it: it is sent when the run ends. */
  const runSpan = (run_id: RunId): Tracer.ExternalSpan => {
    const ids = traceIdsOf(run_id)
    return Tracer.externalSpan({ ...ids, sampled: sampler(ids.traceId, undefined) })
  }

  /** A span of something that is over. Instants in UTC ms. */
  const past = (
    name: string,
    parent: Option.Option<Tracer.AnySpan>,
    [from, to]: readonly [number, number],
    attributes: Readonly<Record<string, unknown>>
  ) => {
    const span = exporter.span(name, parent, Context.empty(), [], nanos(from), "internal")
    for (const [key, value] of Object.entries(attributes)) span.attribute(key, value)
    return { span, end: (exit: Exit.Exit<unknown, unknown>) => span.end(nanos(Math.max(from, to)), exit) }
  }

  /** What came before the first attempt: the slot was claimed, then waited for its jitter and a free place. */
  const before = ({ run }: TracedAttempt, parent: Tracer.ExternalSpan, now: number) => {
    const { scheduled_for: due, start_at } = run
    const ready = Math.min(now, Math.max(due, start_at ?? due))
    past("symbiont.concurrency", Option.some(parent), [due, due], {}).end(Exit.void)
    past("symbiont.jitter", Option.some(parent), [due, now], {
      "symbiont.jitter_ms": ready - due,
      "symbiont.queued_ms": now - ready
    }).end(Exit.void)
  }

  return {
    attempt: (traced) => (effect) =>
      Effect.suspend(() => {
        const parent = runSpan(traced.run.id)
        const spanned = Effect.withSpan(effect, "symbiont.attempt", {
          parent,
          attributes: { ...attributesOf(traced.run), "symbiont.attempt": traced.attempt },
          captureStackTrace: false
        })
        return parent.sampled && traced.attempt === 1
          ? Effect.flatMap(Clock.currentTimeMillis, (now) => {
              before(traced, parent, now)
              return spanned
            })
          : spanned
      }),
    stage: (name) => (effect) => Effect.withSpan(effect, `symbiont.${name}`, { captureStackTrace: false }),
    delivery:
      ({ attempt, channel, id, run_id }) =>
      (effect) =>
        Effect.suspend(() =>
          Effect.withSpan(effect, "symbiont.delivery", {
            parent: runSpan(run_id),
            kind: "producer",
            attributes: {
              "symbiont.run.id": run_id,
              "symbiont.delivery.id": id,
              "symbiont.delivery.channel": channel,
              "symbiont.delivery.attempt": attempt
            },
            captureStackTrace: false
          })
        ),
    note: (attributes) => Effect.annotateCurrentSpan(attributes),
    asked: (run_id, by) =>
      Effect.sync(() => {
        if (!by.sampled) return
        askedBy.set(run_id, by)
        const [oldest] = askedBy.keys()
        if (askedBy.size > maxAsked && oldest !== undefined) askedBy.delete(oldest)
      }),
    ended: (run) =>
      Effect.sync(() => {
        const by = askedBy.get(run.id)
        askedBy.delete(run.id)
        const ids = traceIdsOf(run.id)
        if (!sampler(ids.traceId, undefined)) return
        const from = Math.min(run.scheduled_for, run.started_at ?? run.scheduled_for)
        const { end, span } = past("symbiont.run", Option.none(), [from, run.finished_at ?? from], {
          ...attributesOf(run),
          "symbiont.run.status": run.status,
          "symbiont.run.attempts": run.attempts.length,
          ...(run.reason === null ? {} : { "symbiont.run.reason": run.reason.code })
        })
        Object.assign(span, ids)
        if (by !== undefined) span.addLinks([{ _tag: "SpanLink", span: by, attributes: {} }])
        const hasFailed = ["failed", "timed_out", "interrupted"].includes(run.status)
        end(hasFailed ? Exit.fail(new RunDidNotSucceed({ message: run.error_message ?? run.status })) : Exit.void)
      })
  }
}
