import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type InvalidRequest, isHttpError } from "../Api.ts"
import { Applied, type ApplyRequest } from "../Domain/Apply.ts"
import type { Diagnostic } from "../Domain/Diagnostic.ts"
import type { Issue } from "../Domain/Job.ts"
import { symbiFilesIn } from "../SymbiFolder.ts"
import { oneOf } from "./Arguments.ts"
import { CliError, unreadable } from "./Errors.ts"
import { longPatience, withClient } from "./Root.ts"
import { readSymbiText } from "./SymbiFiles.ts"

const usage = (message: string) => new CliError({ kind: "usage", message })

/** A file to send: under `path`, while `shown` is how the person named it. */
interface Sent {
  readonly path: string
  readonly shown: string
  readonly text: string
}

/** The files that some words name: one folder, which is a source as a whole, or files, each of which is one. */
const gather = Effect.fnUntraced(function* (words: ReadonlyArray<string>, named: Option.Option<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const [first = "", ...others] = words
  const folders = yield* Effect.filter(words, (word) =>
    Effect.mapBoth(fs.stat(word), { onFailure: unreadable(word), onSuccess: ({ type }) => type === "Directory" })
  )
  if (folders.length > 0 && others.length > 0) {
    return yield* usage("one folder at a time, or any number of files: a folder is applied as a whole")
  }
  if (folders.length > 0) {
    const names = yield* Effect.mapError(symbiFilesIn(first), unreadable(first))
    if (names.length === 0) return yield* usage(`no .symbi files in ${first}; nothing was applied`)
    const files = yield* Effect.forEach(names, (name) => {
      const file = path.join(first, name)
      return Effect.map(readSymbiText(file), (text): Sent => ({ path: name, shown: file, text }))
    })
    return { files, source: Option.getOrElse(named, () => path.resolve(first)) }
  }
  const files = yield* Effect.forEach(words, (word) =>
    Effect.map(
      readSymbiText(word),
      (text): Sent => ({ path: Option.isSome(named) ? path.basename(word) : path.resolve(word), shown: word, text })
    )
  )
  return { files, source: Option.getOrUndefined(named) }
})

const placeOf = ({ path }: Issue) => /^(.*):(\d+):(\d+)$/s.exec(path)

/** As far as the thing at a place reaches: a string, a name, a number. */
const lengthAt = (text: string, line: number, column: number): number =>
  /^("(?:[^"\\]|\\.)*"|[\w.$-]+)/.exec(
    text
      .split("\n", line)
      .at(-1)
      ?.slice(column - 1) ?? ""
  )?.[0].length ?? 1

const diagnosticOf = (issue: Issue, files: ReadonlyMap<string, Sent>): Diagnostic | undefined => {
  const [, path = "", line = "", column = ""] = placeOf(issue) ?? []
  const file = files.get(path)
  if (file === undefined) return undefined
  const [message = "", hint] = issue.message.split("; hint: ")
  const at = { line: Number(line), column: Number(column) }
  return {
    severity: "error",
    file: file.shown,
    ...at,
    length: lengthAt(file.text.replace(/^\uFEFF/, ""), at.line, at.column),
    message,
    ...(hint === undefined ? {} : { hint })
  }
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

const isRefusal = (error: unknown): error is InvalidRequest =>
  isHttpError(error) && error._tag === "InvalidRequest" && error.code === "INVALID_FILES"

/** Shows what the service says is wrong, each with its line; nothing was applied. */
const showRefusal = Effect.fnUntraced(function* ({ details, message }: InvalidRequest, sent: ReadonlyArray<Sent>) {
  const { rendererOf } = yield* Effect.promise(() => import("../Dsl.ts"))
  const files = new Map(sent.map((file) => [file.path, file]))
  const renderers = new Map(sent.map(({ path, text }) => [path, rendererOf(text)]))
  for (const issue of details) {
    const diagnostic = diagnosticOf(issue, files)
    const render = renderers.get(placeOf(issue)?.[1] ?? "")
    yield* Console.error(
      diagnostic === undefined || render === undefined ? `${issue.path}: ${issue.message}` : render(diagnostic)
    )
  }
  return new CliError({
    kind: "failed",
    message: details.length === 0 ? message : `${counted(details.length, "error")}; nothing was applied`
  })
})

/** Warnings of one answer that are shown. */
const shownWarnings = 50

const showDoubts = Effect.fnUntraced(function* (applied: Applied, sent: ReadonlyArray<Sent>) {
  const { rendererOf } = yield* Effect.promise(() => import("../Dsl.ts"))
  const files = new Map(sent.map(({ path, shown, text }) => [path, { shown, render: rendererOf(text) }]))
  const placed = applied.diagnostics.map((one) => {
    const file = files.get(one.file)
    return () => file?.render({ ...one, file: file.shown }) ?? `warning: ${one.message}`
  })
  const warnings = [...placed, ...applied.warnings.map((warning) => () => `warning: ${warning}`)]
  for (const warning of warnings.slice(0, shownWarnings)) yield* Console.error(warning())
  const more = warnings.length - shownWarnings
  if (more > 0) yield* Console.error(`and ${counted(more, "more warning")}: --format json shows all`)
})

/** `symbi apply` */
export const apply = Command.make(
  "apply",
  {
    file: Options.text("file").pipe(
      Options.withAlias("f"),
      Options.withPseudoName("path"),
      Options.withDescription("a folder of .symbi files, which is applied as a whole, or a file"),
      Options.repeated
    ),
    source: Options.text("source").pipe(
      Options.withPseudoName("name"),
      Options.withDescription(
        "what the files are the whole of, where the folder's own path is not the same each time (in CI, say)"
      ),
      Options.optional
    ),
    dryRun: Options.boolean("dry-run").pipe(Options.withDescription("only show what would change")),
    prune: Options.boolean("prune").pipe(
      Options.withDescription("delete the jobs whose blocks are gone, instead of pausing them")
    ),
    format: oneOf("format", ["table", "json"]).pipe(
      Options.withDescription("a diff for people (table, the default), or json for programs"),
      Options.withDefault("table" as const)
    ),
    more: Args.text({ name: "path" }).pipe(Args.withDescription("further files"), Args.repeated)
  },
  ({ dryRun, file, format, more, prune, source }) =>
    Effect.gen(function* () {
      const words = [...file, ...more]
      if (words.length === 0) return yield* usage("say what to apply: symbi apply -f DIR, or -f FILE …")
      const { files, source: name } = yield* gather(words, source)
      const payload: ApplyRequest = {
        files: files.map(({ path, text }) => ({ path, text })),
        ...(name === undefined ? {} : { source: name }),
        dry_run: dryRun,
        prune
      }
      const applied = yield* withClient(
        (client) =>
          client.files
            .apply({ payload })
            .pipe(Effect.catchIf(isRefusal, (error) => Effect.flip(showRefusal(error, files)))),
        longPatience
      )
      if (format === "json") {
        return yield* Console.log(JSON.stringify(yield* Effect.orDie(Schema.encode(Applied)(applied)), null, 2))
      }
      const { renderApplied, summaryOf } = yield* Effect.promise(() => import("./AppliedText.ts"))
      yield* showDoubts(applied, files)
      const text = renderApplied(applied)
      if (text !== "") yield* Console.log(text)
      yield* Console.error(summaryOf(applied))
    })
).pipe(Command.withDescription("Bring jobs in line with .symbi files: all of them or, with any error, nothing"))
