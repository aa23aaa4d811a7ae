import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** A backup was not made, or not restored; the message says why. What was there before is as it was. */
export class BackupFailed extends Data.TaggedError("BackupFailed")<{
  readonly message: string
  /** `refused`: it could be done when asked for in another way. */
  readonly kind: "failed" | "refused" | "missing"
}> {}

const known: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  SQLITE_FULL: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOENT: "no such file or folder",
  EISDIR: "it is a folder",
  EBUSY: "it is in use, or a mount point",
  EXDEV: "it is on another file system",
  SQLITE_NOTADB: "it is no database",
  SQLITE_CORRUPT: "the database is damaged",
  SQLITE_CANTOPEN: "it cannot be opened"
}

/** The code of an error of the system, such as `ENOENT`; empty when it has none. */
export const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "")

/** What went wrong, for people. */
export const detailOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const code = codeOf(error)
  if (error.cause instanceof Error && known[code] === undefined) return detailOf(error.cause)
  return known[code] ?? error.message
}

/** A failure of kind `failed` that says what could not be done. */
export const failure = (what: string) => (error: unknown) =>
  new BackupFailed({ kind: "failed", message: `${what}: ${detailOf(error)}` })

/** Work with files; `what` could not be done when it throws. */
export const working = <A>(what: string, work: (signal: AbortSignal) => Promise<A>) =>
  Effect.tryPromise({ try: work, catch: failure(what) })
