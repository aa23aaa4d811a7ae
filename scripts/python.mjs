// The records of the Python client, sdk/python/symbiont/models.py, from the API definition.
import { OpenApi } from "@effect/platform"
import { Schema, SchemaAST } from "effect"

const lib = await import("../dist/lib/index.js")

const spec = OpenApi.fromApi(lib.Api)
const operations = new Map(
  Object.values(spec.paths).flatMap((methods) => Object.values(methods).map((one) => [one.operationId, one]))
)

const operation = (id) => {
  const found = operations.get(id)
  if (found === undefined) throw new Error(`the API has no operation ${id}`)
  return found
}

const json = (content) => content["application/json"].schema

const answerOf = (id) => {
  const status = Object.keys(operation(id).responses).find((code) => code < "300")
  const schema = json(operation(id).responses[status].content)
  return schema.type === "array" ? schema.items : schema
}

const bodyOf = (id) => json(operation(id).requestBody.content)

/** The records that answers are, by the operation that gives them. */
const answers = {
  Job: "schedule.get",
  JobWithWarnings: "schedule.update",
  Deleted: "schedule.remove",
  NextRun: "schedule.nextRun",
  Preview: "schedule.preview",
  Backfill: "schedule.backfill",
  RunSummary: "schedule.history",
  Run: "runs.get",
  Why: "runs.why",
  SessionInfo: "sessions.get",
  Approval: "approvals.list",
  ListedDelivery: "deliveries.list",
  Redelivered: "deliveries.redeliverAll",
  BudgetLine: "budgets.list",
  AgentDefinition: "agents.list",
  AgentAnswer: "agents.run",
  Applied: "files.apply",
  AuditEvent: "audit.query",
  AuditVerdict: "audit.verify",
  AuditCheckpoint: "audit.checkpoint",
  ApiKey: "keys.list",
  CreatedKey: "keys.create",
  SchedulerHealth: "health.scheduler"
}

/** What may be asked, by the operation that takes it. */
const requests = {
  JobDefinition: "schedule.create",
  JobPatch: "schedule.update",
  PreviewRequest: "schedule.preview",
  BackfillRequest: "schedule.backfill",
  RedeliverRequest: "deliveries.redeliverAll",
  KeyRequest: "keys.create"
}

const keywords = new Set("and as class def from global import in is not or pass return with yield".split(" "))
const dictMethods = new Set("clear copy fromkeys get items keys pop popitem setdefault update values".split(" "))
const pythonName = (key) => (keywords.has(key) || dictMethods.has(key) ? `${key}_` : key)

const pascal = (key) => key.replace(/(^|_)([a-z])/g, (_, __, letter) => letter.toUpperCase())

const refName = (schema) => schema.$ref?.split("/").at(-1)
const resolved = (schema) => {
  if (schema.$ref !== undefined) return resolved(spec.components.schemas[refName(schema)])
  return schema.allOf?.length === 1 ? resolved(schema.allOf[0]) : schema
}

const isNull = (schema) => schema.type === "null"
const isMap = (schema) => schema.type === "object" && Object.keys(schema.properties ?? {}).length === 0

/** An object, or several that are one class: its keys are all of theirs, and those that all have are always there. */
const asObject = (schema) => {
  const whole = resolved(schema)
  if (whole.type === "object") return whole
  const members = (whole.anyOf ?? []).filter((one) => !isNull(one)).map(asObject)
  if (members.length === 0 || members.includes(undefined)) return undefined
  return {
    type: "object",
    properties: Object.assign({}, ...members.toReversed().map(({ properties }) => properties)),
    required: members.map(({ required }) => required).reduce((all, some) => all.filter((key) => some.includes(key)))
  }
}

/** Keys with a default: the description has them as optional, and answers always have them. */
const alwaysThere = (className) => {
  const schema = lib[className]
  if (!Schema.isSchema(schema)) return []
  const { ast } = Schema.typeSchema(schema)
  return ast._tag === "TypeLiteral"
    ? SchemaAST.getPropertySignatures(ast)
        .filter(({ isOptional }) => !isOptional)
        .map(({ name }) => name)
    : []
}

