import * as OtlpMetrics from "@effect/opentelemetry/OtlpMetrics"
import { OtlpSerialization } from "@effect/opentelemetry/OtlpSerialization"
import * as OtlpTracer from "@effect/opentelemetry/OtlpTracer"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { placeOf } from "../Domain/Redaction.ts"
import { Metrics } from "../Observability.ts"
import { pairsIn, type Settings } from "../Settings.ts"
import { RunTraces } from "../Telemetry.ts"
import { version } from "../Version.ts"
import { metricsOf } from "./Metrics.ts"
import { samplerOf } from "./Sampler.ts"
import { makeRunTraces } from "./Spans.ts"
import { selecting } from "./Tracing.ts"

/** How long a request to the collector may take, and how many may be under way: what is more is dropped. */
const patience = "5 seconds"
const maxUnderWay = 4

/** At the end of the service, how long what is left may take. */
const shutdownTimeout = "2 seconds" as const

/** The network, but that an outage is told once, and the end of it, too. */
const tellingClient = (client: HttpClient.HttpClient) => {
  let underWay = 0
  let isOut = false
  const out = (why: string) =>
    Effect.suspend(() => {
      if (isOut) return Effect.void
      isOut = true
      return Effect.logWarning(
        `traces and metrics cannot be sent: ${why}; they are dropped until they can, runs go on`,
        { component: "telemetry" }
      )
    })
  const back = Effect.suspend(() => {
    if (!isOut) return Effect.void
    isOut = false
    return Effect.logInfo("traces and metrics are sent again", { component: "telemetry" })
  })
  return HttpClient.transform(client, (execute, request) => {
    const failed = (description: string) =>
      new HttpClientError.RequestError({ request, reason: "Transport", description })
    if (underWay >= maxUnderWay) return failed("too many requests are under way")
    return Effect.suspend(() => {
      underWay++
      return execute
    }).pipe(
      Effect.timeoutFail({ duration: patience, onTimeout: () => failed(`no answer within ${patience}`) }),
      Effect.ensuring(
        Effect.sync(() => {
          underWay--
        })
      ),
      Effect.tap(({ status }) => (status < 300 ? back : out(`the collector answered ${status}`))),
      Effect.tapError((error) => out(error.message.replaceAll(request.url, placeOf(request.url))))
    )
  })
}

interface WithAttributes {
  readonly status: { readonly code: number }
  attributes: Array<{ readonly key: string }>
}

/** The library marks every span that failed as interrupted, too. */
const wrongMarks: ReadonlySet<string> = new Set(["span.label", "status.interrupted"])

const withoutMarks = (data: unknown): unknown => {
  const { resourceSpans } = data as {
    readonly resourceSpans: ReadonlyArray<{
      readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<WithAttributes> }>
    }>
  }
  for (const span of resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))) {
    if (span.status.code === 2) span.attributes = span.attributes.filter(({ key }) => !wrongMarks.has(key))
  }
  return data
}

const asJson = (data: unknown) => HttpBody.unsafeJson(data)

interface MetricsRequest {
  readonly resourceMetrics: ReadonlyArray<{
    readonly resource: unknown
    readonly scopeMetrics: ReadonlyArray<{ readonly scope: unknown }>
  }>
}

/** JSON, with the service's own metrics in the place of those that the library knows of. */
const serializing = Layer.effect(
  OtlpSerialization,
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const { families, read } = yield* Metrics
    const startTimeUnixNano = String(clock.unsafeCurrentTimeNanos())
    const withOurs = (data: unknown) => {
      const { resourceMetrics } = data as MetricsRequest
      const metrics = metricsOf([...families(), ...read()], {
        startTimeUnixNano,
        timeUnixNano: String(clock.unsafeCurrentTimeNanos())
      })
      return {
        resourceMetrics: resourceMetrics.map(({ resource, scopeMetrics }) => ({
          resource,
          scopeMetrics: scopeMetrics.map(({ scope }) => ({ scope, metrics }))
        }))
      }
    }
    return { traces: (data) => asJson(withoutMarks(data)), metrics: (data) => asJson(withOurs(data)), logs: asJson }
  })
)

const headersIn = (text: Redacted.Redacted | undefined) => (text === undefined ? {} : pairsIn(Redacted.value(text)))

/** Sends traces and metrics to the collector of the settings, as long as the scope lives. */
export const exportingTo = (endpoint: string, { scheduler, telemetry }: typeof Settings.Service) =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const base = endpoint.replace(/\/+$/, "")
      const attributes = pairsIn(telemetry.resource_attributes)
      const options = {
        headers: headersIn(telemetry.otlp_headers),
        resource: {
          serviceName: telemetry.service_name ?? attributes["service.name"] ?? "symbiont-scheduler",
          serviceVersion: version,
          attributes: Object.fromEntries(
            Object.entries(attributes).filter(([name]) => name !== "service.name" && name !== "service.version")
          )
        },
        shutdownTimeout
      }
      const sampler = samplerOf(telemetry)
      const exporter = yield* OtlpTracer.make({ ...options, url: `${base}/v1/traces`, exportInterval: "2 seconds" })
      if (scheduler.enable_metrics) {
        yield* OtlpMetrics.make({ ...options, url: `${base}/v1/metrics`, exportInterval: "10 seconds" })
      }
      return Layer.merge(
        Layer.setTracer(selecting(exporter, sampler)),
        Layer.succeedContext(Context.make(RunTraces, makeRunTraces(exporter, sampler)))
      )
    }).pipe(
      Effect.annotateLogs("component", "telemetry"),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map())),
      Effect.provide(serializing),
      Effect.provideServiceEffect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, tellingClient))
    )
  ).pipe(Layer.provide(NodeHttpClient.layer))
