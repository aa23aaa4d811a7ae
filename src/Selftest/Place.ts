import { rm, statfs } from "node:fs/promises"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { endEscaped } from "../ProcessGroup.ts"
import { SelftestImpossible } from "./Report.ts"

/** Programs that a self-test starts, by their paths. */
export interface Programs {
  /** `bin/symbi.js` of this installation. */
  readonly symbi: string
  /** The service with a fault in it: see `src/selftestService.ts`. */
  readonly faulty: string
}

/** Where a self-test works, and with what. */
export interface Place {
  /** Its own folder, on the disk that is tested. */
  readonly folder: string
  readonly programs: Programs
  /** The variables that its services are given. */
  readonly variables: Readonly<Record<string, string>>
  /** A variable that its agents have and nothing else does, as `NAME=value`. */
  readonly mark: string
  readonly seed: number
  /** Shows how far a part is. */
  readonly progress: (text: string) => Effect.Effect<void>
}

/** What it needs at most: databases and logs of some minutes. */
const neededBytes = 268_435_456

const megabytes = (bytes: number): string => `${Math.floor(bytes / 1_048_576)} MB`

const markName = "SELFTEST_FOLDER"

/** What a self-test's folder begins with. */
const prefix = "symbi-selftest-"

/** On which disk a folder lies; undefined where there is no such folder. */
export const diskOf = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(
    Effect.map(fs.stat(folder), ({ dev }) => dev),
    () => undefined
  )
})

/** A path without symbolic links, as far as it is there. */
const realOf = (folder: string): Effect.Effect<string, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const fs = yield* FileSystem.FileSystem
    const above = path.dirname(folder)
    return yield* Effect.catchAll(fs.realPath(folder), () =>
      above === folder
        ? Effect.succeed(folder)
        : Effect.map(realOf(above), (real) => path.join(real, path.basename(folder)))
    )
  })

/**
 * The folder in which a self-test makes its own: the one that was named, else the one beside the data folder, if that is
 * there and on the same disk; undefined stands for the system's folder for what is temporary.
 */
export const baseOf = Effect.fn("Selftest.base")(function* (named: string | undefined, dataFolder: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const data = path.resolve(dataFolder)
  if (named !== undefined) {
    const folder = path.resolve(named)
    const [real, realData] = [yield* realOf(folder), yield* realOf(data)]
    if (real === realData || real.startsWith(`${realData}${path.sep}`)) {
      return yield* new SelftestImpossible({
        message: `${named} is the data folder; name a folder beside it, on the same disk`,
        wrongUse: true
      })
    }
    return folder
  }
  const beside = path.dirname(data)
  const [ofData, ofBeside] = [yield* diskOf(data), yield* diskOf(beside)]
  if (ofData === undefined || ofData !== ofBeside) return undefined
  return (yield* Effect.isSuccess(fs.access(beside, { writable: true }))) ? beside : undefined
})

/** Makes the folder of a self-test; bytes that are free there are told, too few are refused. */
const makeFolder = Effect.fnUntraced(function* (base: string | undefined) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectory({ prefix, ...(base === undefined ? {} : { directory: base }) }).pipe(
    Effect.mapError(
      ({ message }) =>
        new SelftestImpossible({
          message: `cannot make a folder in ${base ?? "the system's temporary folder"}: ${message}; name another with --folder`,
          wrongUse: false
        })
    )
  )
  const { bavail, bsize } = yield* Effect.promise(() => statfs(folder))
  const free = bavail * bsize
  if (free >= neededBytes) return { folder, free }
  yield* Effect.promise(() => rm(folder, { recursive: true, force: true }))
  return yield* new SelftestImpossible({
    message: `${base ?? folder} has ${megabytes(free)} free, and ${megabytes(neededBytes)} are needed; name another disk with --folder`,
    wrongUse: false
  })
})

/**
 * A folder for a self-test, with the mark that its agents bear. With the scope those agents end that are left, and the
 * folder goes, unless `isKept` says otherwise; when the scope is interrupted it goes in any case.
 */
export const makePlace = Effect.fn("Selftest.place")(function* (base: string | undefined, isKept: () => boolean) {
  const path = yield* Path.Path
  const mark = (folder: string) => `${markName}=${path.basename(folder)}`
  return yield* Effect.acquireRelease(
    Effect.map(makeFolder(base), (made) => ({ ...made, mark: mark(made.folder) })),
    ({ folder }, exit) =>
      Effect.gen(function* () {
        yield* endEscaped(0, mark(folder))
        if (isKept() && !Exit.isInterrupted(exit)) return
        yield* Effect.promise(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
      })
  )
})
