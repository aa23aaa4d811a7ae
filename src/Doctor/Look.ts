import { constants, type Stats } from "node:fs"
import { access, stat } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { failed, type Verdict } from "./Verdict.ts"

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown error"

/** What is at a path: null where nothing is; a code such as `EACCES` where that cannot be told. */
export const lookAt = (path: string): Effect.Effect<Stats | null | string> =>
  Effect.promise(() =>
    stat(path).then(
      (found) => found,
      (error: unknown) => {
        const code = codeOf(error)
        return code === "ENOENT" || code === "ENOTDIR" ? null : code
      }
    )
  )

/** Whether this user may read what is at a path. */
export const isReadable = (path: string): Effect.Effect<boolean> =>
  Effect.promise(() =>
    access(path, constants.R_OK).then(
      () => true,
      () => false
    )
  )

/** What is at a path may be all right; this user cannot tell. */
export const unseen = (check: string, path: string, code: string): Verdict =>
  failed(check, `${path} cannot be looked at (${code})`, "run symbi as the user that the service runs as")
