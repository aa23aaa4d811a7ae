import type { AgentDefinition, EffectAgent } from "../Domain/Agent.ts"
import { definitionKeys, type JobDefinition } from "../Domain/Job.ts"
import { writtenKey } from "./Keys.ts"

const isName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_-]*$/.test(text)

const escapes: Readonly<Record<string, string>> = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t" }

const needsEscape = /["\\]|[\p{Cc}\p{Cs}\u2028\u2029\uFEFF]/gu

const printString = (text: string): string =>
  `"${text.replace(needsEscape, (char) => escapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`

/** Several lines read best between triple quotes, where every character stands for itself. */
const printText = (text: string): string =>
  text.includes("\n") && !text.includes('"""') && !text.endsWith('"') && !/[^\P{Cc}\n\t]|[\p{Cs}\uFEFF]/u.test(text)
    ? `"""\n${text}"""`
    : printString(text)

const printValue = (value: unknown, indent: string): string => {
  if (typeof value === "string") return printText(value)
  if (Array.isArray(value)) return `[${value.map((item) => printValue(item, indent)).join(", ")}]`
  if (typeof value !== "object" || value === null) return String(value)
  const inner = `${indent}  `
  const lines = Object.entries(value).map(
    ([key, item]) => `${inner}${isName(key) ? key : printString(key)}: ${printValue(item, inner)}\n`
  )
  return `{\n${lines.join("")}${indent}}`
}

const printEntry = (key: string, value: unknown): string =>
  key === "policy" && typeof value === "object"
    ? `  policy ${printValue(value, "  ")}\n`
    : `  ${key}: ${printValue(value, "  ")}\n`

const isDefault = (definition: JobDefinition, key: keyof JobDefinition): boolean => {
  switch (key) {
    case "session_mode":
      return definition.session_mode === "ephemeral_with_summary"
    case "delivery":
      return definition.delivery.length === 1 && definition.delivery[0] === "log_file"
    case "max_concurrent":
      return definition.max_concurrent === 1
    case "overlap":
      return definition.overlap === "skip"
    case "labels":
      return definition.labels.length === 0
    case "one_shot":
      return definition.at !== undefined
    default:
      return false
  }
}

/** A schedule as canonical text, defaults left out. Parsed again it gives the same definition. */
export const printSchedule = (definition: JobDefinition): string => {
  const entries = definitionKeys
    .filter((key) => definition[key] !== undefined && !isDefault(definition, key))
    .map((key) => printEntry(writtenKey(key), definition[key]))
  return `schedule {\n${entries.join("")}}\n`
}

/** An agent as canonical text. Agents written in code have none. */
export const printAgent = (agent: Exclude<AgentDefinition, EffectAgent>): string => {
  const { id, kind: _, capabilities, ...rest } = agent
  const env = "env" in rest && Object.keys(rest.env).length === 0 ? { env: undefined } : {}
  const fields = { ...rest, ...env, ...(capabilities.length === 0 ? {} : { capabilities }) }
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  const lines = entries.map(([key, value]) => printEntry(key, value))
  return `agent ${isName(id) ? id : printString(id)} {\n${lines.join("")}}\n`
}
