import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { decoderOf } from "../Codec.ts"
import { type AgentDefinition, CommandAgent, ModelAgent, UrlAgent } from "../Domain/Agent.ts"
import { JobDefinition } from "../Domain/Job.ts"
import { toolIssues } from "../Domain/ToolIssues.ts"
import { quote, type Report } from "./Diagnostic.ts"
import { isRenamed, writtenKey } from "./Keys.ts"
import { Places, type PlaceTable } from "./Places.ts"
import { decodeAt, type Field, type KeyRules, placeOf, type Reading, readEntries } from "./Reader.ts"
import { fieldsOf, type Shape } from "./Shape.ts"
import type { Span } from "./Source.ts"
import type { AgentSyntax, Entry, ScheduleSyntax } from "./Syntax.ts"

/** A schedule that was read. `raw` holds only what was written (and implied), under the definition's names. */
export interface ParsedSchedule {
  readonly definition: JobDefinition
  readonly raw: Record<string, unknown>
  readonly file: string
  readonly span: Span
  /** What precedes the brace: where to report what concerns no key. */
  readonly head: Span
  readonly places: Places
}

/** An agent that was read. */
export interface ParsedAgent {
  readonly definition: AgentDefinition
  readonly file: string
  readonly span: Span
  readonly head: Span
  readonly places: Places
}

const jobFields = fieldsOf(JobDefinition)
const jobKeys = [...jobFields.keys()].map(writtenKey)

const fieldAs = (target: string, shape: Shape): Field => ({
  target,
  shape: target === "max_jitter" ? { kind: "seconds" } : shape
})
const fieldsByKey = new Map([...jobFields].map(([target, shape]) => [writtenKey(target), fieldAs(target, shape)]))
const policyByBlock = jobFields.get("policy")
const policyField = policyByBlock && fieldAs("policy", policyByBlock)

// A policy given by its name is another field than one given as a block.
const jobField = ({ key, value }: Entry): Field | undefined =>
  key === "policy" && value.kind !== "string" && value.kind !== "word" ? policyField : fieldsByKey.get(key)

const jobRules: KeyRules = {
  known: jobKeys,
  field: jobField,
  hint: (key) => (isRenamed(key) ? `in a file it is written ${writtenKey(key)}` : undefined)
}

const newReading = (table: PlaceTable, report: Report): Reading => ({
  report,
  places: new Places(table),
  failed: new Set(),
  examples: new Map()
})

const isTrigger = ({ key }: Entry): boolean => key === "cron" || key === "at" || key === "every"

const checkTrigger = (syntax: ScheduleSyntax, report: Report): void => {
  const entries = syntax.body.entries.filter(isTrigger)
  const [first, second] = entries.filter((entry) => entry.value.kind !== "broken")
  if (first === undefined) {
    if (!syntax.body.complete || entries.length > 0) return
    const hint = 'for example cron: "0 9 * * *"'
    report.error(syntax.head, "a schedule must specify either 'cron' or 'at' or 'every'", hint)
  } else if (second !== undefined && second.key !== first.key) {
    const message = `a schedule takes only one of 'cron', 'at' and 'every'; '${first.key}' is on line ${first.keySpan.line}`
    report.error(second.keySpan, message, "remove one of them")
  }
}

const checkOneShot = (raw: Record<string, unknown>, reading: Reading): void => {
  const span = reading.places.get("one_shot")?.value
  const isAt = reading.places.has("at")
  if (span === undefined || raw["one_shot"] !== false || !isAt) return
  reading.report.error(span, "a schedule with 'at' is a one-shot; one_shot cannot be false", "remove the line")
}

/** A schedule, or what could be read of one with errors; `unread` are the keys that could not. */
export type ReadSchedule =
  | { readonly sound: true; readonly schedule: ParsedSchedule }
  | { readonly sound: false; readonly schedule: ParsedSchedule; readonly unread: ReadonlySet<string> }

const topOf = (path: string): string => path.split(".", 1)[0] ?? path

const decodeJob = Schema.decodeUnknownOption(JobDefinition)
const decodeSound = decoderOf(JobDefinition)

