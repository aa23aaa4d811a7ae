import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { Apply, ownFolder } from "../Apply.ts"
import type { Applied } from "../Domain/Apply.ts"
import { rendererOf } from "../Dsl.ts"
import { symbiFilesIn } from "../SymbiFolder.ts"

/** The `.symbi` files of `<home>/agents`, by path relative to home; none when there is no such folder. */
export const readAgentFiles = Effect.fn("Files.read")(function* (home: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(home, ownFolder)
  if (!(yield* fs.exists(folder))) return []
  return yield* Effect.forEach(yield* symbiFilesIn(folder), (name) =>
    Effect.map(fs.readFileString(path.join(folder, name)), (text) => ({ path: `${ownFolder}/${name}`, text }))
  )
})

/** What applying the files did at start. */
export class AppliedAtStart extends Context.Tag("symbiont/main/AppliedAtStart")<
  AppliedAtStart,
  Applied & { readonly files: number }
>() {}

const applyFolder = Effect.fnUntraced(
  function* (home: string) {
    const files = yield* readAgentFiles(home)
    const { applyOwn } = yield* Apply
    const applied = yield* applyOwn(files)
    yield* Effect.logDebug("files applied", {
      files: files.length,
      created: applied.created.length,
      updated: applied.updated.length,
      paused: applied.paused.length,
      resumed: applied.resumed.length
    })
    const renderers = new Map(files.map(({ path, text }) => [path, rendererOf(text)]))
    for (const diagnostic of applied.diagnostics) {
      // As it stands: a logger would put it into one quoted line, and the caret under nothing.
      yield* Console.error(renderers.get(diagnostic.file)?.(diagnostic) ?? diagnostic.message)
    }
    const broken = new Set(applied.diagnostics.filter((one) => one.severity === "error").map((one) => one.file))
    for (const file of broken) yield* Effect.logError(`${file} was not applied; its jobs stay as they were`)
    for (const warning of applied.warnings) yield* Effect.logWarning(warning)
    for (const { name } of applied.paused) {
      yield* Effect.logWarning(`job "${name}" is paused: its block is no longer in the files`)
    }
    return { ...applied, files: files.length }
  },
  Effect.annotateLogs("component", "apply")
)

/** Applies the folder's files once, before anything is dispatched: agents must be known before their runs start. */
export const appliedAtStart = (home: string) => Layer.effect(AppliedAtStart, applyFolder(home))

/** Applies the folder's files again at each SIGHUP. */
export const reloadOnHangUp = (home: string) =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const hangUps = yield* Queue.dropping<void>(1)
      const heard = () => {
        Queue.unsafeOffer(hangUps, undefined)
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => process.on("SIGHUP", heard)),
        () => Effect.sync(() => process.off("SIGHUP", heard))
      )
      const reload = applyFolder(home).pipe(
        Effect.tap(({ created, paused, resumed, updated }) =>
          Effect.logInfo(
            `files applied again: ${created.length} created, ${updated.length} updated, ${resumed.length} resumed, ${paused.length} paused`
          )
        ),
        Effect.catchAllCause((cause) => Effect.logError("the files could not be applied again", cause)),
        Effect.annotateLogs("component", "apply")
      )
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(hangUps), reload)))
    })
  )
