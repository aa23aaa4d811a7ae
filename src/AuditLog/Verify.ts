import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { AuditBreak, AuditCheckpoint, AuditHead, AuditVerdict } from "../Domain/Audit.ts"
import { formatInstant } from "../Domain/Instant.ts"
import { entryHash, genesis } from "./Chain.ts"
import { isSigned } from "./Key.ts"

/** A stored entry, as far as its place in the chain goes. */
export interface StoredEntry {
  readonly seq: number
  readonly id: string | null
  /** Null when what is stored is no text. */
  readonly hash: string | null
  readonly content: Uint8Array
  /** Whether queries by time find it. */
  readonly listed: boolean
}

/** How far the log reaches, by everything in the database that says so. */
export interface StoredEnds {
  readonly head: AuditHead | null
  /** The greatest `seq` that there is; 0 for none. */
  readonly last: number
  /** The greatest `seq` that SQLite ever gave out. */
  readonly issued: number
}

/** The log cannot be read, at least in part. */
export class AuditUnreadable extends Data.TaggedError("AuditUnreadable")<{ readonly message: string }> {}

/** Reads what is stored. `page` gives the entries after a `seq`, in order; both read the database as it is then. */
export interface AuditReader {
  readonly page: (after: number, limit: number) => Effect.Effect<ReadonlyArray<StoredEntry>, AuditUnreadable>
  readonly ends: Effect.Effect<StoredEnds, AuditUnreadable>
}

/** Entries read at once: an entry can be megabytes. */
const pageSize = 100

class Broken extends Data.TaggedError("Broken")<{ readonly at: AuditBreak }> {}

const broken = (kind: AuditBreak["kind"], seq: number, id: string | null, detail: string) =>
  new Broken({ at: { seq, id, kind, detail } })

const entries = (from: number, to: number): string => (from === to ? `entry ${from}` : `entries ${from} to ${to}`)

const contradiction = (checkpoint: AuditCheckpoint, head: AuditHead) =>
  checkpoint.hash === head.hash && checkpoint.count === head.count
    ? undefined
    : `the entries up to ${head.seq} are not those of the checkpoint of ${formatInstant(checkpoint.time)}: they were written anew`

/** Whether the log's ends agree with the last entry of the chain. */
const checkEnds = ({ head, issued, last }: StoredEnds, at: AuditHead) => {
  if (head === null) return broken("unreadable", at.seq, null, "the table audit_head is empty or damaged")
  const known = Math.max(head.seq, issued)
  if (known > at.seq) {
    return broken("tail_cut", at.seq + 1, null, `${entries(at.seq + 1, known)} were written and are gone`)
  }
  if (head.seq < last || issued < last) {
    return broken("changed", Math.min(head.seq, issued) + 1, null, "entries were added from outside")
  }
  return head.hash === at.hash && head.count === at.count
    ? undefined
    : broken("changed", at.seq, null, "the last entry is not the one that audit_head tells of")
}

/**
 * Computes the chain of a log again and names the first entry that is not as it was written. Reads page by page and
 * lets other fibers work in between; entries that are appended meanwhile are verified too.
 */
export const verifyChain = (
  reader: AuditReader,
  checkpoints: ReadonlyArray<AuditCheckpoint> = []
): Effect.Effect<AuditVerdict> =>
  Effect.gen(function* () {
    const pending = checkpoints.toSorted((a, b) => b.seq - a.seq)
    let at = genesis

    const unreadable = (detail: string) => broken("unreadable", at.seq + 1, null, detail)

    // What cannot be read with others may be readable alone, up to the entry that is damaged.
    const next = Effect.suspend(() =>
      Effect.catchAll(reader.page(at.seq, pageSize), () => reader.page(at.seq, 1))
    ).pipe(Effect.mapError(({ message }) => unreadable(message)))

    /** The entry that belongs after `at`, if it stands somewhere else: the proof is its hash. */
    const displaced = Effect.fnUntraced(function* (expected: string | null) {
      const seq = at.seq + 1
      let after = at.seq
      while (true) {
        const page = yield* Effect.orElseSucceed(reader.page(after, pageSize), () => [])
        for (const entry of page) {
          const hash = entryHash(at.hash, seq, entry.content)
          if (hash === entry.hash || hash === expected) return entry
        }
        const last = page.at(-1)
        if (last === undefined || !(last.seq > after)) return undefined
        after = last.seq
        yield* Effect.yieldNow()
      }
    })

    const place = Effect.fnUntraced(function* (entry: StoredEntry) {
      const seq = at.seq + 1
      if (!Number.isInteger(entry.seq) || entry.seq < seq) {
        return yield* unreadable(`the entries do not come in their order: after ${at.seq} comes ${entry.seq}`)
      }
      const hash = entryHash(at.hash, seq, entry.content)
      if (entry.seq === seq && hash === entry.hash) {
        if (!entry.listed) {
          return yield* broken("changed", seq, entry.id, "the table audit_hours hides it from queries by time")
        }
        at = { seq, hash, count: at.count + 1 }
        return
      }
      const own = yield* displaced(entry.seq === seq ? entry.hash : null)
      if (own !== undefined) {
        return yield* broken("reordered", seq, own.id, `entry ${own.id ?? "?"} belongs here and stands at ${own.seq}`)
      }
      return yield* entry.seq === seq
        ? broken("changed", seq, entry.id, "what it says is not what its hash is of")
        : broken("missing", seq, null, `${entries(seq, entry.seq - 1)} ${entry.seq - 1 === seq ? "is" : "are"} gone`)
    })

    const compare = Effect.fnUntraced(function* () {
      for (let checkpoint = pending.at(-1); checkpoint?.seq === at.seq; checkpoint = pending.at(-1)) {
        pending.pop()
        const detail = contradiction(checkpoint, at)
        if (detail !== undefined) return yield* broken("checkpoint_mismatch", at.seq, null, detail)
      }
    })

    for (const [index, checkpoint] of checkpoints.entries()) {
      if (index % 50 === 49) yield* Effect.yieldNow()
      if (!isSigned(checkpoint)) {
        const detail = "the checkpoint's signature is not of what it says"
        return yield* broken("checkpoint_mismatch", checkpoint.seq, null, detail)
      }
    }
    yield* compare()
    while (true) {
      const page = yield* next
      for (const entry of page) {
        yield* place(entry)
        yield* compare()
      }
      if (page.length === 0) {
        const ends = yield* Effect.mapError(reader.ends, ({ message }) => unreadable(message))
        if (ends.last <= at.seq) {
          const wrong = checkEnds(ends, at)
          if (wrong !== undefined) return yield* wrong
          break
        }
        // More were appended since; if they cannot be seen, the tree that holds them is damaged.
        if ((yield* next).length === 0) return yield* unreadable(`${entries(at.seq + 1, ends.last)} cannot be reached`)
      }
      yield* Effect.yieldNow()
    }
    const beyond = pending.at(0)
    if (beyond !== undefined) {
      const detail = `${entries(at.seq + 1, beyond.seq)}, which a checkpoint of ${formatInstant(beyond.time)} tells of, are gone`
      return yield* broken("tail_cut", at.seq + 1, null, detail)
    }
    return { ok: true as const, entries: at.count, head: at }
  }).pipe(Effect.catchTag("Broken", ({ at }) => Effect.succeed({ ok: false as const, broken: at })))
