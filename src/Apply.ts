import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Ref from "effect/Ref"
import { AgentRuntime } from "./Agents.ts"
import { type CheckedFiles, checkFiles } from "./Apply/Check.ts"
import { type ApplyPlan, type PlanInput, planOf } from "./Apply/Plan.ts"
import { OwnFolder, ownScope, type Scope, scopeOf } from "./Apply/Sources.ts"
import type { AgentDefinition } from "./Domain/Agent.ts"
import { type Applied, type ApplyRequest, FilesRefused, type SourceFile } from "./Domain/Apply.ts"
import type { Actor } from "./Domain/Audit.ts"
import type { Diagnostic } from "./Domain/Diagnostic.ts"
import { Ids } from "./Domain/Ids.ts"
import { type Issue, JobUnreadable } from "./Domain/Job.ts"
import type { ParsedAgent } from "./Dsl.ts"
import { JobStore, type JobsFound } from "./JobStore.ts"
import { warningsOf } from "./Jobs.ts"
import { NamedPolicies } from "./PolicyGate.ts"
import { WakeSignal } from "./Scheduler.ts"
import { Settings } from "./Settings.ts"

export { OwnFolder, ownFolder } from "./Apply/Sources.ts"

type AgentsByFile = ReadonlyMap<string, ReadonlyArray<AgentDefinition>>

/** A file with an error keeps the agents it had; at a first reading, where it had none, those that can be read. */
const agentsOf = (
  files: ReadonlyArray<{ readonly path: string }>,
  parsed: ReadonlyArray<ParsedAgent>,
  broken: ReadonlySet<string>,
  before: AgentsByFile
): AgentsByFile =>
  new Map(
    files.map(({ path }) => {
      const known = broken.has(path) ? before.get(path) : undefined
      return [path, known ?? parsed.filter((agent) => agent.file === path).map((agent) => agent.definition)]
    })
  )

const issueOf = ({ column, file, hint, line, message }: Diagnostic): Issue => ({
  path: `${file}:${line}:${column}`,
  message: hint === undefined ? message : `${message}; hint: ${hint}`
})

const refuseIfAny = (issues: ReadonlyArray<Issue>) => {
  const [first, ...rest] = issues
  return first === undefined ? Effect.void : new FilesRefused({ issues: [first, ...rest] })
}

/**
 * Brings jobs in line with `.symbi` files: matched by name, a changed block updates its job, a removed one pauses it,
 * or deletes it. What was edited by hand survives until its block changes. A plan is made first, and stored whole.
 */
export class Apply extends Effect.Service<Apply>()("symbiont/Apply", {
  effect: Effect.gen(function* () {
    const store = yield* JobStore
    const agents = yield* AgentRuntime
    const ids = yield* Ids
    const signal = yield* WakeSignal
    const { scheduler } = yield* Settings
    const { policies } = yield* NamedPolicies
    const own = yield* OwnFolder

    const agentsByFile = yield* Ref.make<AgentsByFile>(new Map())

    /** What is doubtful about the schedules, and about agents that only the files define. */
    const doubtsOf = Effect.fnUntraced(function* ({ agents: defined, broken, schedules }: CheckedFiles) {
      const known = new Map<string, AgentDefinition>((yield* agents.list).map((agent) => [agent.id, agent]))
      const inFiles = new Map<string, AgentDefinition>(defined.map(({ definition }) => [definition.id, definition]))
      const warnings: Array<string> = []
      const missing = new Set<string>()
      for (const { schedule } of schedules) {
        if (broken.has(schedule.file)) continue
        const { definition } = schedule
        const agent = known.get(definition.agent_id) ?? inFiles.get(definition.agent_id) ?? null
        if (agent !== null && !known.has(agent.id)) missing.add(agent.id)
        warnings.push(...warningsOf(definition, agent, policies).map((text) => `job "${definition.name}": ${text}`))
      }
      for (const id of missing) {
        const what = `agent "${id}" is in these files, but not in the agents folder of the service`
        warnings.push(
          `${what}, from where alone it takes agents; until it is there (or defined in code), its runs are denied`
        )
      }
      return warnings
    })

    const execute = Effect.fnUntraced(function* <E = never>(
      checked: CheckedFiles,
      scope: Scope,
      asked: Pick<PlanInput, "now" | "prune" | "actor"> & { readonly dry_run: boolean },
      refuse: (found: JobsFound, names: ReadonlySet<string>) => Either.Either<void, E> = () => Either.void
    ) {
      const good = checked.schedules.filter(({ schedule }) => !checked.broken.has(schedule.file))
      const wanted = yield* Effect.forEach(good, ({ recurrence, schedule }) =>
        Effect.map(ids.job, (id) => ({
          definition: schedule.definition,
          recurrence,
          file: scope.fileOf(schedule.file),
          id
        }))
      )
      const unread = new Set([...checked.broken].map(scope.fileOf))
      const input = { ...asked, wanted, unread, timezone: scheduler.timezone }
      const names = wanted.map(({ definition }) => definition.name)
      const nothing = { creates: [], changes: [], removals: [] }
      const { answer } = yield* store
        .changeJobs(
          { ...scope, names },
          asked.now,
          (found): Either.Either<ApplyPlan, E> =>
            Either.map(refuse(found, new Set(names)), () => {
              const plan = planOf(input, found)
              return asked.dry_run ? { ...plan, ...nothing } : plan
            })
        )
        // The plan creates only what was not found.
        .pipe(Effect.catchTag("JobNameTaken", Effect.die))
      if (!asked.dry_run) yield* signal.notify
      const created = asked.dry_run ? answer.created.map((job) => ({ ...job, job_id: null })) : answer.created
      return {
        dry_run: asked.dry_run,
        ...answer,
        created,
        warnings: [...answer.warnings, ...(yield* doubtsOf(checked))],
        diagnostics: checked.diagnostics
      } satisfies Applied
    })

    /**
     * Applies the files of the service's own folder, all of them, and loads their agents; their paths are
     * `agents/NAME`. A file with an error changes nothing, the others are applied.
     */
    const applyOwn = Effect.fn("Apply.applyOwn")(function* (files: ReadonlyArray<SourceFile>) {
      const now = yield* Clock.currentTimeMillis
      const checked = checkFiles(files, { now, timezone: scheduler.timezone })
      const byFile = yield* Ref.updateAndGet(agentsByFile, (before) =>
        agentsOf(files, checked.agents, checked.broken, before)
      )
      yield* agents.load([...byFile.values()].flat())
      return yield* execute(checked, ownScope, { now, prune: false, actor: "apply", dry_run: false })
    })

    /** Applies files that someone sent: all of them, or, with any error in any of them, nothing. */
    const apply = Effect.fn("Apply.apply")(function* (request: ApplyRequest, actor: Actor) {
      const now = yield* Clock.currentTimeMillis
      const scope = scopeOf(request, own.path)
      if (!("fileOf" in scope)) {
        yield* refuseIfAny(scope)
        return yield* Effect.dieMessage("a scope is refused with a reason")
      }
      const checked = checkFiles(request.files, { now, timezone: scheduler.timezone })
      yield* refuseIfAny(checked.diagnostics.filter(({ severity }) => severity === "error").map(issueOf))
      const { dry_run = false, prune = false } = request
      return yield* execute(checked, scope, { now, prune, actor, dry_run }, ({ damaged }, names) => {
        const first = [...damaged].find(([name]) => names.has(name))
        return first === undefined ? Either.void : Either.left(new JobUnreadable({ job: first[0], detail: first[1] }))
      })
    })

    return { apply, applyOwn } as const
  })
}) {}
