import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Ids, type SessionId } from "./Domain/Ids.ts"
import { type StoredJob, sessionModeOf } from "./Domain/Job.ts"
import type { Session, SessionMode, Turn } from "./Domain/Session.ts"
import { JobStore } from "./JobStore.ts"
import { defaultSessionMaxBytes, remember } from "./Sessions/Turns.ts"
import { Settings } from "./Settings.ts"

/** What an agent remembers during one attempt; its folder goes with the scope unless the session is shared. */
export interface OpenSession {
  readonly id: SessionId
  readonly mode: SessionMode
  /** What the previous run left for this one. */
  readonly summary: string | null
  readonly turns: ReadonlyArray<Turn>
  /** A folder for the agent's files, made when first asked for. */
  readonly directory: Effect.Effect<string>
  /** The session to store after these further turns; undefined when nothing is kept. */
  readonly after: (turns: ReadonlyArray<Turn>) => Effect.Effect<Session | undefined>
}

/** Opens sessions by the job's mode: fresh ones with or without a summary, or the job's one shared conversation. */
export class Sessions extends Effect.Service<Sessions>()("symbiont/Sessions", {
  effect: Effect.gen(function* () {
    const store = yield* JobStore
    const ids = yield* Ids
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { data_dir } = yield* Settings

    const folderOf = (id: SessionId) => path.join(data_dir, "sessions", id)

    const makeFolder = (id: SessionId) =>
      Effect.gen(function* () {
        const folder = folderOf(id)
        yield* Effect.orDie(fs.makeDirectory(folder, { recursive: true }))
        return folder
      })

    const openShared = Effect.fnUntraced(function* (job: StoredJob) {
      const known = yield* store.findSession(job.id)
      const id = known?.id ?? (yield* ids.session)
      const before = known?.turns ?? []
      return {
        id,
        mode: "shared_persistent",
        summary: null,
        turns: before,
        directory: makeFolder(id),
        after: (turns) =>
          Effect.map(Clock.currentTimeMillis, (now) => ({
            id,
            job_id: job.id,
            turns: remember([...before, ...turns], job.session_max_bytes ?? defaultSessionMaxBytes),
            created_at: known?.created_at ?? now,
            updated_at: now
          }))
      } satisfies OpenSession
    })

    const openEphemeral = Effect.fnUntraced(function* (job: StoredJob, mode: SessionMode) {
      const id = yield* ids.session
      let made = false
      yield* Effect.addFinalizer(() =>
        made ? Effect.ignoreLogged(fs.remove(folderOf(id), { recursive: true, force: true })) : Effect.void
      )
      return {
        id,
        mode,
        summary: mode === "ephemeral_with_summary" ? job.last_summary : null,
        turns: [],
        directory: Effect.suspend(() => {
          made = true
          return makeFolder(id)
        }),
        after: () => Effect.succeed(undefined)
      } satisfies OpenSession
    })

    const open = Effect.fn("Sessions.open")(function* (job: StoredJob) {
      const mode = sessionModeOf(job)
      const session: OpenSession = yield* mode === "shared_persistent" ? openShared(job) : openEphemeral(job, mode)
      return session
    })

    return { open } as const
  })
}) {}
