import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import { Api, toHttp } from "../Api.ts"
import { withoutSecrets } from "../Domain/Redaction.ts"
import { Jobs } from "../Jobs.ts"
import { RunTraces } from "../Telemetry.ts"
import { Explanations } from "../Why.ts"
import { actor } from "./Actor.ts"
import { refuseNewCommand } from "./Commands.ts"
import { jobAnswer } from "./JobAnswer.ts"
import { setLocation, setNext, versionOf, withETag } from "./ResponseHeaders.ts"

/** The routes about jobs. */
export const ScheduleHttp = HttpApiBuilder.group(Api, "schedule", (handlers) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const traces = yield* RunTraces
    const explanations = yield* Explanations

    const change = (name: "pause" | "resume" | "reset") => (request: { readonly path: { readonly job_id: string } }) =>
      actor.pipe(
        Effect.flatMap((who) => jobs[name](request.path.job_id, who)),
        Effect.map(withoutSecrets),
        withETag,
        Effect.mapError(toHttp)
      )

    return handlers
      .handle("create", ({ payload }) =>
        Effect.zipRight(
          refuseNewCommand(payload.gate, Effect.succeed(null)),
          actor.pipe(
            Effect.flatMap((who) => jobs.create(payload, who)),
            Effect.map(withoutSecrets),
            withETag,
            Effect.tap((job) => setLocation(`/api/v1/schedule/${job.id}`)),
            Effect.mapError(toHttp)
          )
        )
      )
      .handle("list", ({ urlParams }) =>
        jobs.list({ ...urlParams, limit: urlParams.limit ?? 100 }).pipe(
          Effect.tap((page) => setNext(page.next)),
          Effect.map((page) => page.items.map(withoutSecrets))
        )
      )
      .handle("preview", ({ payload: { count, from, max_jitter, name, policy, ...trigger } }) =>
        Effect.mapError(jobs.preview(trigger, { from, count: count ?? 10, max_jitter, name, policy }), toHttp)
      )
      .handleRaw("get", ({ path }) =>
        Effect.mapBoth(jobs.get(path.job_id), { onFailure: toHttp, onSuccess: jobAnswer })
      )
      .handle("update", ({ path, payload, headers }) =>
        Effect.zipRight(
          refuseNewCommand(
            payload.gate,
            Effect.mapBoth(jobs.get(path.job_id), { onFailure: toHttp, onSuccess: ({ gate }) => gate })
          ),
          actor.pipe(
            Effect.flatMap((who) =>
              jobs.update(path.job_id, payload, { actor: who, ifVersion: versionOf(headers["if-match"]) })
            ),
            Effect.map(withoutSecrets),
            withETag,
            Effect.mapError(toHttp)
          )
        )
      )
      .handle("remove", ({ path }) =>
        actor.pipe(
          Effect.flatMap((who) => jobs.remove(path.job_id, who)),
          Effect.map((id) => ({ id, deleted: true as const })),
          Effect.mapError(toHttp)
        )
      )
      .handle("pause", change("pause"))
      .handle("resume", change("resume"))
      .handle("reset", change("reset"))
      .handle("run", ({ path, payload, urlParams, headers }) =>
        actor.pipe(
          Effect.flatMap((who) =>
            jobs.runNow(path.job_id, {
              actor: who,
              input: payload.input,
              queue: urlParams.queue,
              idempotencyKey: headers["idempotency-key"]
            })
          ),
          Effect.tap((run) => setLocation(`/api/v1/runs/${run.id}`)),
          Effect.tap((run) => Effect.ignore(Effect.flatMap(Effect.currentSpan, (span) => traces.asked(run.id, span)))),
          Effect.mapError(toHttp)
        )
      )
      .handle("backfill", ({ path, payload }) =>
        actor.pipe(
          Effect.flatMap((who) => jobs.backfill(path.job_id, payload, who)),
          Effect.mapError(toHttp)
        )
      )
      .handle("history", ({ path, urlParams }) =>
        jobs.history(path.job_id, { ...urlParams, limit: urlParams.limit ?? 20 }).pipe(
          Effect.tap((page) => setNext(page.next)),
          Effect.map((page) => page.items),
          Effect.mapError(toHttp)
        )
      )
      .handle("why", ({ path, urlParams }) => Effect.mapError(explanations.job(path.job_id, urlParams.at), toHttp))
      .handle("nextRun", ({ path, urlParams: { count } }) =>
        jobs.upcoming(path.job_id, count ?? 1).pipe(
          Effect.map((preview) => (count === undefined ? { next_run: preview.next_run } : preview)),
          Effect.mapError(toHttp)
        )
      )
  })
)
