import * as Effect from "effect/Effect"
import { toHttp } from "../Api.ts"
import type { Job } from "../Domain/Job.ts"
import type { Principal } from "../Domain/Key.ts"
import { withoutSecrets } from "../Domain/Redaction.ts"
import { Jobs } from "../Jobs.ts"
import { RunTraces } from "../Telemetry.ts"
import { Explanations } from "../Why.ts"
import { WithHeaders } from "./Answer.ts"
import { refuseNewCommand } from "./Commands.ts"
import { jobAnswer } from "./JobAnswer.ts"
import { etagOf, paged, versionOf, withLocation } from "./ResponseHeaders.ts"
import { handlersOf } from "./Routes.ts"

interface Change {
  readonly path: { readonly job_id: string }
  readonly principal: Principal
}

const shown = <J extends Job>(job: J): WithHeaders<J> => new WithHeaders(withoutSecrets(job), { etag: etagOf(job) })

/** The routes about jobs. */
export const ScheduleHttp = Effect.gen(function* () {
  const jobs = yield* Jobs
  const traces = yield* RunTraces
  const explanations = yield* Explanations

  const change =
    (name: "pause" | "resume" | "reset") =>
    ({ path, principal }: Change) =>
      Effect.mapBoth(jobs[name](path.job_id, principal.actor), { onFailure: toHttp, onSuccess: shown })

  return handlersOf("schedule", {
    create: ({ payload, principal }) =>
      Effect.zipRight(
        refuseNewCommand(payload.gate, principal, Effect.succeed(null)),
        Effect.mapBoth(jobs.create(payload, principal.actor), {
          onFailure: toHttp,
          onSuccess: (job) =>
            new WithHeaders(withoutSecrets(job), { etag: etagOf(job), location: `/api/v1/schedule/${job.id}` })
        })
      ),
    list: ({ url, urlParams }) =>
      Effect.map(jobs.list({ ...urlParams, limit: urlParams.limit ?? 100 }), ({ items, next }) =>
        paged(url, items.map(withoutSecrets), next)
      ),
    preview: ({ payload: { count, from, max_jitter, name, policy, ...trigger } }) =>
      Effect.mapError(jobs.preview(trigger, { from, count: count ?? 10, max_jitter, name, policy }), toHttp),
    get: ({ path }) => Effect.mapBoth(jobs.get(path.job_id), { onFailure: toHttp, onSuccess: jobAnswer }),
    update: ({ headers, path, payload, principal }) =>
      Effect.zipRight(
        refuseNewCommand(
          payload.gate,
          principal,
          Effect.mapBoth(jobs.get(path.job_id), { onFailure: toHttp, onSuccess: ({ gate }) => gate })
        ),
        Effect.mapBoth(
          jobs.update(path.job_id, payload, { actor: principal.actor, ifVersion: versionOf(headers["if-match"]) }),
          { onFailure: toHttp, onSuccess: shown }
        )
      ),
    remove: ({ path, principal }) =>
      Effect.mapBoth(jobs.remove(path.job_id, principal.actor), {
        onFailure: toHttp,
        onSuccess: (id) => ({ id, deleted: true as const })
      }),
    pause: change("pause"),
    resume: change("resume"),
    reset: change("reset"),
    run: ({ headers, path, payload, principal, urlParams }) =>
      jobs
        .runNow(path.job_id, {
          actor: principal.actor,
          input: payload.input,
          queue: urlParams.queue,
          idempotencyKey: headers["idempotency-key"]
        })
        .pipe(
          Effect.tap((run) => Effect.ignore(Effect.flatMap(Effect.currentSpan, (span) => traces.asked(run.id, span)))),
          Effect.mapBoth({ onFailure: toHttp, onSuccess: (run) => withLocation(run, `/api/v1/runs/${run.id}`) })
        ),
    backfill: ({ path, payload, principal }) =>
      Effect.mapError(jobs.backfill(path.job_id, payload, principal.actor), toHttp),
    history: ({ path, url, urlParams }) =>
      Effect.mapBoth(jobs.history(path.job_id, { ...urlParams, limit: urlParams.limit ?? 20 }), {
        onFailure: toHttp,
        onSuccess: ({ items, next }) => paged(url, items, next)
      }),
    why: ({ path, urlParams }) => Effect.mapError(explanations.job(path.job_id, urlParams.at), toHttp),
    nextRun: ({ path, urlParams: { count } }) =>
      Effect.mapBoth(jobs.upcoming(path.job_id, count ?? 1), {
        onFailure: toHttp,
        onSuccess: (preview) => (count === undefined ? { next_run: preview.next_run } : preview)
      })
  })
})
