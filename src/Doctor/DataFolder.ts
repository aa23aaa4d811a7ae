import { constants } from "node:fs"
import { access, statfs } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { refusalOf } from "../StorageHealth.ts"
import { lookAt, unseen } from "./Look.ts"
import { failed, ok, type Verdict, warning } from "./Verdict.ts"

const megabyte = 1_048_576

/** What a file system has left; sizes in bytes. */
export interface Space {
  readonly free: number
  readonly total: number
  readonly freeFiles: number
  readonly files: number
}

const amount = (bytes: number): string =>
  bytes < 1_024 * megabyte ? `${Math.floor(bytes / megabyte)} MB` : `${(bytes / 1_024 / megabyte).toFixed(1)} GB`

/** Whether there is room: below 50 MB nothing can be trusted to be stored, below 500 MB or 5 % it is about to run out. */
export const judgeSpace = ({ files, free, freeFiles, total }: Space): ReadonlyArray<Verdict> => {
  const left = `${amount(free)} free (${total === 0 ? 0 : Math.floor((free / total) * 100)} %)`
  // Where little is stored at all, there is nothing to free.
  const room =
    free > total * 0.9
      ? "use a larger disk: name a folder on it with --data"
      : "free some space, or shorten [scheduler.retention]"
  const space =
    free < 50 * megabyte
      ? failed("disk", `${left}: nothing more may be stored soon`, room)
      : free < 500 * megabyte || free < total * 0.05
        ? warning("disk", left, room)
        : ok("disk", left)
  // Some file systems have no fixed number of files, and say 0.
  if (files === 0 || freeFiles > files * 0.05) return [space]
  const few = `${freeFiles} of ${files} files (inodes) are left`
  const fewer = "delete small files on the disk of the data folder"
  return [space, freeFiles < 100 ? failed("disk", few, fewer) : warning("disk", few, fewer)]
}

// linux/magic.h
const remote: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"]
])
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])

/** Whether a file system, by Linux's number of its type, keeps what it says it keeps; elsewhere nothing is told. */
export const judgeFileSystem = (type: number): ReadonlyArray<Verdict> => {
  const name = remote.get(type)
  if (name !== undefined) {
    return [
      warning(
        "disk",
        `the data folder is on a network file system (${name}), whose locks and syncs may not hold`,
        "move it to a disk of this machine; `symbi selftest --folder` tries one"
      )
    ]
  }
  return inMemory.has(type)
    ? [
        warning(
          "disk",
          "the data folder is in memory: it ends with this machine's power",
          "name a folder on a disk with --data"
        )
      ]
    : []
}

/** Who may read and write a folder or a file; `self` is this process's user id, undefined on systems without. */
export const judgeMode = (
  what: string,
  found: { readonly mode: number; readonly uid: number },
  self: number | undefined
): ReadonlyArray<Verdict> => {
  const owned =
    self === undefined || self === 0 || found.uid === self
      ? []
      : [
          warning(
            "permissions",
            `${what} belongs to user ${found.uid}, and this is user ${self}`,
            "run symbi as the user that the service runs as"
          )
        ]
  const others = found.mode & 0o077
  if (self === undefined || others === 0) return owned
  const mode = (found.mode & 0o777).toString(8)
  return [
    ...owned,
    (found.mode & 0o022) === 0
      ? warning("permissions", `others can read ${what} (mode ${mode})`, `chmod go-rwx ${what}`)
      : failed("permissions", `others can write to ${what} (mode ${mode})`, `chmod go-rwx ${what}`)
  ]
}

const modeOf = (path: string) =>
  Effect.map(lookAt(path), (found) =>
    found === null
      ? []
      : typeof found === "string"
        ? [unseen("permissions", path, found)]
        : judgeMode(path, found, process.getuid?.())
  )

/** The data folder: there, writable, private, with room on its disk. */
export const checkDataFolder = (folder: string) =>
  Effect.gen(function* () {
    const found = yield* lookAt(folder)
    if (typeof found === "string") return [unseen("data folder", folder, found)]
    if (found === null) {
      return [warning("data folder", `${folder} is not there yet`, "`symbi up` makes it; or name it with --data")]
    }
    if (!found.isDirectory()) {
      return [failed("data folder", `${folder} is no folder`, "name another with --data, or move the file away")]
    }
    const place = yield* Effect.promise(() =>
      access(folder, constants.W_OK | constants.X_OK).then(
        () => ok("data folder", `${folder} is writable`),
        (error: unknown) =>
          refusalOf(error) === "read_only"
            ? failed("data folder", `${folder} is not writable: its disk is read-only`, "mount the disk writable")
            : failed("data folder", `${folder} is not writable`, "run symbi as its owner, or change its permissions")
      )
    )
    const space = yield* Effect.promise(() => statfs(folder))
    return [
      place,
      ...(yield* modeOf(folder)),
      ...(yield* modeOf(`${folder}/audit-key.pem`)),
      ...judgeFileSystem(space.type),
      ...judgeSpace({
        free: space.bavail * space.bsize,
        total: space.blocks * space.bsize,
        freeFiles: space.ffree,
        files: space.files
      })
    ]
  })
