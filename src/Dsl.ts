import type { Issue } from "./Domain/Job.ts"
import { type ParsedAgent, type ParsedSchedule, type ReadSchedule, readAgent, readSchedule } from "./Dsl/Definitions.ts"
import { type Diagnostic, diagnosticAt, makeReport, quote, type Report } from "./Dsl/Diagnostic.ts"
import { writtenPath } from "./Dsl/Keys.ts"
import { parse, startingParse } from "./Dsl/Parser.ts"
import { PlaceTable } from "./Dsl/Places.ts"
import { placeOf } from "./Dsl/Reader.ts"
import { makeSource } from "./Dsl/Source.ts"
import { atOnce, type Steps } from "./Steps.ts"

export type { ParsedAgent, ParsedSchedule } from "./Dsl/Definitions.ts"
export { Diagnostic, diagnosticAt, renderDiagnostic, rendererOf } from "./Dsl/Diagnostic.ts"
export { formatFile } from "./Dsl/Format.ts"
export { writtenKey } from "./Dsl/Keys.ts"
export { printAgent, printSchedule } from "./Dsl/Printer.ts"
export { makeSource, type Source, type Span } from "./Dsl/Source.ts"

/** Part of a schedule; `unread` are the keys of its definition whose errors are told already. */
export interface BrokenSchedule extends ParsedSchedule {
  readonly unread: ReadonlySet<string>
}

