import { constants, type Stats } from "node:fs"
import { type FileHandle, open, opendir, readlink, realpath, stat } from "node:fs/promises"
import * as path from "node:path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Tool } from "../../Domain/Tool.ts"
import { type Outcome, objectSchema, type ReadyTool, refused, textOf } from "./Outcome.ts"

const maxPathLength = 4_096
/** Entries of one folder that are looked at. */
const maxEntries = 10_000

const isLinux = process.platform === "linux"

/** A path leads to nothing that may be read. The message is for the model. */
class Unreadable extends Data.TaggedError("Unreadable")<{ readonly message: string }> {}

const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "unknown")

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  ENOTDIR: "there is no such file or folder",
  EACCES: "the service may not read it",
  EPERM: "the service may not read it",
  ELOOP: "its links lead nowhere",
  ENAMETOOLONG: "its name is too long"
}

/** Node's messages name absolute paths, which are nobody's business. */
const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, Unreadable> =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => {
      const code = codeOf(cause)
      return new Unreadable({ message: reasons[code] ?? `it cannot be read (${code})` })
    }
  })

const isWithin = (root: string, file: string): boolean => {
  const rest = path.relative(root, file)
  return rest === "" || (rest !== ".." && !rest.startsWith(`..${path.sep}`) && !path.isAbsolute(rest))
}

const outside = new Unreadable({ message: "it is outside the folder that may be read" })

const sameFile = (a: Stats, b: Stats): boolean => a.dev === b.dev && a.ino === b.ino

/** The path by which a handle's own file is reached, whatever its name leads to by now. */
const pathOfHandle = (handle: FileHandle, fallback: string): string =>
  isLinux ? `/proc/self/fd/${handle.fd}` : fallback

/**
 * Opens a file or folder under `root` and proves by the open handle that it lies there: what a link was changed to
 * meanwhile is opened at most, and never read. Nothing but regular files and folders is opened, nor waited for.
 */
const openWithin = Effect.fnUntraced(function* (root: string, relative: string) {
  const base = yield* attempt(() => realpath(root))
  const found = yield* attempt(() => realpath(path.join(base, relative)))
  if (!isWithin(base, found)) return yield* outside
  const before = yield* attempt(() => stat(found))
  if (!before.isFile() && !before.isDirectory()) return yield* new Unreadable({ message: "it is no regular file" })
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = yield* Effect.acquireRelease(
    attempt(() => open(found, flags)),
    (opened) => Effect.promise(() => opened.close().catch(() => undefined))
  )
  const info = yield* attempt(() => handle.stat())
  const real = yield* attempt(() => (isLinux ? readlink(pathOfHandle(handle, found)) : realpath(found)))
  if (!isWithin(base, real) || !sameFile(info, before)) return yield* outside
  return { handle, info, found }
})

const read = Effect.fnUntraced(function* (handle: FileHandle, size: number, limit: number) {
  const buffer = Buffer.alloc(Math.min(limit + 1, Math.max(size, 65_536) + 1))
  let filled = 0
  while (filled < buffer.length) {
    const { bytesRead } = yield* attempt(() => handle.read(buffer, filled, buffer.length - filled))
    if (bytesRead === 0) break
    filled += bytesRead
  }
  const more = filled > limit || filled < size
  const bytes = buffer.subarray(0, Math.min(filled, limit))
  const text = textOf(bytes, more)
  const outcome: Outcome = {
    text: text ?? `(binary, ${size} bytes; not shown)`,
    more: more && text !== undefined,
    error: undefined
  }
  return outcome.text === "" ? { ...outcome, text: "(empty)" } : outcome
})

const entryText = (name: string, kind: string): string =>
  `${/[\p{Cc}"]/u.test(name) ? JSON.stringify(name) : name}${kind}`

const list = Effect.fnUntraced(function* (handle: FileHandle, found: string) {
  const names: Array<string> = []
  let more = false
  yield* attempt(async () => {
    for await (const entry of await opendir(pathOfHandle(handle, found))) {
      if (names.length === maxEntries) {
        more = true
        break
      }
      names.push(entryText(entry.name, entry.isDirectory() ? "/" : entry.isSymbolicLink() ? "@" : ""))
    }
  })
  if (!isLinux && (yield* attempt(() => realpath(found))) !== found) return yield* outside
  const outcome: Outcome = { text: names.sort().join("\n") || "(empty folder)", more, error: undefined }
  return outcome
})

const problemOf = (asked: unknown): string | undefined => {
  if (typeof asked !== "string" || asked === "") return `"path" must be a string such as "notes/today.txt", or "."`
  if (asked.length > maxPathLength) return `"path" is longer than ${maxPathLength} characters`
  if (asked.includes("\0") || !asked.isWellFormed()) return `"path" holds a character that no path can hold`
  if (path.isAbsolute(asked)) return `"path" must be relative to the folder that may be read`
  if (asked.split(/[/\\]/).includes("..")) return `"path" must not lead upwards (..)`
  return undefined
}

/** Reads files, and lists folders, under a root: wherever links lead, nothing outside of it. */
export const readFilesTool = (
  root: string,
  { description }: Pick<Tool, "description">,
  directory: string
): ReadyTool => {
  const from = path.resolve(directory, root)
  return {
    spec: {
      description: description ?? "Reads a text file, or lists a folder (folders end with /, links with @).",
      parameters: objectSchema({
        action: { type: "string", enum: ["read", "list"] },
        path: { type: "string", description: 'Relative path; "." is the folder itself' }
      })
    },
    secrets: [],
    run: (given, { bytes, time }) => {
      const [action, asked] = [given.get("action"), given.get("path")]
      if (action !== "read" && action !== "list") return Effect.succeed(refused(`"action" must be read or list`))
      const problem = problemOf(asked)
      if (problem !== undefined || typeof asked !== "string") return Effect.succeed(refused(problem ?? "no path"))
      return Effect.gen(function* () {
        const { found, handle, info } = yield* openWithin(from, asked)
        if (info.isDirectory()) {
          return action === "list" ? yield* list(handle, found) : refused("it is a folder; list it")
        }
        return action === "read" ? yield* read(handle, info.size, bytes) : refused("it is a file; read it")
      }).pipe(
        Effect.scoped,
        Effect.catchTag("Unreadable", ({ message }) => Effect.succeed(refused(message))),
        Effect.timeoutTo({
          duration: time,
          onSuccess: (outcome) => outcome,
          onTimeout: () => refused("reading took too long")
        })
      )
    }
  }
}
