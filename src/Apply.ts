import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { AgentRuntime } from "./Agents.ts"
import { type ApplyPlan, type PlanInput, planOf } from "./Apply/Plan.ts"
import { ownFolder, ownScope, type Scope, scopeOf } from "./Apply/Sources.ts"
import { CustomChannels } from "./Delivery.ts"
import type { AgentDefinition } from "./Domain/Agent.ts"
import { type Applied, type ApplyRequest, FilesRefused, type SourceFile } from "./Domain/Apply.ts"
import type { Actor } from "./Domain/Audit.ts"
import type { Diagnostic } from "./Domain/Diagnostic.ts"
import { Ids } from "./Domain/Ids.ts"
import { type Issue, JobUnreadable } from "./Domain/Job.ts"
import { locateIssues, type ParsedAgent, type ParsedSchedule } from "./Dsl.ts"
import { type CheckedFiles, checkingFiles } from "./FileCheck.ts"
import { JobStore, type JobsFound } from "./JobStore.ts"
import { NamedPolicies } from "./PolicyGate.ts"
import { WakeSignal } from "./Scheduler.ts"
import { ServiceEnvironment } from "./ServiceEnvironment.ts"
import { Settings } from "./Settings.ts"
import { inTurns } from "./Steps.ts"

export { ownFolder } from "./Apply/Sources.ts"

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

/** The paths of the files with errors. */
const brokenIn = ({ diagnostics }: CheckedFiles): ReadonlySet<string> =>
  new Set(diagnostics.filter(({ severity }) => severity === "error").map(({ file }) => file))

const commandIssues = (schedule: ParsedSchedule): ReadonlyArray<Diagnostic> =>
  schedule.definition.gate?.command === undefined
    ? []
    : locateIssues(schedule, [
        {
          path: "gate.command",
          message: "a gate with a command needs a key with the scope admin",
          hint: "use gate.url, or put the file into the agents folder of the service"
        }
      ])