/** Reads a schedule; `agent` is the agent whose body it stands in. Nothing if not even a part can be told. */
export const readSchedule = (
  syntax: ScheduleSyntax,
  agent: string | undefined,
  table: PlaceTable,
  report: Report
): ReadSchedule | undefined => {
  const errors = report.errorCount()
  const reading = newReading(table, report)
  const { body, head, name, span } = syntax
  const raw = readEntries(body.entries, "", reading, jobRules)
  checkTrigger(syntax, report)
  checkOneShot(raw, reading)
  const nameKey = reading.places.get("name")
  if (name !== undefined && nameKey !== undefined && "name" in raw && raw["name"] !== name.text) {
    const message = `this schedule is named ${quote(name.text)} on line ${name.span.line} already`
    report.error(nameKey.value, message, "keep one of the names")
  }
  if (name !== undefined) {
    raw["name"] = name.text
    if (nameKey === undefined) reading.places.add("name", name.span, name.span)
  }
  if (agent !== undefined && !reading.places.has("agent_id")) raw["agent_id"] = agent
  if (!reading.places.has("name") && "agent_id" in raw) raw["name"] = raw["agent_id"]
  if (reading.places.has("at")) raw["one_shot"] = true
  if (!("agent_id" in raw)) {
    if (body.complete && !reading.places.has("agent_id")) {
      report.error(head, "this schedule names no agent", "add agent: NAME, or put the schedule into the agent's block")
    }
    reading.failed.add("agent_id").add("name")
  }
  const sound = decodeSound(raw)
  const definition = Either.isRight(sound) ? sound.right : decodeAt(JobDefinition, raw, syntax, reading)
  const common = { file: table.source.file, span, head, places: reading.places }
  if (definition !== undefined && body.complete && report.errorCount() === errors) {
    return { sound: true, schedule: { definition, raw, ...common } }
  }
  const unread = new Set(Array.from(reading.failed, topOf))
  const rest = Object.fromEntries(Object.entries(raw).filter(([key]) => !unread.has(key)))
  const part = Option.getOrUndefined(decodeJob(rest))
  return part && { sound: false, schedule: { definition: part, raw: rest, ...common }, unread }
}

const agentKind = <A extends AgentDefinition, I>(key: "model" | "command" | "url", schema: Schema.Schema<A, I>) => ({
  key,
  fields: new Map([...fieldsOf(schema)].filter(([field]) => field !== "id" && field !== "kind")),
  decode: (syntax: AgentSyntax, object: Record<string, unknown>, reading: Reading): AgentDefinition | undefined =>
    decodeAt(schema, { id: syntax.name.text, kind: key, ...object }, syntax, reading)
})

/** The key that says how an agent is run is also the name of its kind. */
const kinds = [agentKind("model", ModelAgent), agentKind("command", CommandAgent), agentKind("url", UrlAgent)]

const agentFields = new Map(kinds.flatMap(({ fields }) => [...fields]))

/** Whether an agent's block knows a key. */
export const isAgentKey = (key: string): boolean => agentFields.has(key)

const agentRules: KeyRules = {
  known: [...agentFields.keys()],
  field: (entry) => {
    const shape = agentFields.get(entry.key)
    return shape && { target: entry.key, shape }
  }
}

const warnOfIdleKeys = (syntax: AgentSyntax, kind: string, fields: ReadonlyMap<string, unknown>, report: Report) => {
  for (const entry of syntax.body.entries) {
    const idle = agentFields.has(entry.key) && !fields.has(entry.key)
    if (idle) report.warning(entry.keySpan, `'${entry.key}' has no effect on an agent with '${kind}'`)
  }
}

/** Reads an agent; none where nothing says how it is run. */
export const readAgent = (syntax: AgentSyntax, table: PlaceTable, report: Report): ParsedAgent | undefined => {
  const errors = report.errorCount()
  const reading = newReading(table, report)
  const { body, head, name, span } = syntax
  const object = readEntries(body.entries, "", reading, agentRules)
  const [chosen, other] = kinds.filter(({ key }) => reading.places.has(key))
  if (chosen === undefined) {
    if (!body.complete) return undefined
    const message = `agent ${quote(name.text)} is not loaded: it has none of 'model', 'command' and 'url'`
    report.warning(head, message, 'say how it is run, for example command: ["prog", "arg"]')
    return undefined
  }
  if (other !== undefined) {
    const message = `an agent takes only one of 'model', 'command' and 'url'; it has '${chosen.key}' too`
    report.error(reading.places.get(other.key)?.key ?? head, message, "remove one of them")
  }
  if (other === undefined) warnOfIdleKeys(syntax, chosen.key, chosen.fields, report)
  const own = Object.entries(object).filter(([key]) => chosen.fields.has(key))
  reading.places.add("id", name.span, name.span)
  const definition = chosen.decode(syntax, Object.fromEntries(own), reading)
  for (const { message, path } of definition?.kind === "model" ? toolIssues(definition) : []) {
    if (body.complete) report.error(placeOf(reading.places, path, head), `'${path}': ${message}`)
  }
  if (definition === undefined || !body.complete || report.errorCount() !== errors) return undefined
  return { definition, file: table.source.file, span, head, places: reading.places }
}
