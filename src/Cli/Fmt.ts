import { randomUUID } from "node:crypto"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { CliError } from "./Errors.ts"
import { findSymbiFiles, homeOf, readSymbiText, stdin } from "./SymbiFiles.ts"
import { writeOut } from "./Terminal.ts"

type Outcome = "changed" | "unchanged" | "broken"

/** Puts a text in a file's place in one step, under the file's permissions; through a link to what it points at. */
const replaceFile = Effect.fnUntraced(function* (name: string, text: string) {
  const fs = yield* FileSystem.FileSystem
  const target = yield* fs.realPath(name)
  const { mode } = yield* fs.stat(target)
  const beside = `${target}.${randomUUID()}.tmp`
  yield* fs.writeFileString(beside, text, { flag: "wx" }).pipe(
    Effect.zipRight(fs.chmod(beside, mode & 0o7777)),
    Effect.zipRight(fs.rename(beside, target)),
    Effect.onError(() => Effect.ignore(fs.remove(beside)))
  )
})

const formatOne = Effect.fnUntraced(function* (name: string, check: boolean) {
  const { formatFile, rendererOf } = yield* Effect.promise(() => import("../Dsl.ts"))
  const text = yield* readSymbiText(name)
  const formatted = formatFile(text, name)
  if (Either.isLeft(formatted)) {
    for (const rendered of formatted.left.map(rendererOf(text))) yield* Console.error(rendered)
    return "broken" satisfies Outcome
  }
  const outcome: Outcome = formatted.right === text ? "unchanged" : "changed"
  if (name === stdin && !check) yield* writeOut(formatted.right)
  else if (outcome === "changed") {
    if (!check) yield* replaceFile(name, formatted.right)
    yield* Console.log(name)
  }
  return outcome
})

/** `symbi fmt` */
export const fmt = Command.make(
  "fmt",
  {
    check: Options.boolean("check").pipe(
      Options.withDescription("write nothing; list the files that would change, and exit with 1 if there are any")
    ),
    paths: Args.text({ name: "path" }).pipe(
      Args.withDescription("files, folders of .symbi files, or - for standard input (default: the folder agents)"),
      Args.repeated
    )
  },
  ({ check, paths }) =>
    Effect.gen(function* () {
      const names = yield* findSymbiFiles(paths, yield* homeOf(Option.none()))
      const outcomes = yield* Effect.forEach(names, (name) =>
        formatOne(name, check).pipe(
          Effect.mapError((error) =>
            error instanceof CliError
              ? error
              : new CliError({ kind: "failed", message: `${name} cannot be written: ${error.message}` })
          )
        )
      )
      const count = (outcome: Outcome) => outcomes.filter((one) => one === outcome).length
      const files = `of ${names.length} file${names.length === 1 ? "" : "s"}`
      if (count("broken") > 0) {
        const message = `${count("broken")} ${files} left as they are: syntax errors`
        return yield* new CliError({ kind: "failed", message })
      }
      if (check && count("changed") > 0) {
        const message = `${count("changed")} ${files} would change; run symbi fmt`
        return yield* new CliError({ kind: "failed", message })
      }
    })
).pipe(Command.withDescription("Bring files of agents and schedules into one layout; comments and meaning stay"))
