import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { Api, NotFound } from "../Api.ts"
import { JobStore } from "../JobStore.ts"
import { recordBacklog, renderPrometheus } from "../Observability.ts"
import { openApiDocument } from "../OpenApi.ts"
import { Settings } from "../Settings.ts"
import { renderDocs } from "./Docs.ts"

/** The routes beside the API. */
export const MetaHttp = HttpApiBuilder.group(Api, "meta", (handlers) =>
  Effect.gen(function* () {
    const { scheduler } = yield* Settings
    const store = yield* JobStore
    // Read when somebody looks: nothing else knows what became of rows over restarts. A store that does not answer
    // must not keep the other metrics back.
    const backlog = Effect.zipWith(store.deliveryCounts, Clock.currentTimeMillis, recordBacklog).pipe(
      Effect.flatten,
      Effect.catchAllCause((cause) => Effect.logWarning("deliveries cannot be counted", cause))
    )
    // Rendered once, as bytes that all answers share: anyone may ask for them, without a key.
    const spec = yield* Effect.cached(Effect.sync(() => openApiDocument()))
    const bytes = (text: string) => new TextEncoder().encode(text)
    const json = yield* Effect.cached(Effect.map(spec, (openApi) => bytes(JSON.stringify(openApi))))
    const page = yield* Effect.cached(Effect.map(spec, (openApi) => bytes(renderDocs(openApi))))

    return handlers
      .handle("metrics", () =>
        scheduler.enable_metrics
          ? Effect.zipRight(backlog, Effect.map(Metric.snapshot, renderPrometheus))
          : new NotFound({ code: "METRICS_OFF", message: "metrics are off ([scheduler] enable_metrics)", details: [] })
      )
      .handleRaw("openapi", () =>
        Effect.map(json, (body) => HttpServerResponse.uint8Array(body, { contentType: "application/json" }))
      )
      .handleRaw("docs", () =>
        Effect.map(page, (body) =>
          HttpServerResponse.uint8Array(body, { contentType: "text/html; charset=utf-8" }).pipe(
            HttpServerResponse.setHeader(
              "content-security-policy",
              "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
            )
          )
        )
      )
  })
)
