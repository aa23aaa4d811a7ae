import { constants } from "node:fs"
import { access, mkdir } from "node:fs/promises"
import { dirname } from "node:path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { refusalOf, refusalTexts } from "../StorageHealth.ts"

/** The data folder cannot be made or written to; the message says why and what to do. */
export class DataFolderRefused extends Data.TaggedError("DataFolderRefused")<{
  readonly folder: string
  readonly cause: unknown
}> {
  override get message() {
    const refusal = refusalOf(this.cause)
    const detail = this.cause instanceof Error ? this.cause.message : String(this.cause)
    const why = refusal === undefined ? detail : refusalTexts[refusal].what
    const step = refusal === undefined ? "make it writable" : refusalTexts[refusal].next_step
    return `the data folder ${this.folder} cannot be written: ${why}; ${step}, or choose another with --data`
  }
}

/** Of the first folder from here upwards that is there: why it is not writable. */
const refusalAbove = async (folder: string): Promise<unknown> => {
  try {
    await access(folder, constants.W_OK)
    return undefined
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT"
    return isMissing && dirname(folder) !== folder ? refusalAbove(dirname(folder)) : error
  }
}

/** Makes the data folder where there is none, for this user alone, and sees that it can be written to. */
export const makeDataFolder = (folder: string): Effect.Effect<void, DataFolderRefused> =>
  Effect.tryPromise({
    try: () => mkdir(folder, { recursive: true, mode: 0o700 }).then(() => access(folder, constants.W_OK)),
    catch: (cause) => cause
  }).pipe(
    // Node says ENOENT of a folder on a read-only disk that it cannot make.
    Effect.catchAll((error) =>
      Effect.flatMap(
        Effect.promise(() => refusalAbove(folder)),
        (above) => new DataFolderRefused({ folder, cause: above ?? error })
      )
    )
  )
