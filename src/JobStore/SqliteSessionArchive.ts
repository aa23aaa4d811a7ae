import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type StoredJob, sessionModeOf } from "../Domain/Job.ts"
import type { Session, Turn } from "../Domain/Session.ts"
import type { KeptSession } from "../JobStore.ts"
import { archiveFactor, bytesOfTurns, defaultSessionMaxBytes } from "../Sessions.ts"
import { among } from "./Among.ts"
import { decodeSessionRow, encodeSessionRow } from "./Rows.ts"

/** Turns are added to the latest row of a session until it is so large, or as the cap, in bytes: few rows to sum up. */
const chunkBytes = 65_536

const decodeLatest = Schema.decodeUnknown(
  Schema.Array(
    Schema.Struct({ id: Schema.Number, session_id: Schema.String, turns: Schema.String, bytes: Schema.Number })
  )
)
const decodeCaps = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ id: Schema.String, cap: Schema.NullOr(Schema.Number) }))
)
const decodeSizes = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: Schema.Number, bytes: Schema.Number })))

/** Stored sessions, and the archive of what they drop. Every method runs inside its caller's transaction. */
export class SqliteSessionArchive extends Effect.Service<SqliteSessionArchive>()(
  "symbiont/JobStore/SqliteSessionArchive",
  {
    effect: Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      /** Drops the oldest that a job has in the archive beyond its bound. */
      const bound = Effect.fnUntraced(function* (job_id: string, maxBytes: number) {
        const rows = yield* Effect.flatMap(
          sql`SELECT id, bytes FROM session_archives WHERE job_id = ${job_id} ORDER BY id DESC`,
          decodeSizes
        )
        let sum = 0
        const over = rows.find(({ bytes }) => {
          sum += bytes
          return sum > maxBytes * archiveFactor
        })
        if (over !== undefined) {
          // The row itself stays while it is the latest: its session's folder goes with its rows.
          yield* sql`UPDATE session_archives SET turns = '[]', bytes = 0 WHERE job_id = ${job_id} AND id = ${rows[0]?.id ?? 0}
            AND id <= ${over.id}`
          yield* sql`DELETE FROM session_archives WHERE job_id = ${job_id} AND id <= ${over.id} AND id < ${rows[0]?.id ?? 0}`
        }
      })

      const append = Effect.fnUntraced(
        function* (session: Pick<Session, "id" | "job_id">, turns: ReadonlyArray<Turn>, maxBytes: number, now: number) {
          const bytes = bytesOfTurns(turns)
          const [latest] = yield* Effect.flatMap(
            sql`SELECT id, session_id, turns, bytes FROM session_archives WHERE job_id = ${session.job_id}
            ORDER BY id DESC LIMIT 1`,
            decodeLatest
          )
          if (
            latest !== undefined &&
            latest.session_id === session.id &&
            latest.bytes + bytes <= Math.min(chunkBytes, maxBytes)
          ) {
            // A row is written by this program alone; its text is a list.
            const joined =
              turns.length === 0
                ? latest.turns
                : `${latest.turns.slice(0, -1)}${latest.turns === "[]" ? "" : ","}${JSON.stringify(turns).slice(1)}`
            yield* sql`UPDATE session_archives SET turns = ${joined}, bytes = ${latest.bytes + bytes}, archived_at = ${now}
            WHERE id = ${latest.id}`
          } else {
            yield* sql`INSERT INTO session_archives ${sql.insert({
              session_id: session.id,
              job_id: session.job_id,
              turns: JSON.stringify(turns),
              bytes,
              archived_at: now
            })}`
          }
          yield* bound(session.job_id, maxBytes)
        },
        Effect.catchTag("ParseError", Effect.die)
      )

      const capsOf = (job_ids: ReadonlyArray<string>) =>
        Effect.map(
          Effect.flatMap(
            sql`SELECT id, CASE WHEN json_valid(definition) THEN json_extract(definition, '$.session_max_bytes') END AS cap
              FROM jobs WHERE id IN ${among(sql, job_ids)}`,
            (rows) => Effect.orDie(decodeCaps(rows))
          ),
          (rows) => new Map(rows.flatMap(({ cap, id }) => (cap === null ? [] : [[id, cap]])))
        )

      /** Ends the sessions of jobs: they go into the archive as they are. */
      const end = Effect.fnUntraced(function* (job_ids: ReadonlyArray<string>, now: number) {
        if (job_ids.length === 0) return
        const rows = yield* sql`DELETE FROM sessions WHERE job_id IN ${among(sql, job_ids)} RETURNING *`
        if (rows.length === 0) return
        const caps = yield* capsOf(rows.map((row) => String(row["job_id"])))
        for (const row of rows) {
          const session = decodeSessionRow(row)
          if (Either.isLeft(session)) {
            yield* Effect.logWarning("a damaged session was not archived", session.left.message)
            continue
          }
          const { turns } = session.right
          yield* append(session.right, turns, caps.get(session.right.job_id) ?? defaultSessionMaxBytes, now)
        }
      })

      /** Ends the sessions of jobs that no longer share one. */
      const endWhereLeft = (
        changes: ReadonlyArray<{ readonly before: StoredJob; readonly job: StoredJob }>,
        now: number
      ) =>
        end(
          changes
            .filter(
              ({ before, job }) =>
                sessionModeOf(before) === "shared_persistent" && sessionModeOf(job) !== "shared_persistent"
            )
            .map(({ job }) => job.id),
          now
        )

      /** Gives a job that shares a session an empty one, unless it has one. */
      const open = (session: Session) =>
        sql`INSERT INTO sessions ${sql.insert(encodeSessionRow(session))} ON CONFLICT DO NOTHING`

      /**
       * Stores a session and archives what it dropped. A job that left the mode meanwhile has none, nor one that was
       * deleted: the session was archived then, and what was said since follows it.
       */
      const save = Effect.fnUntraced(function* (session: KeptSession, job: StoredJob | null, now: number) {
        const { created_at, id, job_id, turns, updated_at } = encodeSessionRow(session)
        const maxBytes = job?.session_max_bytes ?? defaultSessionMaxBytes
        if (job !== null && sessionModeOf(job) !== "shared_persistent") {
          yield* end([job_id], now)
          yield* append(session, session.added ?? session.turns, maxBytes, now)
          return
        }
        const saved = yield* sql`INSERT INTO sessions (id, job_id, turns, created_at, updated_at)
          SELECT ${id}, ${job_id}, ${turns}, ${created_at}, ${updated_at}
            WHERE EXISTS (SELECT 1 FROM jobs WHERE id = ${job_id} AND deleted_at IS NULL)
          ON CONFLICT (job_id) DO UPDATE SET turns = excluded.turns, updated_at = excluded.updated_at RETURNING id`
        if (saved.length === 0) return
        if (session.dropped !== undefined && session.dropped.length > 0) {
          yield* append(session, session.dropped, maxBytes, now)
        }
      })

      return { end, endWhereLeft, open, save } as const
    })
  }
) {}
