import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { NotFound } from "../Api.ts"
import { Metrics, renderPrometheus, watchProcess } from "../Observability.ts"
import { openApiDocument } from "../OpenApi.ts"
import { Settings } from "../Settings.ts"
import { whole } from "./Answer.ts"
import { renderDocs } from "./Docs.ts"
import { makeGauges } from "./Gauges.ts"
import { handlersOf } from "./Routes.ts"

/** How often what only reading tells is read for the collector: twice for each export. */
const readPace = "5 seconds"

/** The routes beside the API. */
export const MetaHttp = Effect.gen(function* () {
  const { scheduler, telemetry } = yield* Settings
  // Nothing is measured for metrics that nobody can read.
  const watch = scheduler.enable_metrics ? yield* watchProcess : Effect.succeed([])
  const gauges = yield* makeGauges
  if (scheduler.enable_metrics && telemetry.otlp_endpoint !== undefined && !telemetry.disabled) {
    // Its own: the event loop's delay is that since it was read.
    const watchForExport = yield* watchProcess
    const { setRead } = yield* Metrics
    const read = Effect.zipWith(gauges, watchForExport, (one, other) => setRead([...one, ...other]))
    yield* Effect.forkScoped(Effect.repeat(read, Schedule.spaced(readPace)))
  }
  const metrics = Effect.gen(function* () {
    const read = [...(yield* gauges), ...(yield* watch)]
    return renderPrometheus([...(yield* Metrics).families(), ...read])
  })
  // Rendered once, as bytes that all answers share: anyone may ask for them, without a key.
  const spec = yield* Effect.cached(Effect.sync(() => openApiDocument()))
  const bytes = (text: string) => new TextEncoder().encode(text)
  const json = yield* Effect.cached(Effect.map(spec, (openApi) => bytes(JSON.stringify(openApi))))
  const page = yield* Effect.cached(Effect.map(spec, (openApi) => bytes(renderDocs(openApi))))

  return handlersOf("meta", {
    metrics: () =>
      scheduler.enable_metrics
        ? metrics
        : new NotFound({ code: "METRICS_OFF", message: "metrics are off ([scheduler] enable_metrics)", details: [] }),
    openapi: () => Effect.map(json, (body) => whole(200, "application/json", body)),
    docs: () =>
      Effect.map(page, (body) =>
        whole(200, "text/html; charset=utf-8", body, {
          "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        })
      )
  })
})
