import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { RunId } from "../../src/Domain/Ids.ts"
import { traceIdsOf } from "../../src/Domain/Trace.ts"
import { answers, type HttpReceiver, hangs, httpReceiver } from "../support/HttpReceiver.ts"
import { eventually, folderWith, startService } from "../support/Service.ts"

const limit = { timeout: 60_000 }

const files = {
  "agents/a.symbi": `
agent says { command: ["sh", "-c", "echo $TRACEPARENT"] }
agent own { command: ["sh", "-c", "echo $TRACEPARENT"], env: { TRACEPARENT: "mine" } }
agent fails { command: ["sh", "-c", "exit 3"] }
schedule { name: "says" agent: "says" cron: "0 0 1 1 *" delivery: ["log_file"] }
schedule { name: "own" agent: "own" cron: "0 0 1 1 *" delivery: [] }
schedule { name: "fails" agent: "fails" cron: "0 0 1 1 *" delivery: [] max_retries: 50 }
`
}

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: { readonly stringValue?: string } }>
  readonly status: { readonly code: number; readonly message?: string }
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>
}

const spansOf = ({ received }: HttpReceiver): ReadonlyArray<Span> =>
  received
    .filter(({ path }) => path === "/v1/traces")
    .flatMap(({ body }) => JSON.parse(body).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans)

const attribute = (span: Span | undefined, key: string) =>
  span?.attributes.find((one) => one.key === key)?.value.stringValue

const ended = (client: Effect.Effect.Success<ReturnType<typeof startService>>["client"], run_id: string) =>
  eventually(
    `the end of ${run_id}`,
    Effect.map(client.runs.get({ path: { run_id } }), (run) => (run.finished_at === null ? undefined : run))
  )

const runNow = Effect.fnUntraced(function* (
  service: Effect.Effect.Success<ReturnType<typeof startService>>,
  job: string
) {
  const { id } = yield* service.client.schedule.run({
    path: { job_id: job },
    payload: {},
    urlParams: {},
    headers: {}
  })
  return yield* ended(service.client, id)
})

