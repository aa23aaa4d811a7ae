import { securitySchemes } from "./Access.ts"

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

/** Schemas of the error body that is replaced. */
const unused: ReadonlySet<string> = new Set(["HttpApiDecodeError", "Issue", "PropertyKey"])

const isReplaced = (schema: unknown): boolean =>
  isObject(schema) && schema["$ref"] === "#/components/schemas/HttpApiDecodeError"

const isNull = (schema: unknown): boolean => isObject(schema) && schema["type"] === "null"

const walk = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(walk)
  if (!isObject(value)) return value
  const { anyOf } = value
  if (Array.isArray(anyOf) && anyOf.some(isReplaced)) {
    const rest = anyOf.filter((schema) => !isReplaced(schema))
    return walk(rest.length === 1 ? rest[0] : { ...value, anyOf: rest })
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !unused.has(key))
      .map(([key, child]) => [key, key === "requestBody" ? optionalWhenNull(walk(child)) : walk(child)])
  )
}

/** A body that may be null may be absent. */
const optionalWhenNull = (body: unknown): unknown => {
  const nullable =
    isObject(body) &&
    isObject(body["content"]) &&
    Object.values(body["content"]).some(
      (media) =>
        isObject(media) &&
        isObject(media["schema"]) &&
        Array.isArray(media["schema"]["anyOf"]) &&
        media["schema"]["anyOf"].some(isNull)
    )
  return nullable ? { ...body, required: false } : body
}

/**
 * Makes the derived OpenAPI say what the service does: its own error body alone, bodies that may be absent, and the two
 * ways to send a key.
 */
export const trueDescription = (spec: Record<string, unknown>): Record<string, unknown> => {
  const walked = walk(spec)
  if (!isObject(walked)) return spec
  const components = isObject(walked["components"]) ? walked["components"] : {}
  return { ...walked, components: { ...components, securitySchemes } }
}
