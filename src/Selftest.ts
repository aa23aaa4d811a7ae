import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { auditChains } from "./Selftest/Audit.ts"
import { diskSync } from "./Selftest/Disk.ts"
import { fullDisk } from "./Selftest/FullDisk.ts"
import { killLoop } from "./Selftest/KillLoop.ts"
import { baseOf, makePlace, type Place, type Programs } from "./Selftest/Place.ts"
import { powerLoss } from "./Selftest/Power.ts"
import { type Finding, type PartName, type PartReport, partNames, type SelftestReport } from "./Selftest/Report.ts"
import { simulatedWeeks } from "./Selftest/Weeks.ts"
import { inheritedVariables, ServiceEnvironment } from "./ServiceEnvironment.ts"

export { judgeDisks, judgeSync } from "./Selftest/Disk.ts"
export {
  type PartName,
  type PartReport,
  partNames,
  SelftestImpossible,
  type SelftestReport
} from "./Selftest/Report.ts"

/** What a self-test is asked for. */
export interface SelftestOptions {
  readonly parts: ReadonlySet<PartName>
  readonly kills: number
  readonly cuts: number
  readonly seeds: number
  /** One by chance when it is not given. */
  readonly seed: number | undefined
  /** The folder in which its own is made. */
  readonly folder: string | undefined
  /** The data folder that a service here would use: its disk is the one to test. */
  readonly dataFolder: string
  readonly keep: boolean
  readonly programs: Programs
  /** Told where it works, before the first part. */
  readonly begun: (place: {
    readonly folder: string
    readonly free: number
    readonly seed: number
  }) => Effect.Effect<void>
  readonly progress: (part: PartName, text: string) => Effect.Effect<void>
  /** Told of each part as it ends. */
  readonly ended: (part: PartReport) => Effect.Effect<void>
}

/** Seeds that are chosen by chance are short enough to be typed. */
const seedsBelow = 1_000_000

type Needs = FileSystem.FileSystem | Path.Path | HttpClient.HttpClient

const work = (
  part: PartName,
  place: Place,
  { cuts, dataFolder, kills, seeds }: SelftestOptions
): Effect.Effect<Finding, Error, Needs> => {
  switch (part) {
    case "disk":
      return diskSync(place, dataFolder)
    case "kill":
      return killLoop(place, kills)
    case "full":
      return fullDisk(place)
    case "power":
      return powerLoss(place, cuts)
    case "simulation":
      return simulatedWeeks(place, seeds)
    case "audit":
      return auditChains(place)
  }
}

/** A part that cannot go on is a problem of its own, and takes no other with it. */
const stopped = (cause: Cause.Cause<unknown>): Finding => {
  const error = Cause.squash(cause)
  const problem = error instanceof Error ? error.message : Cause.pretty(cause)
  return { summary: "it could not go on", warnings: [], problems: [problem], counts: {} }
}

/**
 * Tries this installation on this machine: each part on data of its own in a folder that is made for it, and that goes
 * with the effect unless it is to be kept or something was wrong. No process that it starts outlives it.
 */
export const selftest = Effect.fn("Selftest.run")(function* (options: SelftestOptions) {
  const { variables } = yield* ServiceEnvironment
  const seed = options.seed ?? (yield* Random.nextIntBetween(1, seedsBelow))
  const base = yield* baseOf(options.folder, options.dataFolder)
  const begin = yield* Clock.currentTimeMillis
  const reports: Array<PartReport> = []
  const isKept = () => options.keep || reports.some(({ ok }) => !ok)
  const { folder, free, mark } = yield* makePlace(base, isKept)
  const placeOf = (part: PartName): Place => ({
    folder,
    mark,
    seed,
    programs: options.programs,
    variables: inheritedVariables(variables),
    progress: (text) => options.progress(part, text)
  })
  yield* options.begun({ folder, free, seed })
  for (const part of partNames.filter((name) => options.parts.has(name))) {
    const start = yield* Clock.currentTimeMillis
    const found = yield* Effect.catchAllCause(work(part, placeOf(part), options), (cause) =>
      Cause.isInterruptedOnly(cause) ? Effect.interrupt : Effect.succeed(stopped(cause))
    )
    const millis = (yield* Clock.currentTimeMillis) - start
    const report = { part, ok: found.problems.length === 0, millis, ...found }
    reports.push(report)
    yield* options.ended(report)
  }
  return {
    ok: reports.every(({ ok }) => ok),
    seed,
    folder,
    kept: isKept(),
    millis: (yield* Clock.currentTimeMillis) - begin,
    parts: reports
  } satisfies SelftestReport
}, Effect.scoped)
