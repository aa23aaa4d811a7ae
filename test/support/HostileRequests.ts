/** A JSON schema, as far as OpenAPI documents of ours use it. */
export interface JsonSchema {
  readonly $ref?: string
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly oneOf?: ReadonlyArray<JsonSchema>
  readonly allOf?: ReadonlyArray<JsonSchema>
  readonly enum?: ReadonlyArray<unknown>
  readonly type?: string | ReadonlyArray<string>
  readonly items?: JsonSchema | ReadonlyArray<JsonSchema>
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly required?: ReadonlyArray<string>
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema: JsonSchema
}

interface Operation {
  readonly parameters: ReadonlyArray<Parameter>
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> }
  readonly responses: Readonly<Record<string, unknown>>
}

/** An OpenAPI document. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

/** A request that is meant for a route, whatever became of it. */
export interface HostileRequest {
  readonly route: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  /** The statuses that the route documents; undefined where the request may reach any route, or none. */
  readonly documented: ReadonlySet<number> | undefined
}

/** Numbers in [0, 1), the same ones for the same seed (mulberry32). */
export const randomFrom = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const likely = [
  "quick",
  "fuzzed",
  "* * * * *",
  "0 9 * * 1-5",
  "5m",
  "1h30m",
  "UTC",
  "Europe/Berlin",
  "log_file",
  "active"
]
const plausible = [
  "2030-01-01T00:00:00Z",
  "2026-02-30",
  "@daily",
  "succeeded",
  "true",
  "1",
  "100",
  "read",
  "symbi",
  "json"
]
const evil = [
  "",
  " ",
  "\u0000",
  "../../../etc/passwd",
  "__proto__",
  "constructor",
  "'; DROP TABLE jobs; --",
  `\${PATH}`,
  "\u{1F600}\u202E",
  "\uD800",
  "-1",
  "9".repeat(400),
  "1e309",
  "NaN",
  "x".repeat(5_000),
  "%s%n",
  "{{7*7}}",
  "\r\nSet-Cookie: a=b"
]