const classes = new Map()

const plain = { string: "str", integer: "int", number: "float", boolean: "bool" }

const typeOf = (schema, nameIfInline, nested) => {
  const whole = resolved(schema)
  if (whole.anyOf !== undefined) {
    const others = whole.anyOf.filter((one) => !isNull(one))
    const type =
      others.length === 1 || asObject(whole) === undefined
        ? [...new Set(others.map((one) => typeOf(one, nameIfInline, nested)))]
        : [recordOf(refName(schema) ?? nameIfInline, whole, nested)]
    const united = type.length === 1 ? type[0] : `Union[${type.join(", ")}]`
    return others.length < whole.anyOf.length ? `Optional[${united}]` : united
  }
  if (whole.type === "array") return `List[${typeOf(whole.items, nameIfInline, nested)}]`
  if (whole.type === "object") {
    if (isMap(whole))
      return `Dict[str, ${whole.additionalProperties ? typeOf(whole.additionalProperties, nameIfInline, nested) : "Any"}]`
    return recordOf(refName(schema) ?? nameIfInline, whole, nested)
  }
  return plain[whole.type] ?? "Any"
}

const recordOf = (className, schema, usedBy) => {
  usedBy?.add(className)
  if (classes.has(className)) return className
  const { properties, required } = asObject(schema)
  const always = new Set([...required, ...alwaysThere(className)])
  const nested = []
  const fields = Object.entries(properties).map(([key, field]) => {
    const records = new Set()
    const type = typeOf(field, className + pascal(key), records)
    if (records.size > 0) nested.push(`"${key}": ${[...records].at(-1)}`)
    const isOptional = !always.has(key)
    return `    ${pythonName(key)}: ${isOptional && !type.startsWith("Optional[") ? `Optional[${type}]` : type}`
  })
  const optional = Object.keys(properties).filter((key) => !always.has(key))
  const lines = [`class ${className}(Record):`, "    __slots__ = ()", ...fields]
  if (optional.length > 0) lines.push(`    _optional = frozenset({${optional.map((key) => `"${key}"`).join(", ")}})`)
  if (nested.length > 0) lines.push(`    _nested = {${nested.join(", ")}}`)
  classes.set(className, lines.join("\n"))
  return className
}

const sendable = (schema) => {
  const whole = resolved(schema)
  if (whole.anyOf !== undefined) {
    const others = [...new Set(whole.anyOf.filter((one) => !isNull(one)).map(sendable))]
    const united = others.length === 1 ? others[0] : `Union[${others.join(", ")}]`
    return whole.anyOf.some(isNull) ? `Optional[${united}]` : united
  }
  if (whole.enum !== undefined) return `Literal[${whole.enum.map((one) => JSON.stringify(one)).join(", ")}]`
  if (whole.type === "array") return `Sequence[${sendable(whole.items)}]`
  if (whole.type === "object") return "Mapping[str, Any]"
  return plain[whole.type] ?? "Any"
}

const requestOf = ([className, id]) => {
  const { properties, required } = asObject(bodyOf(id))
  const fields = (keys) => keys.map((key) => `    ${pythonName(key)}: ${sendable(properties[key])}`)
  const keys = Object.keys(properties)
  const others = keys.filter((key) => !required.includes(key))
  const needed = [`class _${className}Required(TypedDict):`, ...fields(required)]
  const base = required.length === 0 ? "TypedDict" : `_${className}Required`
  const all = [`class ${className}(${base}, total=False):`, ...fields(others)]
  return (required.length === 0 ? [all] : [needed, all]).map((lines) => lines.join("\n")).join("\n\n\n")
}

for (const [className, id] of Object.entries(answers)) recordOf(className, answerOf(id))

/** The text of models.py. */
export const pythonModels = () => `"""The records of the API. Made from its definition by \`npm run reference\`."""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Mapping, Optional, Sequence, TypedDict, Union

from ._records import Record

# Answers. Keys with a name that Python needs itself have an underscore after it: \`backfill.from_\`.


${[...classes.values()].join("\n\n\n")}


# Requests.


${Object.entries(requests).map(requestOf).join("\n\n\n")}
`