/** What one file holds. With any error among the diagnostics, only what could be read. */
export interface ParsedFile {
  readonly schedules: ReadonlyArray<ParsedSchedule>
  readonly agents: ReadonlyArray<ParsedAgent>
  /** What could be read of schedules with errors: of use only to find all their errors at once. */
  readonly brokenSchedules: ReadonlyArray<BrokenSchedule>
  /** Names of agents that could not be read: nothing more is to be said about them. */
  readonly brokenAgents: ReadonlyArray<string>
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

/** Longest text that is read, in UTF-16 units. */
const maxTextLength = 16 * 1024 * 1024

const uniqueIn = <A extends ParsedSchedule | ParsedAgent>(
  kind: string,
  nameOf: (item: A) => string,
  taken: (item: A, first: A, message: string) => void
) => {
  const names = new Map<string, A>()
  return (item: A): boolean => {
    const name = nameOf(item)
    const first = names.get(name)
    if (first === undefined) {
      names.set(name, item)
      return true
    }
    taken(item, first, `a second ${kind} named ${quote(name)}`)
    return false
  }
}

const byOffset = (a: ParsedSchedule, b: ParsedSchedule): number => a.span.offset - b.span.offset

const scheduleName = (schedule: ParsedSchedule): string => schedule.definition.name
const agentName = (agent: ParsedAgent): string => agent.definition.id

const reportTaken =
  (report: Report, hint: string) =>
  (item: ParsedSchedule | ParsedAgent, first: ParsedSchedule | ParsedAgent, message: string) =>
    report.error(item.head, `${message}; the first is on line ${first.head.line}`, hint)

/** {@link parseFile}, about a block in each step. */
function* parsingFile(text: string, file: string): Steps<ParsedFile> {
  const source = makeSource(file, text)
  const report = makeReport(file)
  if (text.length > maxTextLength) {
    report.error(source.span(0, 1), "this file is longer than 16 MiB", "split it into several files")
    return { schedules: [], agents: [], brokenSchedules: [], brokenAgents: [], diagnostics: report.diagnostics() }
  }
  const schedules: Array<ParsedSchedule> = []
  const agents: Array<ParsedAgent> = []
  const brokenSchedules: Array<BrokenSchedule> = []
  const brokenAgents: Array<string> = []
  const isNewSchedule = uniqueIn(
    "schedule",
    scheduleName,
    reportTaken(report, 'give it a name of its own with name: "…"')
  )
  const isNewAgent = uniqueIn("agent", agentName, reportTaken(report, "rename one of them"))
  const addSchedule = (read: ReadSchedule | undefined) => {
    if (read === undefined || !isNewSchedule(read.schedule)) return
    if (read.sound) schedules.push(read.schedule)
    else brokenSchedules.push({ ...read.schedule, unread: read.unread })
  }
  const table = new PlaceTable(source)
  for (const item of parse(yield* startingParse(source, report))) {
    if (item.kind === "schedule") {
      addSchedule(readSchedule(item.schedule, undefined, table, report))
    } else {
      const errors = report.errorCount()
      const agent = readAgent(item.agent, table, report)
      if (agent === undefined && (!item.agent.body.complete || report.errorCount() > errors)) {
        brokenAgents.push(item.agent.name.text)
      }
      if (agent !== undefined && isNewAgent(agent)) agents.push(agent)
      for (const schedule of item.agent.schedules) {
        addSchedule(readSchedule(schedule, item.agent.name.text, table, report))
        yield
      }
    }
    yield
  }
  return { schedules, agents, brokenSchedules, brokenAgents, diagnostics: report.diagnostics() }
}

/** Reads the text of a `.symbi` file. Never throws; takes time linear in the length of the text. */
export const parseFile = (text: string, file: string): ParsedFile => atOnce(parsingFile(text, file))

type Files = ReadonlyArray<{ readonly path: string; readonly text: string }>

/** {@link parseFiles}, about a block in each step. */
export function* parsingFiles(files: Files): Steps<ParsedFile> {
  const parsed: Array<ParsedFile> = []
  for (const { path, text } of files) parsed.push(yield* parsingFile(text, path))
  const [only] = parsed
  if (only !== undefined && parsed.length === 1) return only
  const clashes: Array<Diagnostic> = []
  const taken = (item: ParsedSchedule | ParsedAgent, first: ParsedSchedule | ParsedAgent, message: string) => {
    const place = `${first.file}:${first.head.line}:${first.head.column}`
    clashes.push(
      diagnosticAt("error", item.file, item.head, `${message}; the first is at ${place}`, "rename one of them")
    )
  }
  const isNewSchedule = uniqueIn("schedule", scheduleName, taken)
  const unique = parsed.map(({ brokenSchedules, schedules }) => {
    const inOrder = brokenSchedules.length === 0 ? schedules : [...schedules, ...brokenSchedules].sort(byOffset)
    const names = new Set(inOrder.filter(isNewSchedule).map(scheduleName))
    const isFirst = (schedule: ParsedSchedule) => names.has(scheduleName(schedule))
    return { schedules: schedules.filter(isFirst), brokenSchedules: brokenSchedules.filter(isFirst) }
  })
  const agents = parsed.flatMap((file) => file.agents).filter(uniqueIn("agent", agentName, taken))
  return {
    schedules: unique.flatMap((file) => file.schedules),
    agents,
    brokenSchedules: unique.flatMap((file) => file.brokenSchedules),
    brokenAgents: parsed.flatMap((file) => file.brokenAgents),
    diagnostics: [...parsed.flatMap((file) => file.diagnostics), ...clashes]
  }
}

/** Reads several files as one: a name taken by an earlier file is an error in the later one. */
export const parseFiles = (files: Files): ParsedFile => atOnce(parsingFiles(files))

/** Where a key is missed: at the key that asks for it. */
const askedForAt: Readonly<Record<string, string>> = { webhook_url: "delivery", email_recipients: "delivery" }

/** Turns what is found wrong with a definition later on (a cron expression, say) into errors at their place. */
export const locateIssues = (
  schedule: ParsedSchedule,
  issues: ReadonlyArray<Issue & { readonly hint?: string | undefined }>,
  severity: Diagnostic["severity"] = "error"
): ReadonlyArray<Diagnostic> =>
  issues.map(({ hint, message, path }) => {
    const written = schedule.places.has(path)
    const at = written ? path : (askedForAt[path] ?? path)
    const text = path === "" || severity === "warning" ? message : `'${writtenPath(path)}': ${message}`
    return diagnosticAt(severity, schedule.file, placeOf(schedule.places, at, schedule.head), text, hint)
  })
