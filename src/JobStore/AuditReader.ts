import type * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type AuditReader, AuditUnreadable, contentSql } from "../AuditLog.ts"
import { AuditHead } from "../Domain/Audit.ts"
import { detailOf } from "./Details.ts"

const decodeEntries = Schema.decodeUnknown(
  Schema.Array(
    Schema.Struct({
      seq: Schema.Number,
      id: Schema.NullOr(Schema.String),
      hash: Schema.NullOr(Schema.String),
      content: Schema.Uint8ArrayFromSelf,
      listed: Schema.transform(Schema.NullOr(Schema.Number), Schema.Boolean, {
        strict: true,
        decode: (found) => found === 1,
        encode: (listed) => (listed ? 1 : 0)
      })
    })
  )
)

const decodeEnds = Schema.decodeUnknown(
  Schema.NonEmptyArray(Schema.Struct({ last: Schema.NullOr(Schema.Number), issued: Schema.NullOr(Schema.Number) }))
)

const decodeHead = Schema.decodeUnknownEither(Schema.Tuple(AuditHead))

/** Reads an audit log as it lies in a database, damaged or not. */
export const auditReader = (sql: SqlClient.SqlClient): AuditReader => {
  const readable = Effect.mapError((error: unknown) => new AuditUnreadable({ message: detailOf(error) }))
  const content = sql.literal(contentSql)
  return {
    page: (after, limit) =>
      sql`SELECT seq, CASE typeof(id) WHEN 'text' THEN id END AS id, CASE typeof(hash) WHEN 'text' THEN hash END AS hash,
        ${content} AS content, (SELECT first_seq <= audit.seq AND last_seq >= audit.seq FROM audit_hours
          WHERE hour = audit.time / 3600000) AS listed FROM audit WHERE seq > ${after} ORDER BY seq LIMIT ${limit}`.pipe(
        Effect.flatMap(decodeEntries),
        readable
      ),
    // One statement: what is appended in between would look like a difference.
    ends: sql`SELECT (SELECT max(seq) FROM audit) AS last,
        (SELECT seq FROM sqlite_sequence WHERE name = 'audit') AS issued, head.seq, head.hash, head.count
      FROM (SELECT 1) LEFT JOIN audit_head AS head`.pipe(
      Effect.flatMap((rows) =>
        Effect.map(decodeEnds(rows), ([{ issued, last }]) => ({
          head: Either.getOrNull(Either.map(decodeHead(rows), ([head]) => head)),
          last: last ?? 0,
          issued: issued ?? 0
        }))
      ),
      readable
    )
  }
}