const isCode = ({ kind }: AgentDefinition): boolean => kind === "effect"

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
    const { scheduler, unset } = yield* Settings
    const { policies } = yield* NamedPolicies
    const channels = { settings: scheduler.delivery, unset, inCode: yield* CustomChannels }
    // A program that has none knows no folder of its own and no variables.
    const environment = yield* Effect.serviceOption(ServiceEnvironment)
    const own = Option.map(environment, ({ directory }) => `${directory}/${ownFolder}`)
    const variables = Option.match(environment, { onNone: () => ({}), onSome: (one) => one.variables })
    const withheld = Option.getOrUndefined(environment)?.withheld

    const agentsByFile = yield* Ref.make<AgentsByFile>(new Map())
    // Files are read in turns with all else, and what was sent later must not be overtaken by what was sent before.
    const oneByOne = (yield* Effect.makeSemaphore(1)).withPermits(1)

    const check = (files: ReadonlyArray<SourceFile>, now: number, known: ReadonlyArray<AgentDefinition>) => {
      const { timezone } = scheduler
      const past = false
      const checking = checkingFiles(files, {
        now,
        timezone,
        variables,
        withheld,
        agents: known,
        policies,
        channels,
        unset: "warning",
        past
      })
      return inTurns(checking)
    }

    /** Agents that only the files define, and that a schedule of them names. */
    const strangersOf = ({ parsed, schedules }: CheckedFiles, known: ReadonlyArray<AgentDefinition>) => {
      const names = new Set<string>(known.map(({ id }) => id))
      const inFiles = new Set<string>(parsed.agents.map(({ definition }) => definition.id))
      const used = new Set<string>(schedules.map(({ schedule }) => schedule.definition.agent_id))
      return [...used].filter((id) => inFiles.has(id) && !names.has(id))
    }

    const execute = Effect.fnUntraced(function* <E = never>(
      checked: CheckedFiles,
      scope: Scope,
      asked: Pick<PlanInput, "now" | "prune" | "actor"> & { readonly dry_run: boolean },
      refuse: (damaged: JobsFound["damaged"], names: ReadonlySet<string>) => Either.Either<void, E> = () => Either.void
    ) {
      const broken = brokenIn(checked)
      const good = checked.schedules.filter(({ schedule }) => !broken.has(schedule.file))
      const wanted = good.map(({ recurrence, schedule }) => ({
        definition: schedule.definition,
        recurrence,
        file: scope.fileOf(schedule.file),
        id: ids.nextJob()
      }))
      const unread = new Set([...broken].map(scope.fileOf))
      const input = { ...asked, wanted, unread, timezone: scheduler.timezone }
      const names = wanted.map(({ definition }) => definition.name)
      const nothing = { creates: [], changes: [], removals: [] }
      const { answer } = yield* store
        .changeJobs(
          { ...scope, names },
          asked.now,
          (found): Either.Either<ApplyPlan, E> =>
            Either.map(found.damaged.size === 0 ? Either.void : refuse(found.damaged, new Set(names)), () => {
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
        diagnostics: checked.diagnostics
      } satisfies Applied
    })

    /**
     * Applies the files of the service's own folder, all of them, and loads their agents; their paths are
     * `agents/NAME`. A file with an error changes nothing, the others are applied.
     */
    const applyOwn = Effect.fn("Apply.applyOwn")(function* (files: ReadonlyArray<SourceFile>) {
      const now = yield* Clock.currentTimeMillis
      const checked = yield* check(files, now, (yield* agents.list).filter(isCode))
      const byFile = yield* Ref.updateAndGet(agentsByFile, (before) =>
        agentsOf(files, checked.parsed.agents, brokenIn(checked), before)
      )
      yield* agents.load([...byFile.values()].flat())
      return yield* execute(checked, ownScope, { now, prune: false, actor: "apply", dry_run: false })
    }, oneByOne)

    /**
     * Applies files that someone sent: all of them, or, with any error in any of them, nothing. `commands` says whether
     * the sender may give gates that run commands.
     */
    const apply = Effect.fn("Apply.apply")(function* (
      request: ApplyRequest,
      actor: Actor,
      { commands }: { readonly commands: boolean } = { commands: true }
    ) {
      const now = yield* Clock.currentTimeMillis
      const scope = scopeOf(request, Option.getOrNull(own))
      if (!("fileOf" in scope)) {
        yield* refuseIfAny(scope)
        return yield* Effect.dieMessage("a scope is refused with a reason")
      }
      const known = yield* agents.list
      const checked = yield* check(request.files, now, known)
      const withheldCommands = commands ? [] : checked.schedules.flatMap(({ schedule }) => commandIssues(schedule))
      yield* refuseIfAny(withheldCommands.map(issueOf))
      yield* refuseIfAny(checked.diagnostics.filter(({ severity }) => severity === "error").map(issueOf))
      const { dry_run = false, prune = false } = request
      const applied = yield* execute(checked, scope, { now, prune, actor, dry_run }, (damaged, names) => {
        const first = [...damaged].find(([name]) => names.has(name))
        return first === undefined ? Either.void : Either.left(new JobUnreadable({ job: first[0], detail: first[1] }))
      })
      const isOwn = [...scope.folders, ...scope.files].some((one) => one.split("/")[0] === ownFolder)
      const strangers = strangersOf(checked, known).map((id) =>
        isOwn
          ? `agent "${id}" is new in the service's own folder, and the service has not read it yet: send it SIGHUP, or restart it; until then its runs are denied`
          : `agent "${id}" is in these files, but not in the agents folder of the service, from where alone it takes agents; until it is there (or defined in code), its runs are denied`
      )
      return { ...applied, warnings: [...applied.warnings, ...strangers] } satisfies Applied
    }, oneByOne)

    return { apply, applyOwn } as const
  })
}) {}
