import { isObject, type Json } from "../../OpenApi.ts"
import { escape, inline } from "./Markup.ts"

const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf("/") + 1)

const link = (ref: string): string => {
  const name = escape(nameOf(ref))
  return `<a href="#schema-${name}">${name}</a>`
}

const numberOf = (value: unknown): string | undefined =>
  typeof value === "number" ? value.toLocaleString("en-US") : undefined

const range = (low: unknown, high: unknown, what: string): string => {
  const [from, to] = [numberOf(low), numberOf(high)]
  if (from !== undefined && to !== undefined) return ` ${from} to ${to}${what}`
  if (from !== undefined) return ` from ${from}${what}`
  return to === undefined ? "" : ` up to ${to}${what}`
}

const bare = ({ enum: values, format, items, maximum, maxLength, minimum, minLength, pattern, type }: Json): string => {
  if (Array.isArray(values)) return values.map((value) => `<code>${escape(JSON.stringify(value))}</code>`).join(" | ")
  if (type === "array") return `array of ${typeOf(items)}`
  const low = minLength === 1 && maxLength === undefined ? undefined : minLength
  const limits = range(minimum, maximum, "") + range(low, maxLength, " characters")
  const shape = typeof pattern === "string" && limits === "" ? ` <code>${escape(pattern)}</code>` : ""
  return `${escape(format === "date-time" ? "instant" : String(type ?? "anything"))}${limits}${shape}`
}

/** The type of a value in a few words, with links to named schemas. */
export const typeOf = (schema: unknown): string => {
  if (!isObject(schema)) return "anything"
  const { $ref, anyOf, properties } = schema
  if (typeof $ref === "string") return link($ref)
  if (Array.isArray(anyOf)) return [...new Set(anyOf.map(typeOf))].join(" | ")
  if (isObject(properties)) {
    const names = Object.keys(properties)
    if (names.length > 0) return `object: ${names.map((name) => `<code>${escape(name)}</code>`).join(", ")}`
    return isObject(schema["additionalProperties"]) ? `map of ${typeOf(schema["additionalProperties"])}` : "object"
  }
  return bare(schema)
}

const isRequired = (schema: Json, name: string): boolean =>
  Array.isArray(schema["required"]) && schema["required"].includes(name)

/** A table of names, types and meanings. */
export const table = (caption: string, heads: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  `<div class="wide" tabindex="0" role="region" aria-label="${escape(caption)}"><table><caption>${escape(caption)}</caption><thead><tr>${heads
    .map((head) => `<th scope="col">${head}</th>`)
    .join("")}</tr></thead><tbody>${rows
    .map(
      ([first = "", ...rest]) =>
        `<tr><th scope="row">${first}</th>${rest.map((cell) => `<td>${cell}</td>`).join("")}</tr>`
    )
    .join("")}</tbody></table></div>`

/** The fields of a named schema; its members where it is one of several. */
export const schemaTable = (name: string, schema: Json): string => {
  const { anyOf, properties } = schema
  if (isObject(properties)) {
    const rows = Object.entries(properties).map(([key, property]) => [
      `<code>${escape(key)}</code>${isRequired(schema, key) ? ' <span class="need">required</span>' : ""}`,
      typeOf(property),
      isObject(property) && typeof property["description"] === "string" ? inline(property["description"]) : ""
    ])
    return table(`Fields of ${name}`, ["Field", "Type", "Meaning"], rows)
  }
  if (Array.isArray(anyOf))
    return `<p>One of:</p><ul>${anyOf.map((member) => `<li>${typeOf(member)}</li>`).join("")}</ul>`
  return `<p>${typeOf(schema)}</p>`
}
