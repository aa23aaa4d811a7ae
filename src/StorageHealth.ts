import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Why a disk takes no writes: no room, mounted or made read-only, or an I/O error. */
export type Refusal = "full" | "read_only" | "failing"

/** What people read of each: what is so, and what to do. */
export const refusalTexts: Readonly<Record<Refusal, { readonly what: string; readonly next_step: string }>> = {
  full: { what: "the disk is full", next_step: "free some space" },
  read_only: { what: "the disk is read-only", next_step: "make the data folder and its disk writable" },
  failing: { what: "the disk reports errors", next_step: "look at the disk and the system's log" }
}

// SQLite's extended codes (sqlite.org/rescode.html) and the system's. The shared memory of the log cannot grow on a
// full disk, which SQLite calls an I/O error.
const ofCode = (code: string): Refusal | undefined => {
  if (["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "ENOSPC", "EDQUOT"].includes(code)) return "full"
  if (code === "EROFS" || code.startsWith("SQLITE_READONLY")) return "read_only"
  return code === "EIO" || code.startsWith("SQLITE_IOERR") ? "failing" : undefined
}

/** The refusal that an error, or what it wraps, tells of; undefined where the disk is not to blame. */
export const refusalOf = (error: unknown): Refusal | undefined => {
  let inner = error
  for (let depth = 0; depth < 8 && typeof inner === "object" && inner !== null; depth++) {
    const refusal = "code" in inner && typeof inner.code === "string" ? ofCode(inner.code) : undefined
    if (refusal !== undefined) return refusal
    inner = "cause" in inner ? inner.cause : undefined
  }
  return undefined
}

/** {@link refusalOf} whatever went wrong, failures and defects alike. */
export const refusalIn = (cause: Cause.Cause<unknown>): Refusal | undefined =>
  [...Chunk.toReadonlyArray(Cause.defects(cause)), ...Chunk.toReadonlyArray(Cause.failures(cause))]
    .map(refusalOf)
    .find((refusal) => refusal !== undefined)

/** A disk that takes no writes, and since when (UTC ms). */
export interface StorageTrouble {
  readonly refusal: Refusal
  readonly since: number
}

/** Whether the disk of the data folder takes writes. Who knows nothing of it takes it to be well. */
export class StorageHealth extends Context.Reference<StorageHealth>()("symbiont/StorageHealth", {
  defaultValue: (): {
    readonly trouble: Effect.Effect<StorageTrouble | null>
    /** Notes what went wrong, if the disk is to blame. */
    readonly refused: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
    readonly accepted: Effect.Effect<void>
    /** Waits until there is a trouble, and until there is none. */
    readonly troubled: Effect.Effect<void>
    readonly writable: Effect.Effect<void>
  } => ({
    trouble: Effect.succeed(null),
    refused: () => Effect.void,
    accepted: Effect.void,
    troubled: Effect.never,
    writable: Effect.void
  })
}) {
  /** Remembers, and says in the log when a trouble begins and ends. */
  static readonly layer = Layer.effect(
    StorageHealth,
    Effect.gen(function* () {
      const troubled = yield* Effect.makeLatch(false)
      const writable = yield* Effect.makeLatch(true)
      let trouble: StorageTrouble | null = null
      return {
        trouble: Effect.sync(() => trouble),
        refused: Effect.fnUntraced(function* (cause) {
          const refusal = refusalIn(cause)
          if (refusal === undefined || trouble?.refusal === refusal) return
          trouble = { refusal, since: trouble?.since ?? (yield* Clock.currentTimeMillis) }
          yield* writable.close
          yield* troubled.open
          const { next_step, what } = refusalTexts[refusal]
          yield* Effect.logError(`${what}: nothing can be stored; ${next_step}, and the service goes on by itself`)
          yield* Effect.logDebug(what, cause)
        }),
        accepted: Effect.gen(function* () {
          if (trouble === null) return
          trouble = null
          yield* troubled.close
          yield* writable.open
          yield* Effect.logWarning("the disk takes writes again; what waited for it goes on")
        }),
        troubled: troubled.await,
        writable: writable.await
      }
    })
  )
}
