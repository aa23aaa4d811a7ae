import { vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import type { AgentHandler, EffectAgentEntry } from "../../src/Agents.ts"
import { JobDefinition } from "../../src/Domain/Job.ts"
import type { RunSummary } from "../../src/Domain/Run.ts"
import { Jobs } from "../../src/Jobs.ts"
import { type TestSettings, testRuntime } from "../../src/testing.ts"

const decode = Schema.decodeUnknownSync(JobDefinition)

/** A definition as a person writes it; the agent is `agent` and nothing is delivered unless the fields say so. */
export const define = (fields: { readonly name: string } & Readonly<Record<string, unknown>>): JobDefinition =>
  decode({ agent_id: "agent", delivery: [], ...fields })

/** UTC ms of an ISO 8601 text. */
export const instant = (text: string): number => Date.parse(text)

export const second = 1_000
export const minute = 60 * second
export const hour = 60 * minute

// The test clock lets other fibers work by timers of 0 ms, and Node makes each of them 1 ms.
const realTimeout = globalThis.setTimeout
const withoutPauses = Layer.scopedDiscard(
  Effect.acquireRelease(
    Effect.sync(() =>
      vi.stubGlobal("setTimeout", (run: () => void, millis?: number) =>
        millis === 0 ? setImmediate(run) : realTimeout(run, millis)
      )
    ),
    () => Effect.sync(() => vi.unstubAllGlobals())
  )
)

/**
 * The engine for spans of simulated hours: each timer costs milliseconds of the real clock, so it looks once a minute
 * and puts no limit on runs unless told otherwise.
 */
export const engine = (
  agents: Readonly<Record<string, AgentHandler | EffectAgentEntry>>,
  options: Omit<NonNullable<Parameters<typeof testRuntime>[0]>, "agents" | "settings"> & {
    readonly scheduler?: TestSettings["scheduler"]
  } = {}
) =>
  testRuntime({
    ...options,
    agents,
    settings: { scheduler: { tick_interval_seconds: 60, default_max_runtime: "none", ...options.scheduler } }
  }).pipe(Layer.merge(withoutPauses))

/** A job created through the door. */
export const create = (fields: Parameters<typeof define>[0]) =>
  Effect.flatMap(Jobs, (jobs) => jobs.create(define(fields), "test"))

/** All runs of a job, in the order of their slots. */
export const runsOf = (ref: string) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const all: Array<RunSummary> = []
    let cursor: string | undefined
    do {
      const page = yield* jobs.history(ref, { limit: 1_000, cursor })
      all.push(...page.items)
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
    return all.sort((a, b) => a.scheduled_for - b.scheduled_for || (a.id < b.id ? -1 : 1))
  })

/** The statuses of all runs of a job, in the order of their slots. */
export const statusesOf = (ref: string) => Effect.map(runsOf(ref), (runs) => runs.map((run) => run.status))

/** Moves the test clock to an instant, UTC ms. */
export const until = (millis: number) => TestClock.setTime(millis)
