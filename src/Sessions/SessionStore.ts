import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { SessionId } from "../Domain/Ids.ts"
import type { JobNotFound, JobUnreadable, StoredJob } from "../Domain/Job.ts"
import type { Session, SessionInfo, SessionInUse } from "../Domain/Session.ts"

/** Shared sessions and their archive, as people and upkeep need them; runs store theirs by `JobStore.finish`. */
export class SessionStore extends Context.Tag("symbiont/SessionStore")<
  SessionStore,
  {
    /** The session of a job that shares one: the stored one, else this; null where the job shares none any more. */
    readonly open: (session: Session) => Effect.Effect<Session | null>
    readonly describe: (ref: string) => Effect.Effect<SessionInfo, JobNotFound | JobUnreadable>
    /** Archives a job's session in one transaction with what the audit log says; nothing where it has none. */
    readonly clear: (
      ref: string,
      now: number,
      audit: (job: StoredJob, turns: number) => AuditDraft
    ) => Effect.Effect<SessionInfo, JobNotFound | JobUnreadable | SessionInUse>
    /** Those of these sessions that are stored, or have something in the archive. */
    readonly known: (ids: ReadonlyArray<SessionId>) => Effect.Effect<ReadonlySet<string>>
  }
>() {}
