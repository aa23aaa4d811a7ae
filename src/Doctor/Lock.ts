import { readFile } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { lockDataFolder } from "../JobStore/DataLock.ts"
import { lookAt } from "./Look.ts"
import { ok, type Verdict, warning } from "./Verdict.ts"

/**
 * Who works on a data folder: a process by its id where the system tells (Linux), `unknown` elsewhere, or nobody;
 * `unseen` where this user may not look.
 */
export type Holder = number | "unknown" | "unseen" | null

/** The process that holds a lock on a file, by Linux's list of locks. */
export const holderIn = (locks: string, inode: number): number | null => {
  for (const line of locks.split("\n")) {
    const found = /^\d+: \S+ +\S+ +WRITE +(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line)
    if (found !== null && Number(found[2]) === inode) return Number(found[1])
  }
  return null
}

/** Who holds a data folder's lock now. The system drops the lock of a process that died: none is ever stale. */
export const findHolder = (folder: string): Effect.Effect<Holder> =>
  Effect.gen(function* () {
    const file = yield* lookAt(`${folder}/service.lock`)
    if (file === null) return null
    if (typeof file === "string") return "unseen"
    const locks = yield* Effect.promise(() =>
      readFile("/proc/locks", "utf8").then(
        (text) => text,
        () => null
      )
    )
    const pid = locks === null ? null : holderIn(locks, file.ino)
    if (pid !== null) return pid
    // Not told by the system, or in another container: taking it for a moment tells.
    return yield* lockDataFolder(folder).pipe(
      Effect.scoped,
      Effect.as<Holder>(null),
      Effect.catchTag("DataFolderInUse", () => Effect.succeed<Holder>("unknown")),
      Effect.catchAll(() => Effect.succeed<Holder>("unseen"))
    )
  })

/** What the lock says beside a service that answers or does not. */
export const judgeLock = (holder: Holder, answers: boolean): ReadonlyArray<Verdict> => {
  if (holder === null) return [ok("lock", "no service works on the data folder; no lock is left over")]
  if (holder === "unseen") {
    return [
      warning(
        "lock",
        "this user cannot see whether a service works on the data folder",
        "run symbi as the user that the service runs as"
      )
    ]
  }
  const who = holder === "unknown" ? "another process" : `process ${holder}`
  if (answers) return [ok("lock", `${who} works on the data folder`)]
  return [
    warning(
      "lock",
      `${who} works on the data folder, but no service answers`,
      "name its address with --server; or wait for it to start, or stop"
    )
  ]
}
