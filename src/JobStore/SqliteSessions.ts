import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { SessionId } from "../Domain/Ids.ts"
import { type StoredJob, sessionModeOf } from "../Domain/Job.ts"
import { type Session, type SessionInfo, SessionInUse } from "../Domain/Session.ts"
import { bytesOfTurns, defaultSessionMaxBytes, SessionStore } from "../Sessions.ts"
import { among } from "./Among.ts"
import { decodeSessionRow } from "./Rows.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { SqliteSessionArchive } from "./SqliteSessionArchive.ts"
import { Writer } from "./Writer.ts"

const decodeSum = Schema.decodeUnknown(Schema.Array(Schema.Struct({ bytes: Schema.Number })))
const decodeIds = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: Schema.String })))

/** The shared sessions of a database. */
export const layerSessions = Layer.effect(
  SessionStore,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const jobs = yield* SqliteJobs
    const archive = yield* SqliteSessionArchive

    const jobOf = Effect.fnUntraced(function* (ref: string) {
      return yield* jobs.readRow(ref, yield* jobs.findRow(ref))
    })

    const sessionOf = Effect.fnUntraced(function* (job: StoredJob) {
      const [row] = yield* sql`SELECT * FROM sessions WHERE job_id = ${job.id}`
      return row === undefined ? null : Either.getOrNull(decodeSessionRow(row))
    })

    const open = Effect.fn("SessionStore.open")(function* (session: Session) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const job = jobs.byIds([session.job_id]).get(session.job_id)
          if (job === undefined || sessionModeOf(job) !== "shared_persistent") return null
          yield* archive.open(session)
          return yield* sessionOf(job)
        })
      )
    })

    const info = Effect.fnUntraced(function* (job: StoredJob) {
      const session = yield* sessionOf(job)
      const [archived] = yield* Effect.flatMap(
        sql`SELECT coalesce(sum(bytes), 0) AS bytes FROM session_archives WHERE job_id = ${job.id}`,
        (rows) => Effect.orDie(decodeSum(rows))
      )
      return {
        job_id: job.id,
        job_name: job.name,
        mode: sessionModeOf(job),
        id: session?.id ?? null,
        turns: session?.turns.length ?? 0,
        bytes: bytesOfTurns(session?.turns ?? []),
        max_bytes: job.session_max_bytes ?? defaultSessionMaxBytes,
        archived_bytes: archived?.bytes ?? 0,
        created_at: session?.created_at ?? null,
        updated_at: session?.updated_at ?? null
      } satisfies SessionInfo
    })

    const describe = Effect.fn("SessionStore.describe")(function* (ref: string) {
      return yield* Effect.flatMap(jobOf(ref), info).pipe(Effect.catchTag("SqlError", Effect.die))
    })

    const clear = Effect.fn("SessionStore.clear")(function* (
      ref: string,
      now: number,
      event: (job: StoredJob, turns: number) => AuditDraft
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const job = yield* jobOf(ref)
          const used = yield* sql`SELECT 1 FROM runs WHERE job_id = ${job.id} AND status IN ('pending', 'running')
            AND status = 'running' LIMIT 1`
          if (used.length > 0) return yield* new SessionInUse({ job: job.name })
          const session = yield* sessionOf(job)
          if (session !== null) {
            yield* archive.end([job.id], now)
            yield* audit.append([event(job, session.turns.length)], now)
          }
          return yield* info(job)
        })
      )
    })

    const known = Effect.fn("SessionStore.known")(function* (ids: ReadonlyArray<SessionId>) {
      const rows = yield* Effect.flatMap(
        sql`SELECT id FROM sessions WHERE id IN ${among(sql, ids)}
          UNION SELECT session_id FROM session_archives WHERE session_id IN ${among(sql, ids)}`,
        decodeIds
      )
      return new Set(rows.map(({ id }) => id)) as ReadonlySet<string>
    }, Effect.orDie)

    return SessionStore.of({ clear, describe, known, open })
  })
)
