import type { Database } from "better-sqlite3"
import { contentSql, entryHash } from "../src/AuditLog.ts"
import type { StoredJob } from "../src/Domain/Job.ts"
import { jobToRow } from "../src/JobStore/Rows.ts"

/** How many rows a database is to hold. Each run has an attempt; audit entries and deliveries are extra. */
export interface Rows {
  readonly jobs: number
  readonly runs: number
  readonly audit: number
  readonly deliveries: number
}

/** Ids of rows that are made here sort before those that a service makes. */
const idOf = (kind: string, n: string) => `printf('${kind}_01jq%022d', ${n})`

/** The id of the n-th job, counted from 0. */
export const filledJobId = (n: number): string => `job_01jq${String(n).padStart(22, "0")}`

/** Audit entries at the end of the log that are chained as the service would; it looks at no more of them. */
const chained = 200

const tables = ["jobs", "runs", "attempts", "audit", "deliveries"]

/** Does something without the tables' indexes and triggers, then makes those anew: far less work for millions of rows. */
const withoutIndexes = (db: Database, work: () => void) => {
  const found = db
    .prepare<[], { type: string; name: string; sql: string }>(
      `SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL
        AND tbl_name IN (${tables.map((table) => `'${table}'`).join(", ")})`
    )
    .all()
  for (const { name, type } of found) db.exec(`DROP ${type} ${name}`)
  work()
  for (const { sql } of found) db.exec(sql)
}

const numbers = (count: number) =>
  `WITH RECURSIVE counted (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM counted WHERE i < ${count - 1})`

const insert = (db: Database, table: string, row: Readonly<Record<string, string>>, count: number) => {
  if (count <= 0) return
  db.exec(`${numbers(count)} INSERT INTO ${table} (${Object.keys(row).join(", ")})
    SELECT ${Object.values(row).join(", ")} FROM counted`)
}

const quoted = (value: unknown): string => {
  if (value === null || value === undefined) return "NULL"
  return typeof value === "number" ? String(value) : `'${String(value).replaceAll("'", "''")}'`
}

const week = 7 * 86_400_000

/**
 * Fills a new, empty database with jobs that are due after `due`, one each 25 ms, and with a week before `now` (both
 * UTC ms): ended runs, each tenth of them of the first job, the others spread over all. `like` is a job as the service
 * would store it.
 */
export const fill = (db: Database, rows: Rows, like: StoredJob, now: number, due: number): void => {
  for (const pragma of ["journal_mode = MEMORY", "synchronous = OFF", "cache_size = -1000000", "threads = 2"]) {
    db.pragma(pragma)
  }
  const past = now - week
  const begun = `${past} + i * ${Math.max(1, Math.floor(week / Math.max(1, rows.runs)))}`
  const ofJob = (n: string) => idOf("job", `CASE WHEN ${n} % 10 = 0 THEN 0 ELSE ${n} % ${rows.jobs} END`)
  const nameOf = (n: string) => `'job-' || (CASE WHEN ${n} % 10 = 0 THEN 0 ELSE ${n} % ${rows.jobs} END)`
  withoutIndexes(db, () => {
    const sample = Object.entries(jobToRow(like)).map(([column, value]) => [column, quoted(value)] as const)
    insert(
      db,
      "jobs",
      {
        ...Object.fromEntries(sample),
        id: idOf("job", "i"),
        name: "'job-' || i",
        definition: `json_set(${quoted(jobToRow(like).definition)}, '$.name', 'job-' || i)`,
        partition: "i % 64",
        next_run: `${due} + i * 25`,
        created_at: String(past),
        updated_at: String(past)
      },
      rows.jobs
    )
    db.exec(`INSERT INTO job_counts VALUES ('active', ${rows.jobs}) ON CONFLICT (status) DO UPDATE SET n = excluded.n`)
    insert(
      db,
      "runs",
      {
        id: idOf("run", "i"),
        job_id: ofJob("i"),
        job_name: nameOf("i"),
        agent_id: quoted(like.agent_id),
        trigger: "'schedule'",
        status: "'succeeded'",
        scheduled_for: begun,
        holds_permit: "0",
        started_at: begun,
        finished_at: `${begun} + 7`,
        execution_time_ms: "7",
        attempt: "1",
        partition: "i % 64",
        created_at: begun,
        iterations: "'[]'",
        tool_calls: "'[]'",
        output: "'all is well with number ' || i"
      },
      rows.runs
    )
    insert(
      db,
      "attempts",
      {
        run_id: idOf("run", "i"),
        number: "1",
        started_at: begun,
        finished_at: `${begun} + 7`,
        outcome: "'succeeded'"
      },
      rows.runs
    )
    insert(
      db,
      "deliveries",
      {
        id: idOf("dlv", "i"),
        run_id: idOf("run", "i"),
        job_id: ofJob("i"),
        channel: "'log_file'",
        kind: "'output'",
        destination: "'log_file'",
        state: "'delivered'",
        attempts: "1",
        created_at: begun,
        delivered_at: `${begun} + 8`
      },
      Math.min(rows.deliveries, rows.runs)
    )
    const entry = {
      seq: "i + 1",
      id: idOf("aud", "i"),
      time: begun,
      type: "'CronJobExecuted'",
      actor: "'scheduler'",
      job_id: ofJob("i"),
      job_name: nameOf("i"),
      run_id: idOf("run", "i"),
      hash: "lower(hex(randomblob(32)))"
    }
    insert(db, "audit", entry, rows.audit)
    chainTail(db)
    db.exec(`INSERT INTO counters VALUES ('runs_succeeded', ${rows.runs}), ('execution_time_ms_sum', ${rows.runs * 7}),
      ('execution_time_count', ${rows.runs}) ON CONFLICT (name) DO UPDATE SET value = excluded.value`)
  })
}

const chainTail = (db: Database): void => {
  const rows = db
    .prepare<[number], { seq: number; hash: string; content: Uint8Array }>(
      `SELECT seq, hash, ${contentSql} AS content FROM audit ORDER BY seq DESC LIMIT ?`
    )
    .all(chained)
    .reverse()
  const [first, ...rest] = rows
  if (first === undefined) return
  const write = db.prepare("UPDATE audit SET hash = ? WHERE seq = ?")
  let hash = first.hash
  for (const { content, seq } of rest) {
    hash = entryHash(hash, seq, content)
    write.run(hash, seq)
  }
  const seq = rows.at(-1)?.seq ?? 0
  db.prepare("UPDATE audit_head SET seq = ?, hash = ?, count = ? WHERE one = 1").run(seq, hash, seq)
  db.exec("DELETE FROM audit_hours")
  db.exec("INSERT INTO audit_hours SELECT time / 3600000, min(seq), max(seq) FROM audit GROUP BY 1")
  // What the table would have counted by itself.
  db.prepare("INSERT OR REPLACE INTO sqlite_sequence (name, seq) VALUES ('audit', ?)").run(seq)
}
