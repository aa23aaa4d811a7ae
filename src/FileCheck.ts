import * as Either from "effect/Either"
import type { AgentDefinition } from "./Domain/Agent.ts"
import type { Issue } from "./Domain/Job.ts"
import {
  type BrokenSchedule,
  type Diagnostic,
  diagnosticAt,
  locateIssues,
  makeSource,
  type ParsedAgent,
  type ParsedFile,
  type ParsedSchedule,
  parsingFiles,
  type Source,
  type Span
} from "./Dsl.ts"
import { type ChannelsKnown, checkDefinition, doubtsOf } from "./Jobs.ts"
import type { Recurrence } from "./Recurrence.ts"
import { namesIn, unsetIn, withheldText } from "./ServiceEnvironment.ts"
import { atOnce, type Steps } from "./Steps.ts"
import { didYouMean } from "./Suggestion.ts"

/** A file as it was read; the path is as it is shown. */
export interface TextFile {
  readonly path: string
  readonly text: string
}

/** What files are checked against. */
export interface CheckContext {
  /** UTC ms. */
  readonly now: number
  /** The zone of schedules that name none. */
  readonly timezone: string
  /** What `${NAME}` may stand for; only whether a name is set is asked. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** What it may never stand for. */
  readonly withheld?: ReadonlySet<string> | undefined
  /** Agents that are known besides those of the files. */
  readonly agents: ReadonlyArray<AgentDefinition>
  readonly policies: ReadonlyMap<string, unknown>
  /** Null where nobody knows the configuration of the service. */
  readonly channels: ChannelsKnown | null
  /** How bad it is that a variable is not set. */
  readonly unset: Diagnostic["severity"]
  /** False for who knows better than the files what became of a time that is past. */
  readonly past?: boolean
}

/** A schedule without errors, and when it is due. */
export interface CheckedSchedule {
  readonly schedule: ParsedSchedule
  readonly recurrence: Recurrence
}

