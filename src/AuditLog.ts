import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { makeCheckpoints } from "./AuditLog/Checkpoints.ts"
import type { AuditCheckpoint, AuditDraft, AuditEvent, AuditHead, AuditType, AuditVerdict } from "./Domain/Audit.ts"
import type { Page } from "./JobStore.ts"

/** Which entries, newest first; the filters combine. */
export interface AuditFilter {
  readonly type?: AuditType | undefined
  /** From this instant on, UTC ms. */
  readonly since?: number | undefined
  /** Before this instant, UTC ms. */
  readonly until?: number | undefined
  /** A job's id, or the name that the entries were written under. */
  readonly job?: string | undefined
  readonly run?: string | undefined
  readonly actor?: string | undefined
  readonly limit: number
  readonly cursor?: string | undefined
}

/** What the service runs on: each key's value, such as `scheduler.timezone`. */
export type Configuration = Readonly<Record<string, string | number | boolean>>

/**
 * The append-only, hash-chained log of what was done and by whom. What the store changes it writes itself, in the
 * transaction of the change; see `AuditLog/Chain.ts` for how entries are chained. Database failures are defects.
 */
export class AuditLog extends Context.Tag("symbiont/AuditLog")<
  AuditLog,
  {
    /** Writes entries of their own; returns when they are durable. Events that say no time get `now`. */
    readonly append: (events: ReadonlyArray<AuditDraft>, now: number) => Effect.Effect<void>
    readonly query: (filter: AuditFilter) => Effect.Effect<Page<AuditEvent>>
    /** Computes the whole chain again, page by page, and compares it with these checkpoints. */
    readonly verify: (checkpoints?: ReadonlyArray<AuditCheckpoint>) => Effect.Effect<AuditVerdict>
    readonly head: Effect.Effect<AuditHead>
    /** Writes `ConfigChanged` when this is not what was recorded last; gives whether it was written. */
    readonly recordConfiguration: (configuration: Configuration, now: number) => Effect.Effect<boolean>
  }
>() {}

/**
 * Signed heads of the log, kept outside the database in `<data>/audit-checkpoints.log`: one at start, one at the end,
 * and at most one a minute while entries come. The key is made at first start, in `<data>/audit-key.pem`.
 */
export class AuditCheckpoints extends Context.Tag("symbiont/AuditCheckpoints")<
  AuditCheckpoints,
  {
    /** The newest checkpoint; a new one if entries were written since the last. */
    readonly make: Effect.Effect<AuditCheckpoint>
    /** The newest checkpoint as it is, if there is any. */
    readonly newest: Effect.Effect<AuditCheckpoint | undefined>
    /** The log compared with the checkpoints in the folder, and with these. */
    readonly verify: (others: ReadonlyArray<AuditCheckpoint>) => Effect.Effect<AuditVerdict>
  }
>() {
  static readonly layer = Layer.scoped(
    AuditCheckpoints,
    Effect.flatMap(AuditLog, (log) => makeCheckpoints(log))
  )
}

export { chainedColumns, contentOf, contentSql, entryHash, genesis, type StoredColumns } from "./AuditLog/Chain.ts"
export { keptIn, lineOf, readLines, verifyKept } from "./AuditLog/Kept.ts"
export { AuditKeyUnusable } from "./AuditLog/Key.ts"
export { redacted, settingShown } from "./AuditLog/Redaction.ts"
export { type AuditReader, AuditUnreadable, type StoredEntry, verifyChain } from "./AuditLog/Verify.ts"
