import * as OpenApi from "@effect/platform/OpenApi"
import { Api } from "./Api.ts"
import { compat } from "./OpenApi/Compat.ts"
import { commonFailures, type Failure, failuresOf, ownFailures } from "./OpenApi/Failures.ts"
import { runs, schedule, sessions } from "./OpenApi/Jobs.ts"
import type { Operation, Operations } from "./OpenApi/Operation.ts"
import { parameters, tags } from "./OpenApi/Parameters.ts"
import { describedSchemas, isObject, type Json, tidy } from "./OpenApi/Schemas.ts"
import { audit, health, keys, logs, meta } from "./OpenApi/Service.ts"
import { agents, approvals, budgets, deliveries, files } from "./OpenApi/Work.ts"

export type { Failure } from "./OpenApi/Failures.ts"
export type { Operation } from "./OpenApi/Operation.ts"
export type { Json } from "./OpenApi/Schemas.ts"
export { isObject } from "./OpenApi/Schemas.ts"

const groups: Readonly<Record<string, Operations>> = {
  agents,
  approvals,
  audit,
  budgets,
  compat,
  deliveries,
  files,
  health,
  keys,
  logs,
  meta,
  runs,
  schedule,
  sessions
}

/** What is told of each route beside its definition, by operation id (`schedule.create`). */
export const operations: ReadonlyMap<string, Operation> = new Map(
  Object.entries(groups).flatMap(([group, routes]) =>
    Object.entries(routes).map(([name, operation]) => [`${group}.${name}`, operation] as const)
  )
)

/** An operation of the document. */
export interface DescribedOperation {
  readonly operationId: string
  readonly tags: ReadonlyArray<string>
  readonly summary?: string
  readonly description?: string
  readonly parameters: ReadonlyArray<Json & { readonly name: string; readonly in: string; readonly required: boolean }>
  readonly requestBody?: { readonly content: Readonly<Record<string, Json>>; readonly required: boolean }
  readonly responses: Readonly<Record<string, Json & { readonly description: string }>>
  readonly "x-required-scope"?: string
}

/** The document: OpenAPI 3.1. */
export interface Document {
  readonly openapi: string
  readonly info: Json & { readonly title: string; readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Json>> }
  readonly tags: ReadonlyArray<{ readonly name: string; readonly description?: string }>
}

/** Everything that a route can answer besides success. */
export const failuresOfOperation = (
  operation: Operation,
  { body, method, parameters: asks, scope }: { method: string; scope: string; body: boolean; parameters: boolean }
): ReadonlyArray<Failure> => [
  ...commonFailures.always,
  ...(scope === "nothing" ? [] : commonFailures.keyed),
  ...(asks || body ? commonFailures.asking : []),
  ...(body ? commonFailures.withBody : []),
  ...(method === "get" ? [] : commonFailures.writing),
  ...(operation.errors ?? []).flatMap((tag) => failuresOf(tag, operation.codes?.[tag] ?? operation.code)),
  ...(operation.own ?? []).map((name) => ownFailures[name])
]

const invalidText = "The request is not valid; `details` names each place."

const errorSchema = { $ref: "#/components/schemas/Error" }

const failureResponse = (told: string, failures: ReadonlyArray<Failure>): Json => {
  const byCode = new Map(failures.map((failure) => [failure.code, failure]))
  const codes = [...byCode.keys()]
  return {
    description: `${told} Codes: ${codes.map((code) => `\`${code}\``).join(", ")}.`,
    "x-error-codes": codes,
    content: {
      "application/json": {
        schema: errorSchema,
        examples: Object.fromEntries([...byCode].map(([code, { body }]) => [code, { value: body }]))
      }
    }
  }
}

const successes: Readonly<Record<string, string>> = {
  "200": "It went well.",
  "201": "Stored.",
  "202": "Accepted: it goes on by itself.",
  "503": "The store or the loop is down."
}

/** An answer that is no error, with its example; a schema without a name goes to `hoisted` under the given one. */
const success = (
  status: string,
  response: unknown,
  example: unknown,
  name: string | undefined,
  hoisted: Map<string, unknown>
): Json => {
  const content = isObject(response) && isObject(response["content"]) ? response["content"] : {}
  const media = Object.entries(content).map(([type, value]) => {
    const schema = isObject(value) ? value["schema"] : undefined
    if (name === undefined || !isObject(schema)) return [type, { schema, example }]
    if (schema["$ref"] === undefined) hoisted.set(name, schema)
    return [type, { schema: { $ref: `#/components/schemas/${name}` }, example }]
  })
  return { description: successes[status] ?? "It went well.", content: Object.fromEntries(media) }
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

