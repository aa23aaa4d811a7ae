import * as Data from "effect/Data"

/** The parts of a self-test, in their order. */
export const partNames = ["disk", "kill", "full", "power", "simulation", "audit"] as const

/** One of {@link partNames}. */
export type PartName = (typeof partNames)[number]

/** What a part found: what it did, what was doubtful, and what was wrong. */
export interface Finding {
  /** One or two sentences for people. */
  readonly summary: string
  readonly warnings: ReadonlyArray<string>
  /** Empty when all was as it must be. */
  readonly problems: ReadonlyArray<string>
  /** The same in numbers, by name. */
  readonly counts: Readonly<Record<string, number>>
}

/** What a part found, and how long it took. */
export interface PartReport extends Finding {
  readonly part: PartName
  readonly ok: boolean
  readonly millis: number
}

/** All of a self-test. */
export interface SelftestReport {
  readonly ok: boolean
  /** Chosen by chance unless it was given: with it the same is tried again. */
  readonly seed: number
  readonly folder: string
  /** Whether the folder is still there. */
  readonly kept: boolean
  readonly millis: number
  readonly parts: ReadonlyArray<PartReport>
}

/** What a part waited for did not come; the message says what, and what the service said. */
export class NotSeen extends Data.TaggedError("NotSeen")<{ readonly message: string }> {}

/** The self-test cannot be made here; the message says why and what to do. */
export class SelftestImpossible extends Data.TaggedError("SelftestImpossible")<{
  readonly message: string
  readonly wrongUse: boolean
}> {}

/** So many of something: `1 job`, `2 jobs`. */
export const counted = (count: number, what: string, many = `${what}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? what : many}`

/** What a summary may say only where nothing was wrong. */
export const claimed = (problems: ReadonlyArray<string>, claim: string): string => (problems.length === 0 ? claim : "")

/** The first few of what may be many. */
export const some = (all: ReadonlyArray<string>, most = 5): string =>
  `${all.slice(0, most).join(", ")}${all.length > most ? ` and ${all.length - most} more` : ""}`
