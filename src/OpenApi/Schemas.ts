import { fields } from "./Fields.ts"

/** A JSON schema, or any part of one. */
export type Json = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Schemas that stand for a bare type; a reader is better served by the type itself. */
const bare: Readonly<Record<string, Json>> = {
  "#/components/schemas/Int": { type: "integer" },
  "#/components/schemas/NonEmptyString": { type: "string", minLength: 1 }
}

const bareNames = new Set(Object.keys(bare).map((ref) => ref.slice(ref.lastIndexOf("/") + 1)))

/** What the generator says of filters in its own words: the keywords beside it say it better. */
const isNoise = (key: string, value: unknown): boolean =>
  typeof value === "string" &&
  ((key === "$id" && value.startsWith("/schemas/")) ||
    (key === "title" && /^(\w+\(.*\)|nonEmptyString|int|nonNegative|positive)$/.test(value)) ||
    (key === "description" && /^an? (string|number|integer|non|positive|negative)\b/.test(value)))

/** A schema without noise, bare types in place. Examples and the like are left as they are. */
export const tidy = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(tidy)
  if (!isObject(value)) return value
  const tidied = Object.fromEntries(
    Object.entries(value)
      .filter(([key, child]) => !isNoise(key, child))
      .map(([key, child]) => [key, key === "example" || key === "examples" || key === "enum" ? child : tidy(child)])
  )
  const { $ref, allOf, ...rest } = tidied
  if (typeof $ref === "string" && $ref in bare) return { ...bare[$ref], ...rest }
  const [only, ...others] = Array.isArray(allOf) ? allOf : []
  if (isObject(only) && others.length === 0) return { ...only, ...rest }
  return tidied
}

const described = (name: string, schema: unknown): unknown => {
  if (!isObject(schema)) return schema
  const texts = fields[name]
  const { properties } = schema
  if (texts === undefined || !isObject(properties)) return schema
  return {
    ...schema,
    properties: Object.fromEntries(
      Object.entries(properties).map(([key, property]) => {
        const description = texts[key]
        return [key, description === undefined || !isObject(property) ? property : { ...property, description }]
      })
    )
  }
}

/** The named schemas of the document, tidied and described. */
export const describedSchemas = (schemas: Json): Json =>
  Object.fromEntries(
    Object.entries(schemas)
      .filter(([name]) => !bareNames.has(name))
      .map(([name, schema]) => [name, described(name, tidy(schema))])
  )
