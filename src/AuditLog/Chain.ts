import * as Crypto from "node:crypto"
import type { AuditHead } from "../Domain/Audit.ts"

/**
 * How entries are chained. An entry's `hash` is the SHA-256, as 64 lower-case hex digits, of
 *
 *   the hash of the entry before it (64 times `0` for the first) and, for each column
 *   seq, id, time, type, actor, job_id, job_name, run_id, reason, before, after,
 *   as it is stored:  <storage class>:<length of the value in bytes>:<value as UTF-8>
 *
 * without anything between them. The storage class is what SQLite's `typeof` says (`null`, `integer`, `text`), integers
 * are decimal, and null has length 0 and no value. {@link contentSql} says the same of all columns but `seq` in SQL, so
 * the log can be verified with any SQLite and any SHA-256.
 */
export const chainedColumns = [
  "id",
  "time",
  "type",
  "actor",
  "job_id",
  "job_name",
  "run_id",
  "reason",
  "before",
  "after"
] as const

/** The values of an entry's columns but for `seq`, as they are stored. */
export type StoredColumns = Readonly<Record<(typeof chainedColumns)[number], string | number | null>>

const encoded = (value: string | number | null): string => {
  if (value === null) return "null:0:"
  const text = String(value)
  return typeof value === "number" ? `integer:${text.length}:${text}` : `text:${Buffer.byteLength(text)}:${text}`
}

/** What an entry says, but for its place. Texts must be well-formed, or the database stores other bytes. */
export const contentOf = (row: StoredColumns): string => chainedColumns.map((column) => encoded(row[column])).join("")

/** {@link contentOf} in SQL, as a BLOB: the bytes of each value as they lie in the file. */
export const contentSql = `CAST(${chainedColumns
  .map(
    (name) =>
      `typeof("${name}") || ':' || coalesce(length(CAST("${name}" AS BLOB)), 0) || ':' || coalesce("${name}", '')`
  )
  .join(" || ")} AS BLOB)`

// At once where Node can (20.12): a stream for each entry is work for the garbage collector.
const sha256: (text: string) => string =
  "hash" in Crypto
    ? (text) => Crypto.hash("sha256", text, "hex")
    : (text) => Crypto.createHash("sha256").update(text).digest("hex")

/** The hash of the entry at `seq` that follows one of the hash `previous`. */
export const entryHash = (previous: string, seq: number, content: string | Uint8Array): string => {
  const head = previous + encoded(seq)
  return typeof content === "string"
    ? sha256(head + content)
    : Crypto.createHash("sha256").update(head).update(content).digest("hex")
}

/** The head of a log without entries. */
export const genesis: AuditHead = { seq: 0, hash: "0".repeat(64), count: 0 }