describe("Telemetry", () => {
  it.scopedLive(
    "a run is one trace, with a span for each stage, and its command is told of it",
    () =>
      Effect.gen(function* () {
        const collector = yield* httpReceiver([answers(200, "{}")])
        const folder = yield* folderWith(files)
        const service = yield* startService({
          folder,
          env: {
            OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
            OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=blue%20one",
            OTEL_SERVICE_NAME: "nightly",
            OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test"
          }
        })
        const run = yield* runNow(service, "says")
        const ids = traceIdsOf(run.id)
        const own = yield* eventually(
          "the run's trace",
          Effect.sync(() => {
            const found = spansOf(collector).filter(({ traceId }) => traceId === ids.traceId)
            const names = found.map(({ name }) => name)
            return names.includes("symbiont.run") && names.includes("symbiont.delivery") ? found : undefined
          })
        )
        const named = (name: string) => own.find((span) => span.name === name)
        const parentOf = (name: string) => own.find(({ spanId }) => spanId === named(name)?.parentSpanId)?.name
        assert.deepStrictEqual(own.map(({ name }) => [name, parentOf(name)]).sort(), [
          ["symbiont.attempt", "symbiont.run"],
          ["symbiont.concurrency", "symbiont.run"],
          ["symbiont.delivery", "symbiont.run"],
          ["symbiont.execution", "symbiont.attempt"],
          ["symbiont.jitter", "symbiont.run"],
          ["symbiont.policy", "symbiont.attempt"],
          ["symbiont.record", "symbiont.attempt"],
          ["symbiont.run", undefined],
          ["symbiont.session", "symbiont.attempt"],
          ["symbiont.session_cleanup", "symbiont.attempt"]
        ])
        assert.strictEqual(named("symbiont.run")?.spanId, ids.spanId)
        const order = ["session", "policy", "execution", "session_cleanup", "record"].map((stage) =>
          BigInt(named(`symbiont.${stage}`)?.startTimeUnixNano ?? 0)
        )
        assert.deepStrictEqual(
          order,
          order.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
        )
        for (const name of ["symbiont.run", "symbiont.attempt"]) {
          assert.strictEqual(attribute(named(name), "symbiont.job.name"), "says")
          assert.strictEqual(attribute(named(name), "symbiont.run.id"), run.id)
        }
        assert.strictEqual(attribute(named("symbiont.run"), "symbiont.run.status"), "succeeded")
        assert.strictEqual(attribute(named("symbiont.delivery"), "symbiont.delivery.channel"), "log_file")

        assert.strictEqual(run.output?.trim(), `00-${ids.traceId}-${named("symbiont.execution")?.spanId}-01`)
        assert.strictEqual((yield* runNow(service, "own")).output?.trim(), "mine")

        const failed = yield* runNow(service, "fails")
        const failure = yield* eventually(
          "the trace of the run that failed",
          Effect.sync(() =>
            spansOf(collector).find(
              ({ name, traceId }) => name === "symbiont.run" && traceId === traceIdsOf(failed.id).traceId
            )
          )
        )
        assert.strictEqual(failure.status.code, 2)
        assert.strictEqual(failure.status.message, "exited with code 3")
        assert.isFalse(failure.attributes.some(({ key }) => key === "status.interrupted"))

        yield* service.signal("SIGTERM")
        assert.strictEqual(yield* service.exitCode, 0)
        const [metrics] = collector.received.filter(({ path }) => path === "/v1/metrics").slice(-1)
        assert.include(metrics?.body, "symbiont_cron_runs_total")
        for (const gauge of ["symbiont_jobs", "symbiont_invariant_violations", "process_resident_memory_bytes"]) {
          assert.include(metrics?.body, `"${gauge}"`)
        }
        assert.include(metrics?.body, `{"key":"service.name","value":{"stringValue":"nightly"}}`)
        assert.include(metrics?.body, `{"key":"deployment.environment","value":{"stringValue":"test"}}`)
        assert.strictEqual(metrics?.headers["x-tenant"], "blue one")
        const foreign = spansOf(collector).filter(({ name }) => !/^(symbiont\.|http\.server (POST|GET)$)/.test(name))
        assert.deepStrictEqual(foreign, [], "what is no part of a run or a request is left out")
      }),
    limit
  )

  it.scopedLive(
    "a caller's trace is linked to the run that it asked for",
    () =>
      Effect.gen(function* () {
        const collector = yield* httpReceiver([answers(200, "{}")])
        const folder = yield* folderWith(files)
        const service = yield* startService({ folder, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
        const caller = "0af7651916cd43dd8448eb211c80319c"
        const response = yield* Effect.promise(() =>
          fetch(`${service.url}/api/v1/schedule/own/run`, {
            method: "POST",
            headers: { traceparent: `00-${caller}-b7ad6b7169203331-01` }
          })
        )
        const { id } = Schema.decodeUnknownSync(Schema.Struct({ id: RunId }))(
          yield* Effect.promise(() => response.json())
        )
        yield* ended(service.client, id)
        const run = yield* eventually(
          "the run's span",
          Effect.sync(() =>
            spansOf(collector).find(
              ({ name, traceId }) => name === "symbiont.run" && traceId === traceIdsOf(id).traceId
            )
          )
        )
        const request = yield* eventually(
          "the request's span",
          Effect.sync(() => spansOf(collector).find(({ name, traceId }) => traceId === caller && name !== ""))
        )
        assert.strictEqual(request.name, "http.server POST")
        assert.strictEqual(request.parentSpanId, "b7ad6b7169203331")
        assert.deepStrictEqual(
          run.links.map(({ spanId, traceId }) => ({ spanId, traceId })),
          [{ traceId: caller, spanId: request.spanId }]
        )
        assert.isFalse(request.attributes.some(({ key }) => key.startsWith("http.request.header.")))
      }),
    limit
  )

  it.scopedLive(
    "a collector that is gone or hangs is told once, and no run notices",
    () =>
      Effect.gen(function* () {
        const collector = yield* httpReceiver([hangs])
        const folder = yield* folderWith(files)
        for (const endpoint of ["http://127.0.0.1:9", collector.url]) {
          const service = yield* startService({ folder, env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } })
          for (let n = 0; n < 3; n++) assert.strictEqual((yield* runNow(service, "own")).status, "succeeded")
          yield* eventually(
            "the warning",
            Effect.sync(() => (/cannot be sent/.test(service.stderr()) ? true : undefined))
          )
          yield* service.signal("SIGTERM")
          assert.strictEqual(yield* service.exitCode, 0)
          assert.strictEqual(service.stderr().match(/cannot be sent/g)?.length, 1)
        }
      }),
    limit
  )

  it.scopedLive(
    "without a collector all that a run calls is told of the same trace, not sampled",
    () =>
      Effect.gen(function* () {
        const receiver = yield* httpReceiver([answers(200, "done")])
        const folder = yield* folderWith({
          "symbiont.toml": `[scheduler.delivery]
allow_hosts = ["127.0.0.1"]
[scheduler.delivery.custom.file]
command = ["sh", "-c", "echo $TRACEPARENT > told"]
`,
          "agents/b.symbi": `
agent asks { url: "${receiver.url}/agent" }
agent own { url: "${receiver.url}/own", headers: { Traceparent: "mine" } }
schedule { name: "asks" agent: "asks" cron: "0 0 1 1 *" delivery: ["webhook", "custom:file"] webhook_url: "${receiver.url}/hook" }
schedule { name: "own" agent: "own" cron: "0 0 1 1 *" delivery: ["webhook"] webhook_url: "${receiver.url}/ownhook" webhook_headers: { Traceparent: "mine" } }
schedule { name: "gated" agent: "asks" cron: "0 0 1 1 *" delivery: [] gate: { command: ["sh", "-c", "echo $TRACEPARENT > gate"], wake_on: "output" } }
`
        })
        const service = yield* startService({ folder })
        const expected = (id: RunId) => {
          const { spanId, traceId } = traceIdsOf(id)
          return `00-${traceId}-${spanId}-00`
        }
        const toldTo = (path: string) =>
          eventually(
            path,
            Effect.sync(() => receiver.received.find((one) => one.path === path)?.headers["traceparent"])
          )
        const read = (name: string) =>
          eventually(
            name,
            Effect.sync(
              () => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "") || undefined
            )
          )
        const run = yield* runNow(service, "asks")
        for (const path of ["/agent", "/hook"]) assert.strictEqual(yield* toldTo(path), expected(run.id))
        assert.strictEqual((yield* read("told")).trim(), expected(run.id))
        yield* runNow(service, "own")
        for (const path of ["/own", "/ownhook"]) assert.strictEqual(yield* toldTo(path), "mine")
        const gated = yield* runNow(service, "gated")
        assert.strictEqual((yield* read("gate")).trim(), expected(gated.id))
      }),
    limit
  )
})
