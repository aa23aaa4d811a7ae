import { text as readAll } from "node:stream/consumers"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { TextFile } from "../FileCheck.ts"
import { symbiFilesIn } from "../SymbiFolder.ts"
import { CliError, unreadable } from "./Errors.ts"

/** The word that stands for standard input among files. */
export const stdin = "-"

const usage = (message: string) => new CliError({ kind: "usage", message })

/** The folder that `symbi up` would take `agents/` from: that of the configuration file, else the working folder. */
export const homeOf = (config: Option.Option<string>) =>
  Effect.map(Path.Path, (path) => Option.match(config, { onNone: () => ".", onSome: path.dirname }))

const filesIn = Effect.fnUntraced(function* (folder: string) {
  const path = yield* Path.Path
  return (yield* symbiFilesIn(folder)).map((name) => path.join(folder, name))
})

const pathsOf = Effect.fnUntraced(function* (word: string) {
  if (word === stdin) return [stdin]
  const fs = yield* FileSystem.FileSystem
  const { type } = yield* fs.stat(word)
  if (type !== "Directory") return [word]
  const found = yield* filesIn(word)
  return found.length > 0 ? found : yield* usage(`no .symbi files in ${word}`)
})

/** The files meant by some words: files, folders of files, or `agents/` at home if there is none. Each once. */
export const findSymbiFiles = Effect.fnUntraced(function* (words: ReadonlyArray<string>, home: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const folder = path.join(home, "agents")
  if (words.length === 0 && !(yield* Effect.orElseSucceed(fs.exists(folder), () => false))) {
    return yield* usage(`no files given, and there is no folder ${folder}; write symbi … FILE or DIR`)
  }
  const found = yield* Effect.forEach(words.length === 0 ? [folder] : words, (word) =>
    Effect.mapError(pathsOf(word), unreadable(word))
  )
  const byPath = new Map(found.flat().map((name) => [name === stdin ? stdin : path.resolve(name), name]))
  return [...byPath.values()]
})

/** A file's bytes as text, byte order mark and all; what is not UTF-8 is refused, as it could not be written back. */
export const readSymbiText = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  if (name === stdin) return yield* Effect.promise(() => readAll(process.stdin))
  const bytes = yield* Effect.mapError(fs.readFile(name), unreadable(name))
  return yield* Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    catch: () => new CliError({ kind: "failed", message: `${name} is no UTF-8 text` })
  })
})

/** The files of `agents/` at home besides the given ones. */
export const otherAgentFiles = Effect.fnUntraced(function* (home: string, given: ReadonlyArray<string>) {
  const path = yield* Path.Path
  const known = new Set(given.map((name) => path.resolve(name)))
  const names = yield* Effect.orElseSucceed(filesIn(path.join(home, "agents")), (): ReadonlyArray<string> => [])
  const texts = yield* Effect.forEach(
    names.filter((name) => !known.has(path.resolve(name))),
    (name) => Effect.map(readSymbiText(name), (text): TextFile => ({ path: name, text }))
  )
  return texts
})

/** The files of `agents/` at home that can be read, and why others cannot; none where there is no such folder. */
export const agentFilesIn = Effect.fnUntraced(function* (home: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(home, "agents")
  const unread: Array<string> = []
  const files: Array<TextFile> = []
  const orTell = <A, R>(name: string, reading: Effect.Effect<A, PlatformError, R>) =>
    Effect.catchAll(Effect.asSome(reading), (error) => {
      unread.push(unreadable(name)(error).message)
      return Effect.succeedNone
    })
  const names = yield* orTell(
    folder,
    Effect.flatMap(fs.exists(folder), (there) => (there ? filesIn(folder) : Effect.succeed([])))
  )
  for (const name of Option.getOrElse(names, (): ReadonlyArray<string> => [])) {
    const text = yield* orTell(name, fs.readFileString(name))
    if (Option.isSome(text)) files.push({ path: name, text: text.value })
  }
  return { files, unreadable: unread }
})
