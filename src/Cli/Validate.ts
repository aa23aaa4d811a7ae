import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { formatDuration } from "../Domain/Duration.ts"
import type { Diagnostic } from "../Dsl.ts"
import type { CheckedFiles, CheckedSchedule, TextFile } from "../FileCheck.ts"
import { ServiceEnvironment, withheldVariables } from "../ServiceEnvironment.ts"
import { oneOf } from "./Arguments.ts"
import { CliError, unusable } from "./Errors.ts"
import { instant, localTime } from "./Show.ts"
import { findSymbiFiles, homeOf, otherAgentFiles, readSymbiText } from "./SymbiFiles.ts"
import { type Column, printTable } from "./Table.ts"

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

const summaryOf = (files: ReadonlyArray<TextFile>, { diagnostics, parsed }: CheckedFiles): string => {
  const of = (severity: Diagnostic["severity"]) => diagnostics.filter((one) => one.severity === severity).length
  const held = [counted(parsed.schedules.length, "schedule"), counted(parsed.agents.length, "agent")]
  return `${counted(files.length, "file")}: ${[...held, counted(of("error"), "error"), counted(of("warning"), "warning")].join(", ")}`
}

/** What the configuration says; one that cannot be used here is no fault of the files. */
const schedulerOf = Effect.fnUntraced(function* (configFile: Option.Option<string>) {
  const { loadSettings } = yield* Effect.promise(() => import("../Settings.ts"))
  const { variables } = yield* ServiceEnvironment
  return yield* loadSettings({ configFile, env: variables, overrides: {} }).pipe(
    Effect.map(({ keyVariables, settings: { scheduler, unset } }) => ({ ...scheduler, unset, keyVariables })),
    Effect.catchAll((error) =>
      error.missing === true
        ? unusable(error)
        : Effect.as(Console.error(`warning: the configuration is left out: ${error.message}`), null)
    )
  )
})

/** Where a diagnostic ends (exclusive): on its line, or where a text of several lines ends. */
const endOf = (lines: ReadonlyArray<string>, { column, length, line }: Diagnostic) => {
  let end_line = line
  let end_column = column + length
  for (let text = lines[end_line - 1]; text !== undefined && end_column > text.length + 1; text = lines[end_line - 1]) {
    if (end_line >= lines.length) return { end_line, end_column: text.length + 1 }
    end_column -= text.length + 1
    end_line++
  }
  return { end_line, end_column }
}

const asJson = (files: ReadonlyArray<TextFile>, diagnostics: ReadonlyArray<Diagnostic>): string => {
  const lines = new Map(files.map(({ path, text }) => [path, text.replace(/^\uFEFF/, "").split("\n")]))
  const records = diagnostics.map((one) => ({
    file: one.file,
    line: one.line,
    column: one.column,
    ...endOf(lines.get(one.file) ?? [], one),
    severity: one.severity,
    message: one.message,
    hint: one.hint ?? null
  }))
  return JSON.stringify(records, null, 2)
}

const nextOf = ({ recurrence }: CheckedSchedule, now: number): string => {
  const next = recurrence.next(now)
  if (next === null) return "never: it is past"
  if (recurrence.kind === "every") return `${formatDuration(next - now)} after it is applied`
  return recurrence.timezone === "UTC" ? instant(next) : localTime(next, recurrence.timezone)
}

/** `symbi validate` */
export const validate = Command.make(
  "validate",
  {
    format: oneOf("format", ["table", "json"]).pipe(
      Options.withDescription("table for people (the default), json for editors and CI"),
      Options.withDefault("table" as const)
    ),
    allowUnset: Options.boolean("allow-unset").pipe(
      Options.withDescription(`a \${VAR} that is not set is a warning: for CI, which has no secrets`)
    ),
    config: Options.text("config").pipe(
      Options.withDescription("configuration file (default symbiont.toml, if there is one)"),
      Options.optional
    ),
    paths: Args.text({ name: "path" }).pipe(
      Args.withDescription("files, folders of .symbi files, or - for standard input (default: the folder agents)"),
      Args.repeated
    )
  },
  ({ allowUnset, config, format, paths }) =>
    Effect.gen(function* () {
      const { parseFiles, rendererOf } = yield* Effect.promise(() => import("../Dsl.ts"))
      const { checkFiles } = yield* Effect.promise(() => import("../FileCheck.ts"))
      const { variables } = yield* ServiceEnvironment
      const now = yield* Clock.currentTimeMillis
      const { findConfigFile } = yield* Effect.promise(() => import("../Settings.ts"))
      const configFile = yield* findConfigFile(config)
      const home = yield* homeOf(configFile)
      const names = yield* findSymbiFiles(paths, home)
      const files = yield* Effect.forEach(names, (path) => Effect.map(readSymbiText(path), (text) => ({ path, text })))
      const scheduler = yield* schedulerOf(configFile)
      const checked = checkFiles(files, {
        now,
        timezone: scheduler?.timezone ?? "UTC",
        variables,
        withheld: withheldVariables(scheduler?.keyVariables ?? []),
        agents: parseFiles(yield* otherAgentFiles(home, names)).agents.map(({ definition }) => definition),
        policies: new Map(),
        channels:
          scheduler === null ? null : { settings: scheduler.delivery, unset: scheduler.unset, inCode: new Map() },
        unset: allowUnset ? "warning" : "error"
      })
      if (format === "json") yield* Console.log(asJson(files, checked.diagnostics))
      else {
        const renderers = new Map(files.map(({ path, text }) => [path, rendererOf(text)]))
        for (const one of checked.diagnostics) yield* Console.error(renderers.get(one.file)?.(one))
        if (checked.schedules.length > 0) {
          const columns: ReadonlyArray<Column<CheckedSchedule>> = [
            { name: "SCHEDULE", value: ({ schedule }) => schedule.definition.name, flexible: true },
            { name: "WHEN", value: ({ recurrence }) => recurrence.describe, flexible: true },
            { name: "NEXT", value: (one) => nextOf(one, now) }
          ]
          yield* printTable(checked.schedules, columns, instant)
        }
      }
      const summary = summaryOf(files, checked)
      if (checked.diagnostics.some(({ severity }) => severity === "error")) {
        return yield* new CliError({ kind: "failed", message: summary })
      }
      yield* Console.error(summary)
    })
).pipe(Command.withDescription("Check files of agents and schedules, and say when each schedule is due; no service"))
