import * as Schema from "effect/Schema"
import { Instant } from "../Domain/Instant.ts"

/** The name of a part: a path inside the data folder that leads nowhere else. */
const PartName = Schema.String.pipe(
  Schema.filter(
    (name) =>
      (/^[^\p{Cc}\\]+$/u.test(name) && name.split("/").every((step) => step !== "" && step !== "." && step !== "..")) ||
      "a path inside the data folder"
  )
)

/** A file of a backup: where it belongs in the data folder, its size in bytes, its SHA-256 in hex. */
export const BackupPart = Schema.Struct({
  name: PartName,
  size: Schema.Int.pipe(Schema.nonNegative()),
  sha256: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))
})
export type BackupPart = typeof BackupPart.Type

/** What a backup holds, and how it was when it was made. It is the first file of the archive. */
export const BackupManifest = Schema.Struct({
  format: Schema.Literal(1),
  /** Version of the program that made it. */
  program: Schema.String,
  /** Schema of its database. */
  schema: Schema.Int,
  created_at: Instant,
  /** Whether the logs of runs and jobs are in it. */
  logs: Schema.Boolean,
  /** What the verification of the audit log said: how many entries, or what is broken. */
  audit: Schema.Struct({ entries: Schema.Int, broken: Schema.NullOr(Schema.String) }),
  parts: Schema.Array(BackupPart)
}).annotations({ identifier: "BackupManifest" })
export type BackupManifest = typeof BackupManifest.Type

/** Its name in the archive. */
export const manifestName = "manifest.json"

/** The database's name, in the archive as in the data folder. */
export const databaseName = "symbiont.db"