/** What files hold, what of it can be scheduled, and all that is wrong or doubtful, file by file, line by line. */
export interface CheckedFiles {
  readonly parsed: ParsedFile
  readonly schedules: ReadonlyArray<CheckedSchedule>
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

const resolvedPath =
  /^(webhook_(url|secret|body|headers\..+)|slack_channel|email_recipients\.\d+|agent_pin_jwt|env\..+|url|gate\.url|headers\..+|tools\.[^.]+\.(env|headers)\..+)$/

/** The values in which `${NAME}` is replaced when they are used; elsewhere (in a command, say) it stands for itself. */
const isResolved = (path: string): boolean => resolvedPath.test(path)

const nothing: ReadonlyArray<never> = []

/** Whether `${` stands in a stretch of a text. Stretches are asked for in the order of the text, mostly. */
const makeHasReference = () => {
  let last: { readonly text: string; readonly from: number; readonly found: number } | undefined
  return ({ text }: Source, { length, offset }: Span): boolean => {
    if (last === undefined || last.text !== text || offset < last.from || (last.found !== -1 && offset > last.found)) {
      last = { text, from: offset, found: text.indexOf("${", offset) }
    }
    return last.found !== -1 && last.found < offset + length
  }
}

/** Agents among which the one that was meant is looked for. */
const maxCandidates = 500

const inOrder = (files: ReadonlyArray<TextFile>, diagnostics: ReadonlyArray<Diagnostic>): ReadonlyArray<Diagnostic> => {
  const order = new Map(files.map(({ path }, index) => [path, index]))
  const place = (one: Diagnostic) => order.get(one.file) ?? 0
  return diagnostics.toSorted((a, b) => place(a) - place(b) || a.line - b.line || a.column - b.column)
}

/** {@link checkFiles}, about a block in each step. */
export function* checkingFiles(files: ReadonlyArray<TextFile>, context: CheckContext): Steps<CheckedFiles> {
  const { channels, now, policies, timezone, unset, variables, withheld = new Set() } = context
  const parsed = yield* parsingFiles(files)
  const sources = new Map(files.map(({ path, text }) => [path, makeSource(path, text)]))
  const agents = new Map<string, AgentDefinition>(context.agents.map((agent) => [agent.id, agent]))
  for (const { definition } of parsed.agents) agents.set(definition.id, definition)
  const unread = new Set(parsed.brokenAgents)
  const hasReference = makeHasReference()

  const unsetAt = ({ file, places, span }: ParsedSchedule | ParsedAgent): ReadonlyArray<Diagnostic> => {
    const source = sources.get(file)
    if (source === undefined || !hasReference(source, span)) return nothing
    return places.paths().flatMap((path) => {
      const place = isResolved(path) ? places.get(path) : undefined
      if (place === undefined) return []
      const { length, offset } = place.value
      const written = source.text.slice(offset, offset + length)
      const missing = new Set(unsetIn(written, variables))
      const wrong = namesIn(written).filter((name) => missing.has(name) || withheld.has(name))
      return wrong.map((name) => {
        const start = offset + written.indexOf(`\${${name}}`)
        const span = source.span(start, start + name.length + 3)
        if (withheld.has(name)) return diagnosticAt(unset, file, span, withheldText(name))
        return diagnosticAt(unset, file, span, `the environment variable ${name} is not set`, "set it for the service")
      })
    })
  }

  const names = [...agents.keys()].slice(0, maxCandidates)
  const meantBy = new Map<string, string | undefined>()
  const agentMeant = (name: string): string | undefined => {
    if (!meantBy.has(name)) meantBy.set(name, didYouMean(name, names))
    return meantBy.get(name)
  }

  const doubtsAbout = (schedule: ParsedSchedule, recurrence: Recurrence | undefined): ReadonlyArray<Diagnostic> => {
    const { definition } = schedule
    const agent = agents.get(definition.agent_id) ?? null
    const doubts = doubtsOf(definition, agent, policies, channels)
    const isPast =
      context.past !== false &&
      definition.misfire === undefined &&
      recurrence?.kind === "at" &&
      recurrence.next(now) === null
    if (doubts.length === 0 && !isPast) return nothing
    const meant = agent === null ? agentMeant(definition.agent_id) : undefined
    const told = doubts.flatMap((doubt) =>
      doubt.path !== "agent_id" ? [doubt] : unread.has(definition.agent_id) ? [] : [{ ...doubt, hint: meant }]
    )
    const past = isPast ? [{ path: "at", message: `${definition.at} is already past; it will not run` }] : []
    return locateIssues(schedule, [...told, ...past], "warning")
  }

  /** Of a schedule with errors, what is wrong with those of its keys that could be read. */
  const furtherErrors = (schedule: BrokenSchedule): ReadonlyArray<Diagnostic> => {
    const checked = checkDefinition(schedule.definition, { anchor: now, timezone })
    if (Either.isRight(checked)) return []
    const isRead = ({ path }: Issue) => schedule.places.has(path) && !schedule.unread.has(path)
    return locateIssues(schedule, checked.left.issues.filter(isRead))
  }

  const schedules: Array<CheckedSchedule> = []
  const found: Array<Diagnostic> = [
    ...parsed.diagnostics,
    ...parsed.agents.flatMap(unsetAt),
    ...parsed.brokenSchedules.flatMap((schedule) => [...unsetAt(schedule), ...furtherErrors(schedule)])
  ]
  for (const schedule of parsed.schedules) {
    const recurrence = checkDefinition(schedule.definition, { anchor: now, timezone })
    const missing = unsetAt(schedule)
    for (const one of missing) found.push(one)
    for (const one of doubtsAbout(schedule, Either.getOrUndefined(recurrence))) found.push(one)
    if (Either.isLeft(recurrence)) found.push(...locateIssues(schedule, recurrence.left.issues))
    else if (missing.length === 0 || unset === "warning") schedules.push({ schedule, recurrence: recurrence.right })
    yield
  }
  return { parsed, schedules, diagnostics: inOrder(files, found) }
}

/**
 * Reads files as one and checks all that can be known without a service: syntax, keys and values, triggers, rules
 * across keys, agents, variables. Texts and places only: no value of a variable gets into what it says.
 */
export const checkFiles = (files: ReadonlyArray<TextFile>, context: CheckContext): CheckedFiles =>
  atOnce(checkingFiles(files, context))