/** Makes requests of every operation of a document: mostly as its schemas ask, each spoilt in its own way. */
export const hostileRequests = (
  document: OpenApiDocument,
  options: { readonly seed: number; readonly key: string }
) => {
  const random = randomFrom(options.seed)
  const chance = (probability: number) => random() < probability
  const below = (n: number) => Math.floor(random() * n)
  const pick = <A>(items: ReadonlyArray<A>): A => items[below(items.length)] as A

  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation }))
  )

  const text = () => {
    const kind = random()
    return kind < 0.5 ? pick(likely) : kind < 0.75 ? pick(plausible) : pick(evil)
  }

  const anything = (depth: number): unknown => {
    switch (below(depth > 3 ? 6 : 8)) {
      case 0:
        return null
      case 1:
        return chance(0.5)
      case 2:
        return pick([0, -1, 1.5, 1e308, 2 ** 53, -(2 ** 31)])
      case 6:
        return Array.from({ length: below(4) }, () => anything(depth + 1))
      case 7:
        return Object.fromEntries(Array.from({ length: below(4) }, () => [text(), anything(depth + 1)]))
      default:
        return text()
    }
  }

  const resolve = (schema: JsonSchema): JsonSchema => {
    const name = schema.$ref?.split("/").at(-1)
    return name === undefined ? schema : resolve(document.components.schemas[name] ?? {})
  }

  const fitting = (given: JsonSchema, depth: number): unknown => {
    const schema = resolve(given)
    if (depth > 8) return null
    if (schema.enum !== undefined) return pick(schema.enum)
    const members = schema.anyOf ?? schema.oneOf
    if (members !== undefined) return spoilt(pick(members), depth)
    const type = typeof schema.type === "string" ? schema.type : pick(schema.type ?? ["string"])
    switch (type) {
      case "object": {
        const { additionalProperties, properties = {}, required = [] } = schema
        const known = Object.entries(properties)
          .filter(([name]) => chance(required.includes(name) ? 0.97 : 0.35))
          .map(([name, property]) => [name, spoilt(property, depth + 1)])
        const more =
          typeof additionalProperties === "object" && chance(0.7)
            ? Array.from({ length: below(3) }, () => [text(), spoilt(additionalProperties, depth + 1)])
            : []
        return Object.fromEntries([...known, ...more, ...(chance(0.05) ? [[text(), anything(depth)]] : [])])
      }
      case "array": {
        const { items } = schema
        const item = Array.isArray(items) ? items[0] : (items as JsonSchema | undefined)
        return Array.from({ length: below(4) }, () => spoilt(item ?? {}, depth + 1))
      }
      case "integer":
        return chance(0.8) ? below(100) : pick([-1, 0, 1.5, 2 ** 40])
      case "number":
        return random() * 1_000
      case "boolean":
        return chance(0.5)
      case "null":
        return null
      default:
        return text()
    }
  }

  const spoilt = (schema: JsonSchema, depth: number): unknown =>
    chance(0.04) ? anything(depth) : fitting(schema, depth)

  const spoiltBytes = (json: string): Buffer => {
    const bytes = Buffer.from(json)
    switch (below(6)) {
      case 0:
        return bytes.subarray(0, below(bytes.length + 1))
      case 1:
        return Buffer.from(Array.from({ length: below(200) }, () => below(256)))
      case 2:
        return Buffer.concat([bytes, Buffer.from([0xff, 0xc0, 0x80])])
      case 3:
        return Buffer.from(`${"[".repeat(200)}${json}${"]".repeat(200)}`)
      case 4:
        return Buffer.alloc(0)
      default:
        return Buffer.from(`${json}${json}`)
    }
  }

  const encoded = (value: string): string => {
    try {
      return chance(0.9) ? encodeURIComponent(value) : value.replaceAll(/[^\x21-\x7e]/g, "_").replaceAll("#", "_")
    } catch {
      return "%ED%A0%80"
    }
  }

  const header = (value: string): string => value.replaceAll(/[^\x20-\x7e]/g, "_").slice(0, 2_000)

  return (known: ReadonlyArray<string>): HostileRequest => {
    const { method, operation, path } = pick(operations)
    const placed = path.replaceAll(
      /\{\w+\}/g,
      () => encoded(known.length > 0 && chance(0.7) ? pick(known) : text()) || "_"
    )
    const of = (place: string) => operation.parameters.filter((one) => one.in === place && chance(0.4))
    const query = of("query").map(({ name, schema }) => `${name}=${encoded(String(spoilt(schema, 0)))}`)
    if (chance(0.05)) query.push(`${encoded(text())}=${encoded(text())}`)
    const credentials: Record<string, string> = chance(0.95)
      ? { authorization: `Bearer ${options.key}` }
      : pick([{}, { authorization: header(text()) }, { "x-api-key": header(text()) }])
    const headers: Record<string, string> = { ...credentials }
    for (const { name } of of("header")) headers[name] = header(text())
    const schema = operation.requestBody?.content["application/json"]?.schema
    let body: Buffer | undefined
    if (schema !== undefined && chance(0.97)) {
      const json = JSON.stringify(spoilt(schema, 0)) ?? ""
      body = chance(0.1) ? spoiltBytes(json) : Buffer.from(json)
      headers["content-length"] = String(body.length)
      headers["content-type"] = chance(0.95) ? "application/json" : pick(["text/plain", "multipart/form-data", "a/b;c"])
    }
    const strayed = chance(0.05)
    return {
      route: `${method} ${path}`,
      method: strayed && chance(0.5) ? pick(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]) : method,
      path: `${placed}${strayed ? pick(["/", "//", "/..", "/%2e%2e", "/x", ";a=b"]) : ""}${query.length > 0 ? `?${query.join("&")}` : ""}`,
      headers,
      body,
      documented: strayed ? undefined : new Set(Object.keys(operation.responses).map(Number))
    }
  }
}
