import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as OpenApi from "@effect/platform/OpenApi"
import { assert, describe, it } from "@effect/vitest"
import { Validator } from "@seriousme/openapi-schema-validator"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { Api } from "../src/Api.ts"
import { AuditCheckpoints } from "../src/AuditLog.ts"
import { AgentFailure } from "../src/Domain/Agent.ts"
import { HttpLive } from "../src/Http.ts"
import type { Jobs } from "../src/Jobs.ts"
import { commonFailures, ownFailures } from "../src/OpenApi/Failures.ts"
import { fields } from "../src/OpenApi/Fields.ts"
import { parameters } from "../src/OpenApi/Parameters.ts"
import { type DescribedOperation, isObject, openApiDocument, operations } from "../src/OpenApi.ts"
import { testRuntime } from "../src/testing.ts"
import { create } from "./support/Engine.ts"
import { TestServer } from "./support/TestServer.ts"

const document = openApiDocument()

interface Route {
  readonly method: string
  readonly path: string
  readonly operation: DescribedOperation
}

const routes: ReadonlyArray<Route> = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ method, path, operation }))
)

const told = ({ operationId }: DescribedOperation) => {
  const found = operations.get(operationId)
  assert.isDefined(found, `src/OpenApi tells nothing of ${operationId}: give it a description and examples there`)
  return found
}

const successOf = (operation: DescribedOperation): string =>
  Object.keys(operation.responses).find((status) => status.startsWith("2")) ?? ""

const sources = (folder: string): ReadonlyArray<string> => {
  const root = fileURLToPath(new URL(`../src/${folder}`, import.meta.url))
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, "utf8"))
}

