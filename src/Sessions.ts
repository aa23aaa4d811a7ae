import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Ids, type JobId, SessionId } from "./Domain/Ids.ts"
import { type StoredJob, sessionModeOf } from "./Domain/Job.ts"
import type { FencedOut } from "./Domain/Run.ts"
import type { Session, SessionMode, Turn } from "./Domain/Session.ts"
import { JobStore, type KeptSession } from "./JobStore.ts"
import { SessionStore } from "./Sessions/SessionStore.ts"
import { conversation, defaultSessionMaxBytes } from "./Sessions/Turns.ts"
import { Settings } from "./Settings.ts"

export { SessionDesk } from "./Sessions/SessionDesk.ts"
export { SessionStore } from "./Sessions/SessionStore.ts"
export { archiveFactor, bytesOfTurns, defaultSessionMaxBytes } from "./Sessions/Turns.ts"

/** What an agent remembers during one attempt; its folder goes with the scope unless the session is shared. */
export interface OpenSession {
  readonly id: SessionId
  readonly mode: SessionMode
  /** What the previous run left for this one. */
  readonly summary: string | null
  /** The conversation so far; none unless the session is shared. */
  readonly turns: () => ReadonlyArray<Turn>
  /** Takes a whole exchange into the conversation. */
  readonly remember: (exchange: ReadonlyArray<Turn>) => void
  /** A folder for the agent's files, made when first asked for. */
  readonly directory: Effect.Effect<string>
  /** The session to store; undefined when nothing is kept, or nothing was said. */
  readonly kept: Effect.Effect<KeptSession | undefined>
  /** Stores it by `store` while it is in use; undefined when nothing was said since the last time. */
  readonly save: (
    store: (session: KeptSession | undefined) => Effect.Effect<void, FencedOut>
  ) => Effect.Effect<void, FencedOut>
}

/** Session folders looked up in one go. */
const sweepBatch = 500

const nothingKept = Effect.succeed(undefined)

const isSessionId = Schema.is(SessionId)

/** Opens sessions by the job's mode: fresh ones with or without a summary, or the job's one shared conversation. */
export class Sessions extends Effect.Service<Sessions>()("symbiont/Sessions", {
  effect: Effect.gen(function* () {
    const store = yield* JobStore
    const stored = yield* SessionStore
    const ids = yield* Ids
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { data_dir } = yield* Settings

    const root = path.join(data_dir, "sessions")
    const folderOf = (id: SessionId) => path.join(root, id)

    const makeFolder = (id: SessionId) =>
      Effect.gen(function* () {
        const folder = folderOf(id)
        yield* Effect.orDie(fs.makeDirectory(folder, { recursive: true }))
        return folder
      })

    const removeFolder = (id: SessionId) =>
      Effect.ignoreLogged(fs.remove(folderOf(id), { recursive: true, force: true }))

    /** Removes the folders of sessions that are gone. */
    const forget = (gone: ReadonlyArray<SessionId>) => Effect.forEach(gone, removeFolder, { discard: true })

    // Before any run starts: what is not stored belongs to a run that was killed with its service.
    const sweep = Effect.gen(function* () {
      const names = (yield* fs.exists(root)) ? yield* fs.readDirectory(root) : []
      for (const some of Arr.chunksOf(names.filter(isSessionId), sweepBatch)) {
        const known = yield* stored.known(some)
        yield* forget(some.filter((id) => !known.has(id)))
      }
    })
    yield* Effect.catchAll(sweep, (error) =>
      Effect.logWarning(`folders of old sessions in ${root} were not removed: ${error.message}`)
    )

    // Stored before anything is said: a run that fails, or is killed, leaves the next one the same folder.
    const storedSession = Effect.fnUntraced(function* (job_id: JobId) {
      const known = yield* store.findSession(job_id)
      if (known !== null) return known
      const now = yield* Clock.currentTimeMillis
      const fresh: Session = { id: yield* ids.session, job_id, turns: [], created_at: now, updated_at: now }
      const opened = yield* stored.open(fresh)
      if (opened === null) yield* Effect.addFinalizer(() => removeFolder(fresh.id))
      return opened ?? fresh
    })

    const openShared = Effect.fnUntraced(function* (job: StoredJob) {
      const known = yield* storedSession(job.id)
      const { id, created_at } = known
      const { add, added, dropped, mark, turns } = conversation(
        known.turns,
        job.session_max_bytes ?? defaultSessionMaxBytes
      )
      let said = false
      const at = (updated_at: number): KeptSession => ({
        id,
        job_id: job.id,
        turns: turns(),
        dropped: dropped(),
        added: added(),
        created_at,
        updated_at
      })
      return {
        id,
        mode: "shared_persistent",
        summary: null,
        turns,
        remember: (exchange) => {
          said = true
          add(exchange)
        },
        directory: makeFolder(id),
        kept: Effect.map(Clock.currentTimeMillis, (now) => (said ? at(now) : undefined)),
        // What is stored is known to be: else its end would archive once more what was dropped.
        save: (store) =>
          Effect.uninterruptible(
            Effect.flatMap(Clock.currentTimeMillis, (now) => {
              if (added().length === 0) return store(undefined)
              const stored = mark()
              return Effect.zipRight(store(at(now)), Effect.sync(stored))
            })
          )
      } satisfies OpenSession
    })

    const openEphemeral = Effect.fnUntraced(function* (job: StoredJob, mode: SessionMode) {
      const id = yield* ids.session
      const scope = yield* Effect.scope
      let made = false
      return {
        id,
        mode,
        summary: mode === "ephemeral_with_summary" ? job.last_summary : null,
        turns: () => [],
        remember: () => undefined,
        directory: Effect.suspend(() => {
          if (made) return makeFolder(id)
          made = true
          return Effect.zipRight(Scope.addFinalizer(scope, removeFolder(id)), makeFolder(id))
        }),
        kept: nothingKept,
        save: (store) => store(undefined)
      } satisfies OpenSession
    })

    const open = (job: StoredJob): Effect.Effect<OpenSession, never, Scope.Scope> => {
      const mode = sessionModeOf(job)
      return mode === "shared_persistent" ? openShared(job) : openEphemeral(job, mode)
    }

    return { forget, open } as const
  })
}) {}
