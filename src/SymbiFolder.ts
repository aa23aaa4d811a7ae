import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/** Names of the `.symbi` and `.dsl` files of a folder, in order; what lies deeper is not looked at. */
export const symbiFilesIn = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  return (yield* fs.readDirectory(folder)).filter((name) => /\.(symbi|dsl)$/.test(name)).sort()
})
