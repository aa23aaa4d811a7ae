import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { contentSql, entryHash, genesis } from "../../AuditLog.ts"

const batch = 500

const decodeRows = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ seq: Schema.Number, content: Schema.Uint8ArrayFromSelf }))
)

const statements = [
  "ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT ''",
  `CREATE TABLE audit_head (
    one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    count INTEGER NOT NULL
  )`,
  "CREATE INDEX audit_job_name ON audit (job_name, seq) WHERE job_name IS NOT NULL",
  "CREATE INDEX audit_run ON audit (run_id, seq) WHERE run_id IS NOT NULL",
  "CREATE INDEX audit_actor ON audit (actor, seq)",

  // Which entries are of which hour, roughly: what is asked for by time is read in the order of writing.
  `CREATE TABLE audit_hours (hour INTEGER PRIMARY KEY NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL)`,
  "INSERT INTO audit_hours SELECT time / 3600000, min(seq), max(seq) FROM audit GROUP BY 1",

  // The configuration that was recorded last.
  "CREATE TABLE configuration (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID"
]

const triggers = [
  `CREATE TRIGGER audit_appended AFTER INSERT ON audit BEGIN
    UPDATE audit_head SET seq = NEW.seq, hash = NEW.hash, count = count + 1 WHERE one = 1;
    INSERT INTO audit_hours VALUES (NEW.time / 3600000, NEW.seq, NEW.seq)
      ON CONFLICT (hour) DO UPDATE SET first_seq = min(first_seq, NEW.seq), last_seq = max(last_seq, NEW.seq);
  END`,

  // Against slips, not against intent: the chain tells of that.
  ...["UPDATE", "DELETE"].map(
    (what) => `CREATE TRIGGER audit_no_${what.toLowerCase()} BEFORE ${what} ON audit BEGIN
      SELECT RAISE(ABORT, 'the audit log is append-only');
    END`
  ),
  `CREATE TRIGGER audit_no_insert BEFORE INSERT ON audit
    WHEN NEW.seq IS NOT (SELECT seq + 1 FROM audit_head) OR length(NEW.hash) <> 64 BEGIN
      SELECT RAISE(ABORT, 'the audit log is written by the service alone');
    END`,
  `CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
  END`
]

/** Chains the entries that are there, and makes the log append-only. */
export const auditChain = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
  let head = genesis
  while (true) {
    const rows = yield* Effect.flatMap(
      sql`SELECT seq, ${sql.literal(contentSql)} AS content FROM audit WHERE seq > ${head.seq} ORDER BY seq LIMIT ${batch}`,
      decodeRows
    )
    const hashes = rows.map(({ content, seq }) => {
      head = { seq, hash: entryHash(head.hash, seq, content), count: head.count + 1 }
      return { seq, hash: head.hash }
    })
    if (rows.length === 0) break
    yield* sql`UPDATE audit SET hash = chained.value ->> 'hash' FROM json_each(${JSON.stringify(hashes)}) AS chained
      WHERE audit.seq = chained.value ->> 'seq'`
  }
  yield* sql`INSERT INTO audit_head ${sql.insert({ one: 1, ...head })}`
  yield* Effect.forEach(triggers, (statement) => sql.unsafe(statement), { discard: true })
})
