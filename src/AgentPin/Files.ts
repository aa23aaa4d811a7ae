import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type Checked, Refusal } from "./Refusal.ts"

const stampOf = ({ ino, mtime, size }: FileSystem.File.Info): string =>
  [Option.getOrUndefined(mtime)?.getTime(), size, Option.getOrUndefined(ino)].join(":")

/**
 * What a file holds, read again whenever the file changed. A file that can no longer be read or parsed is refused; what
 * it held before does not count.
 */
export const watchedFile = <A>(file: string, parse: (text: string) => Checked<A>) =>
  Effect.map(FileSystem.FileSystem, (fs): Effect.Effect<A, Refusal> => {
    let known: { readonly stamp: string; readonly result: Checked<A> } | undefined
    return Effect.gen(function* () {
      const stamp = stampOf(yield* fs.stat(file))
      if (known?.stamp === stamp) return yield* known.result
      const result = Either.mapLeft(
        parse(yield* fs.readFileString(file)),
        ({ code, detail }) => new Refusal({ code, detail: `${file}: ${detail}` })
      )
      known = { stamp, result }
      return yield* result
    }).pipe(
      Effect.catchAll((error) => {
        if (error._tag === "Refusal") return error
        const why = error._tag === "SystemError" && error.reason === "NotFound" ? "no such file" : error.message
        return new Refusal({ code: "DISCOVERY_FETCH_FAILED", detail: `${file}: ${why}` })
      })
    )
  })
