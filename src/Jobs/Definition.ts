import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { AgentDefinition } from "../Domain/Agent.ts"
import { parseDuration } from "../Domain/Duration.ts"
import type { Issue, JobDefinition, JobPatch, StoredJob } from "../Domain/Job.ts"
import { definitionKeys, isOneShot, JobInvalid } from "../Domain/Job.ts"
import { withoutSecrets } from "../Domain/Redaction.ts"
import type { TriggerSpec } from "../Domain/Schedule.ts"
import { make, type Recurrence } from "../Recurrence.ts"
import { namesIn } from "../ServiceEnvironment.ts"
import { successIssues } from "../Success.ts"
import { type ChannelsKnown, channelDoubts, channelIssues } from "./Channels.ts"

const triggerKeys = ["cron_expr", "every", "at"] as const

/** A job may be due once a second at most, as with a cron expression with seconds. */
const minEveryMillis = 1_000

/** A period that is read well but is too short for a job. */
export const everyIssues = ({ cron_expr, every }: TriggerSpec): ReadonlyArray<Issue> => {
  const text = every ?? (cron_expr?.includes("@") ? /^\s*@every\s+(.*?)\s*$/i.exec(cron_expr)?.[1] : undefined) ?? ""
  if (text === "") return []
  const path = every === undefined ? "cron_expr" : "every"
  return Option.exists(parseDuration(text), (period) => period < minEveryMillis)
    ? [{ path, message: `${text} is too short; the shortest is 1s` }]
    : []
}

/** Clients take such a step out of the path of a URL, and would reach another route. What is stored under one is read. */
const nameIssues = ({ name }: JobDefinition): ReadonlyArray<Issue> =>
  name === "." || name === ".." ? [{ path: "name", message: `"${name}" cannot be a name: it is a step in a path` }] : []

const gateIssues = ({ gate }: JobDefinition): ReadonlyArray<Issue> => {
  if (gate?.url === undefined || namesIn(gate.url).length > 0) return []
  const isHttp = URL.canParse(gate.url) && /^https?:$/.test(new URL(gate.url).protocol)
  return isHttp ? [] : [{ path: "gate.url", message: "must be an http or https URL" }]
}

interface TriggerContext {
  /** UTC ms. */
  readonly anchor: number
  readonly timezone: string
}

/** Compiles the trigger of a definition that was checked when it was stored, by the rules of that time. */
export const compileTrigger = (
  definition: JobDefinition,
  context: TriggerContext
): Either.Either<Recurrence, JobInvalid> =>
  Either.mapLeft(
    make(definition, { name: definition.name, ...context }),
    (error) => new JobInvalid({ issues: error.issues })
  )

/** Compiles a definition's trigger and checks the rules that lie across its fields. */
export const checkDefinition = (
  definition: JobDefinition,
  context: TriggerContext
): Either.Either<Recurrence, JobInvalid> => {
  const recurrence = compileTrigger(definition, context)
  const issues: ReadonlyArray<ReadonlyArray<Issue>> = [
    Either.isLeft(recurrence) ? recurrence.left.issues : [],
    everyIssues(definition),
    nameIssues(definition),
    gateIssues(definition),
    successIssues(definition.success_when),
    channelIssues(definition)
  ]
  // Of a hundred thousand definitions nearly all are well.
  if (issues.every(({ length }) => length === 0)) return recurrence
  const [first, ...rest] = issues.flat()
  return first === undefined ? recurrence : Either.left(new JobInvalid({ issues: [first, ...rest] }))
}

/**
 * What is doubtful about a valid definition, and where: it will be stored, but may not do what was meant. Without
 * `channels`, nothing is said of how they are configured.
 */
export const doubtsOf = (
  definition: JobDefinition,
  agent: AgentDefinition | null,
  policies: ReadonlyMap<string, unknown>,
  channels: ChannelsKnown | null
): ReadonlyArray<Issue> => {
  const doubts: Array<Issue> = []
  const doubt = (path: string, message: string) => doubts.push({ path, message })
  if (agent === null) {
    doubt("agent_id", `no agent named "${definition.agent_id}" is loaded; its runs will be denied until one is`)
  }
  if (definition.success_when?.exit_code !== undefined && agent !== null && agent.kind === "model") {
    doubt(
      "success_when.exit_code",
      `agent "${agent.id}" is a model, which has no exit code; exit_code says nothing here`
    )
  }
  if (definition.policy_ref !== undefined && !policies.has(definition.policy_ref)) {
    doubt("policy_ref", `no policy named "${definition.policy_ref}" is provided; runs will be denied`)
  }
  if (definition.policy?.require_agent_pin === true && definition.agent_pin_jwt === undefined) {
    doubt("policy.require_agent_pin", "require_agent_pin: the job has no agent_pin_jwt; its runs will be denied")
  }
  const ofChannels = channelDoubts(definition, channels)
  return ofChannels.length === 0 ? doubts : [...doubts, ...ofChannels]
}

/** The same as texts alone. */
export const warningsOf = (...of: Parameters<typeof doubtsOf>): ReadonlyArray<string> =>
  doubtsOf(...of).map(({ message }) => message)

/** A definition with a patch applied; `null` clears a field, and a new trigger replaces the old one. */
export const applyPatch = (definition: JobDefinition, patch: JobPatch): JobDefinition => {
  const changed: Record<string, unknown> = { ...definition }
  if (triggerKeys.some((key) => patch[key] !== undefined && patch[key] !== null)) {
    for (const key of [...triggerKeys, "one_shot"]) delete changed[key]
  }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete changed[key]
    else if (value !== undefined) changed[key] = value
  }
  return changed as unknown as JobDefinition
}

/** The fields in which two definitions differ, each side's values, secrets redacted; for the audit log. */
export const changesOf = (before: JobDefinition, after: JobDefinition) => {
  const keys = definitionKeys.filter(
    (key) => before[key] !== after[key] && JSON.stringify(before[key]) !== JSON.stringify(after[key])
  )
  const side = (of: JobDefinition) => {
    const shown = withoutSecrets(of)
    return Object.fromEntries(keys.map((key) => [key, shown[key]]))
  }
  return { before: side(before), after: side(after) }
}

/** Whether two definitions are due at the same instants. */
export const sameTrigger = (a: JobDefinition, b: JobDefinition): boolean =>
  (["cron_expr", "every", "at", "timezone", "dst"] as const).every(
    (key) => JSON.stringify(a[key]) === JSON.stringify(b[key])
  ) &&
  isOneShot(a) === isOneShot(b) &&
  (a.name === b.name || !(a.cron_expr ?? "").includes("H"))

/** What a job's trigger counts from under a new definition: a new trigger counts from now, an unchanged period goes on. */
export const anchorUnder = (
  job: Pick<StoredJob, "anchor">,
  before: JobDefinition,
  after: JobDefinition,
  now: number
): number =>
  sameTrigger(before, after) || (after.every !== undefined && after.every === before.every && !isOneShot(after))
    ? job.anchor
    : now