/** The object of a body that may also be null: that one means that there is none. */
const present = (schema: unknown): unknown => {
  const members = isObject(schema) && Array.isArray(schema["anyOf"]) ? schema["anyOf"] : []
  return members.find((member) => isObject(member) && member["type"] !== "null") ?? schema
}

/** Says all that is known of one operation; schemas of bodies go to `hoisted` under their names. */
const describe = (raw: Json, method: string, hoisted: Map<string, unknown>): Json => {
  const id = textOf(raw["operationId"])
  const operation = operations.get(id)
  if (operation === undefined) return raw
  const asked = Array.isArray(raw["parameters"]) ? raw["parameters"].filter(isObject) : []
  const { body } = operation
  const requestBody = isObject(raw["requestBody"]) ? raw["requestBody"] : undefined
  const failures = failuresOfOperation(operation, {
    method,
    scope: textOf(raw["x-required-scope"]),
    body: requestBody !== undefined,
    parameters: asked.some((one) => one["in"] !== "path")
  })
  const responses = isObject(raw["responses"]) ? raw["responses"] : {}
  const answers = Object.entries(responses).flatMap(([status, response]) => {
    if (status < "400") return [[status, success(status, response, operation.answer, operation.answers, hoisted)]]
    if (operation.down !== undefined && status === "503") {
      return [[status, success(status, response, operation.down, "UnhealthyScheduler", hoisted)]]
    }
    const some = failures.filter((failure) => String(failure.status) === status)
    if (some.length === 0) return []
    // The generator's own text stands there for 400, in place of that of the answer.
    const text = status === "400" ? invalidText : isObject(response) ? textOf(response["description"]) : ""
    return [[status, failureResponse(text, some)]]
  })
  if (body !== undefined && requestBody !== undefined) {
    const content = isObject(requestBody["content"]) ? requestBody["content"]["application/json"] : undefined
    const schema = present(isObject(content) ? content["schema"] : undefined)
    if (!isObject(schema) || schema["$ref"] === undefined) hoisted.set(body.schema, schema)
  }
  return {
    ...raw,
    description: operation.description,
    parameters: asked.map(({ description: _, schema, ...rest }) => {
      const { description: _noise, ...plain } = isObject(schema) ? schema : {}
      const told = parameters[`${id}/${textOf(rest["name"])}`] ?? parameters[textOf(rest["name"])]
      return { ...rest, ...told, schema: plain }
    }),
    ...(body === undefined || requestBody === undefined
      ? {}
      : {
          requestBody: {
            ...requestBody,
            content: {
              "application/json": {
                schema: { $ref: `#/components/schemas/${body.schema}` },
                example: body.example
              }
            }
          }
        }),
    responses: Object.fromEntries(answers)
  }
}

const about = `Runs AI agents on schedules, durably.

Instants are ISO 8601 in UTC with milliseconds. Wherever an id of a job stands, its name works too. Unknown keys of a body are refused. Every error has the body \`{ error, code, details }\`: a text for people, a code for programs, and what is wrong where.

Send a key as \`Authorization: Bearer KEY\` or \`X-API-Key: KEY\`. While the service has none it answers on loopback only, and asks for none.`

/** The API's OpenAPI document: what is derived from its definition, with descriptions, examples and error codes. */
export const openApiDocument = (): Document => {
  const spec = tidy(OpenApi.fromApi(Api)) as Json & Document
  const hoisted = new Map<string, unknown>()
  const paths = Object.fromEntries(
    Object.entries(spec.paths).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item).map(([method, raw]) => [method, describe(raw as unknown as Json, method, hoisted)])
      )
    ])
  )
  const schemas = describedSchemas({ ...spec.components.schemas, ...Object.fromEntries(hoisted) })
  return {
    ...spec,
    info: {
      ...spec.info,
      description: about,
      license: { name: "MIT", identifier: "MIT" }
    },
    servers: [{ url: "/", description: "This service." }],
    paths,
    components: { ...spec.components, schemas },
    tags: spec.tags.map((tag) => ({ ...tag, description: tags[tag.name] ?? "" }))
  } as unknown as Document
}