describe("the OpenAPI document", () => {
  it("is valid OpenAPI 3.1", async () => {
    const validator = new Validator()
    const { errors, valid } = await validator.validate(structuredClone({ ...document }))
    assert.isTrue(valid, JSON.stringify(errors))
    assert.strictEqual(validator.version, "3.1")
    assert.deepInclude(document.info, { title: "Symbiont Scheduler", license: { name: "MIT", identifier: "MIT" } })
  })

  it("tells of every route what it does, what it takes, and what it answers", () => {
    assert.isAbove(routes.length, 40)
    for (const { method, operation } of routes) {
      const id = operation.operationId
      const { body } = told(operation)
      assert.isNotEmpty(operation.summary ?? "", id)
      assert.isAbove((operation.description ?? "").length, 20, id)
      for (const parameter of operation.parameters) {
        assert.isString(parameter["description"], `${id}: parameter ${parameter.name} in src/OpenApi/Parameters.ts`)
        if (parameter.in === "path") assert.isString(parameter["example"], `${id}: ${parameter.name}`)
      }
      assert.strictEqual(operation.requestBody !== undefined, body !== undefined, `${id}: example of its body`)
      assert.match(JSON.stringify(operation.responses[successOf(operation)]), /"example":/, id)
      for (const [status, response] of Object.entries(operation.responses)) {
        if (status < "400" || response["x-error-codes"] === undefined) continue
        assert.match(response.description, /Codes: `[A-Z_`, ]+`\.$/, `${id} ${status}`)
      }
      for (const status of operation["x-required-scope"] === "nothing" ? [] : ["401", "403", "429"]) {
        assert.property(operation.responses, status, id)
      }
      assert.strictEqual("413" in operation.responses, operation.requestBody !== undefined, id)
      assert.strictEqual("507" in operation.responses, method !== "get", id)
    }
    for (const tag of document.tags) assert.isNotEmpty(tag.description ?? "", `tag ${tag.name}`)
  })

  it("loses no error: each code's status is one that the route's definition has", () => {
    const base = OpenApi.fromApi(Api)
    for (const { method, operation, path } of routes) {
      const declared = Object.keys(base.paths[path]?.[method as "get"]?.responses ?? {})
      for (const [status, response] of Object.entries(operation.responses)) {
        assert.include(declared, status)
        const codes = response["x-error-codes"]
        if (!Array.isArray(codes)) continue
        assert.strictEqual(new Set(codes).size, codes.length)
      }
      const { errors = [] } = told(operation)
      const all = Object.values(operation.responses).flatMap((response) => response["x-error-codes"] ?? [])
      assert.isAtLeast(all.length, errors.length, operation.operationId)
    }
    const codesOf = (id: string, status: string) =>
      routes.find(({ operation }) => operation.operationId === id)?.operation.responses[status]?.["x-error-codes"]
    assert.deepStrictEqual(codesOf("schedule.run", "409"), [
      "JOB_UNREADABLE",
      "CONCURRENCY_LIMIT",
      "IDEMPOTENCY_CONFLICT"
    ])
    assert.deepStrictEqual(codesOf("compat.update", "404"), ["UPDATE_SCHEDULE_FAILED"])
    assert.deepStrictEqual(codesOf("agents.run", "504"), ["AGENT_TIMED_OUT"])
    assert.isUndefined(codesOf("schedule.list", "404"))
  })

  it("knows every code that the HTTP layer gives by itself", () => {
    const known = new Set<string>([
      ...Object.values(commonFailures).flatMap((failures) => failures.map(({ code }) => code)),
      ...Object.keys(ownFailures),
      // Of paths and methods that are no route.
      ...["ROUTE_NOT_FOUND", "METHOD_NOT_ALLOWED"],
      // Of what is no request of HTTP.
      ...["EXPECTATION_FAILED", "MALFORMED_REQUEST", "HEADERS_TOO_LARGE", "REQUEST_TIMEOUT"]
    ])
    const given = sources("Http").flatMap((text) => [...text.matchAll(/(?:code: |orFailed\()"([A-Z_]+)"/g)])
    assert.isAbove(given.length, 15)
    for (const [, code = ""] of given) assert.isTrue(known.has(code), `${code} is not in src/OpenApi/Failures.ts`)
  })

  it("describes fields that there are", () => {
    const { schemas } = document.components
    for (const [name, texts] of Object.entries(fields)) {
      const properties = schemas[name]?.["properties"]
      assert.isTrue(isObject(properties), `no schema ${name}`)
      if (["JobDefinition", "Job", "JobWithWarnings", "Run"].includes(name)) {
        const keys = Object.keys(properties as object)
        assert.deepStrictEqual(
          keys.filter((key) => !(key in texts)),
          [],
          `${name}: fields without a text in src/OpenApi/Fields.ts`
        )
      }
    }
    const used = new Set(Object.values(schemas).flatMap((schema) => Object.keys(Object(schema["properties"]))))
    for (const [name, texts] of Object.entries(fields)) {
      for (const key of Object.keys(texts)) assert.isTrue(used.has(key), `${name}.${key} is nowhere`)
    }
    const text = JSON.stringify(document)
    assert.notMatch(
      text,
      /a string matching the pattern|HttpApiDecodeError|"\$ref":"#\/components\/schemas\/(Int|NonEmptyString)"/
    )
    for (const [, name = ""] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) assert.property(schemas, name)
  })

  it("says of fields only what can be there: no other literal, and null only where it may be", () => {
    for (const [name, { properties }] of Object.entries(document.components.schemas)) {
      const fields = Object.entries(isObject(properties) ? properties : {})
      const literals = new Set(JSON.stringify(properties ?? {}).match(/(?<=")[a-z_]+(?=")/g))
      for (const [key, field] of fields) {
        assert.isTrue(isObject(field), `${name}.${key}`)
        const { description = "", ...rest } = Object(field)
        const shape = JSON.stringify(rest)
        if (/\bnull\b/i.test(description) && rest.title !== "unknown") assert.include(shape, "null", `${name}.${key}`)
        if (!("enum" in rest)) continue
        for (const [, word = ""] of description.matchAll(/`([a-z_]+)`/g)) {
          assert.isTrue(literals.has(word), `${name}.${key} cannot be ${word}`)
        }
      }
    }
  })

  it("names parameters that there are", () => {
    const known = new Set(
      routes.flatMap(({ operation }) =>
        operation.parameters.flatMap(({ name }) => [name, `${operation.operationId}/${name}`])
      )
    )
    for (const name of Object.keys(parameters)) assert.isTrue(known.has(name), name)
  })

  it("has examples that the schemas of the routes take", () => {
    const decode = (schema: Schema.Schema.All, value: unknown, what: string) => {
      const result = ParseResult.decodeUnknownEither(schema as Schema.Schema<unknown>)(value)
      assert.isTrue(Either.isRight(result), `${what}: ${Either.isLeft(result) ? String(result.left) : ""}`)
    }
    let seen = 0
    HttpApi.reflect(Api, {
      onGroup: () => undefined,
      onEndpoint: ({ endpoint, group, successes }) => {
        const operation = operations.get(`${group.identifier}.${endpoint.name}`)
        if (operation === undefined) return
        const id = `${group.identifier}.${endpoint.name}`
        seen++
        if (operation.body !== undefined && Option.isSome(endpoint.payloadSchema)) {
          decode(endpoint.payloadSchema.value, operation.body.example, `${id}, body`)
        }
        const [success] = [...successes].sort(([a], [b]) => a - b).map(([, { ast }]) => ast)
        if (success === undefined || Option.isNone(success)) return
        if (HttpApiSchema.getEncoding(success.value).kind === "Text") assert.isString(operation.answer, id)
        else decode(Schema.make(success.value), operation.answer, `${id}, answer`)
      }
    })
    assert.strictEqual(seen, operations.size)
  })
})

const agents = {
  reporter: ({ input }: { readonly input: string }) =>
    input === "hang"
      ? Effect.never
      : input === "break"
        ? new AgentFailure({ kind: "permanent", message: "it broke" })
        : Effect.succeed({ output: `got ${input}`, exit_code: 0 })
}

const service = () =>
  HttpLive.pipe(
    Layer.provide(AuditCheckpoints.layer),
    Layer.provideMerge(TestServer),
    Layer.provideMerge(testRuntime({ agents }))
  )

interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what the wire says is what is tested
  readonly body: any
}

const send = (
  method: string,
  path: string,
  body?: unknown,
  key?: string
): Effect.Effect<Answer, never, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.make(method.toUpperCase() as "POST")(path).pipe(
      HttpClientRequest.setHeaders(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      body === undefined ? (same) => same : HttpClientRequest.bodyUnsafeJson(body)
    )
    const response = yield* client.execute(request)
    const text = yield* response.text
    const json = (response.headers["content-type"] ?? "").includes("json")
    return { status: response.status, body: json ? JSON.parse(text) : text }
  }).pipe(Effect.scoped, Effect.orDie)

const until = (path: string, wanted: (body: Answer["body"]) => boolean) =>
  Effect.repeat(send("GET", path), { until: ({ body }) => wanted(body) })

/** The job of the examples. */
const daily = { name: "daily-report", cron_expr: "0 9 1 1 *", agent_id: "reporter" }

const ran = (input: string, status: string) =>
  Effect.gen(function* () {
    const { body } = yield* send("POST", "/api/v1/schedule/daily-report/run", { input })
    yield* until(`/api/v1/runs/${body.id}`, (run) => run.status === status)
    return String(body.id)
  })

type Prepared = Readonly<Record<string, string>>

/** What must be there before the example of a route can go well: its path parameters, or a key. Else the job alone. */
const prepared = (id: string): Effect.Effect<Prepared, unknown, HttpClient.HttpClient | Jobs> => {
  const group = id.split(".", 1)[0]
  const job = (change: object = {}) => Effect.orDie(create({ ...daily, ...change }))
  return Effect.gen(function* () {
    if (id.endsWith("schedule.create") || id === "compat.create") return {}
    if (id === "schedule.reset") {
      yield* job({ max_retries: 1 })
      yield* ran("break", "failed")
    } else if (group === "approvals") {
      yield* job({ policy: { require_approval: true } })
      return { approval_id: yield* ran("x", "awaiting_approval") }
    } else if (group === "deliveries") {
      yield* job({ delivery: ["log_file"] })
      const run = yield* ran("x", "succeeded")
      const { body } = yield* until("/api/v1/deliveries", (list) => list.length > 0)
      return { delivery_id: String(body[0].id), run }
    } else if (group === "sessions") {
      yield* job({ session_mode: "shared_persistent" })
      yield* ran("x", "succeeded")
    } else if (group === "runs" || id.endsWith(".history") || id === "schedule.why") {
      yield* job()
      return { run_id: id === "runs.cancel" ? yield* ran("hang", "running") : yield* ran("x", "succeeded") }
    } else if (group === "keys") {
      const { body } = yield* send("POST", "/api/v1/keys", { name: "root", scopes: ["admin"] })
      yield* send("POST", "/api/v1/keys", { name: "ops", scopes: ["admin"] }, body.secret)
      return { secret: String(body.secret) }
    } else yield* job()
    return {}
  })
}

const keysOf = (value: unknown): ReadonlyArray<string> => {
  const one = Array.isArray(value) ? value[0] : value
  return isObject(one) ? Object.keys(one).sort() : []
}

/** Whether an answer has a key or not depends on the job: those of its definition, or where it is another agent's kind. */
const varying = new Set(["timezone", "input", "max_retries", "command", "env", "usage"])

describe("the examples of the document, sent to a service", () => {
  for (const { method, operation, path } of routes) {
    const id = operation.operationId
    const success = successOf(operation)
    it.live(`${id}: ${success}`, () =>
      Effect.gen(function* () {
        const { answer, body } = told(operation)
        const given = yield* prepared(id)
        const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
          const example = operation.parameters.find((parameter) => parameter.name === name)?.["example"]
          return encodeURIComponent(given[name] ?? String(example))
        })
        const said = yield* send(method, url, body?.example, given["secret"])
        assert.strictEqual(String(said.status), success, JSON.stringify(said.body))
        const steady = (keys: ReadonlyArray<string>) => keys.filter((key) => !varying.has(key))
        // The example's checkpoint is of another log, and this one says so.
        if (id === "audit.compare") return assert.isFalse(said.body.ok)
        if (Array.isArray(said.body) && said.body.length === 0) return
        assert.deepStrictEqual(steady(keysOf(said.body)), steady(keysOf(answer)))
        assert.strictEqual(typeof said.body, typeof answer)
      }).pipe(Effect.provide(service()))
    )
  }
})
