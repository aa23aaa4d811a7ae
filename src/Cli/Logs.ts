import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { isAtLeast, LogEntry, LogLevelName, maxLogLines } from "../Domain/Log.ts"
import { integerBetween, oneOf } from "./Arguments.ts"
import { CliError, unreadable } from "./Errors.ts"
import { namesNothing, noName } from "./Misuse.ts"
import { reached, withClient } from "./Root.ts"
import { writeOut } from "./Terminal.ts"

const door = Effect.promise(() => import("../Logs.ts"))
const streams = Effect.promise(() => import("./LogStream.ts"))

const usage = (message: string) => new CliError({ kind: "usage", message })

interface Asked {
  readonly filter?: string
  readonly level?: LogLevelName
  readonly lines: number
}

type Format = "table" | "json"

const printer = (as: Format) =>
  Effect.map(
    door,
    ({ jsonLine, prettyText }) =>
      (entry: LogEntry) =>
        Console.log(as === "json" ? jsonLine(entry) : prettyText(entry, { colours: true, day: true }))
  )

const print = Effect.fnUntraced(function* (entries: ReadonlyArray<LogEntry>, as: Format) {
  if (as === "json") {
    const encoded = yield* Effect.orDie(Schema.encode(Schema.Array(LogEntry))(entries))
    return yield* Console.log(JSON.stringify(encoded, null, 2))
  }
  if (entries.length === 0) return yield* Console.error("no entries")
  yield* Effect.forEach(entries, yield* printer(as), { discard: true })
})

/** The log of a data folder, read from its files. */
const readFolder = Effect.fnUntraced(function* (folder: string, { filter, level, lines }: Asked) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(fs.stat(folder), unreadable(folder))
  const { filesOf, logFileOf, readTail, wantedBy } = yield* door
  const isWanted = wantedBy({ filter, level }, "debug")
  return yield* readTail(filesOf(logFileOf(path, folder), 100), lines, (entry) =>
    isWanted(entry) ? "take" : "leave"
  ).pipe(
    Effect.mapError(
      ({ message }) => new CliError({ kind: "failed", message: `the log in ${folder} cannot be read: ${message}` })
    )
  )
})

/** Says when entries were asked for that are not written, and since when they are known. */
const tellKept = (asked: Asked, headers: Readonly<Record<string, string>>) => {
  const logged = LogLevelName.literals.find((level) => level === headers["symbi-log-level"])
  if (asked.level === undefined || logged === undefined || isAtLeast(asked.level, logged)) return Effect.void
  const since = headers["symbi-log-since"]
  return Console.error(
    `the service writes ${logged} and above; of the rest it knows the latest, since ${since ?? "now"}`
  )
}

const fromService = Effect.fnUntraced(function* (asked: Asked, as: Format) {
  const [entries, response] = yield* withClient((client) =>
    client.logs.read({ urlParams: asked, headers: {}, withResponse: true })
  )
  yield* tellKept(asked, response.headers)
  yield* print(entries, as)
})

const decodeEntry = Schema.decodeUnknown(Schema.parseJson(LogEntry))

const followService = Effect.fnUntraced(function* (asked: Asked, as: Format) {
  const { followEvents } = yield* streams
  const say = yield* printer(as)
  const query = new URLSearchParams({ follow: "true", lines: String(asked.lines) })
  if (asked.filter !== undefined) query.set("filter", asked.filter)
  if (asked.level !== undefined) query.set("level", asked.level)
  yield* followEvents(
    yield* reached,
    `/api/v1/logs?${query}`,
    ({ data, name }) =>
      name === "log"
        ? Effect.flatMap(Effect.orDie(decodeEntry(data)), say)
        : Console.error(`some entries were left out, as they came too fast: ${data}`),
    () => false
  )
})

const ofRun = Effect.fnUntraced(function* (run: string, follow: boolean) {
  if (namesNothing(run)) return yield* usage(noName(run))
  if (!follow) {
    const text = yield* withClient((client) => client.runs.log({ path: { run_id: run }, urlParams: {} }))
    return yield* writeOut(text)
  }
  const { followEvents } = yield* streams
  // The log is sent from its beginning each time: what was printed before is left out.
  let printed = 0
  let seen = 0
  const path = `/api/v1/runs/${encodeURIComponent(run)}/log?follow=true`
  yield* followEvents(
    yield* reached,
    path,
    ({ data }) =>
      Effect.suspend(() => {
        const skipped = Math.min(data.length, Math.max(0, printed - seen))
        seen += data.length
        printed = Math.max(printed, seen)
        return writeOut(data.slice(skipped))
      }),
    ({ name }) => name === "end",
    () => {
      seen = 0
    }
  )
})

/** `symbi logs` */
export const logs = Command.make(
  "logs",
  {
    filter: Options.text("filter").pipe(
      Options.withDescription(
        "only of a component (scheduler, delivery, http, agents, ...), a job's name, or the id of a job, run or delivery"
      ),
      Options.optional
    ),
    level: oneOf("level", LogLevelName.literals).pipe(
      Options.withDescription("the least level: debug, info, warn or error (default: what the service writes)"),
      Options.optional
    ),
    lines: integerBetween("lines", 1, maxLogLines).pipe(
      Options.withDescription(`how many entries, 1 to ${maxLogLines}`),
      Options.withDefault(100)
    ),
    follow: Options.boolean("follow").pipe(
      Options.withAlias("f"),
      Options.withDescription("go on with the entries that come, until Ctrl-C")
    ),
    run: Options.text("run").pipe(Options.withDescription("what the agent of this run logged"), Options.optional),
    data: Options.text("data").pipe(
      Options.withPseudoName("folder"),
      Options.withDescription("without a service: read the files in this data folder"),
      Options.optional
    ),
    format: oneOf("format", ["table", "json"]).pipe(
      Options.withDescription("table for people (the default), json for programs; with --follow one entry a line"),
      Options.withDefault("table" as const)
    )
  },
  ({ data, filter, follow, format, level, lines, run }) =>
    Effect.gen(function* () {
      const asked: Asked = {
        lines,
        ...Option.match(filter, { onNone: () => ({}), onSome: (filter) => ({ filter }) }),
        ...Option.match(level, { onNone: () => ({}), onSome: (level) => ({ level }) })
      }
      if (Option.isSome(run)) {
        if (Option.isSome(data) || Option.isSome(filter) || Option.isSome(level)) {
          return yield* usage("--run goes with --follow only: it is the whole log of one run")
        }
        return yield* ofRun(run.value, follow)
      }
      if (Option.isNone(data)) return yield* follow ? followService(asked, format) : fromService(asked, format)
      if (follow) return yield* usage("--follow needs a service: leave out --data, or --follow")
      yield* print(yield* readFolder(data.value, asked), format)
    })
).pipe(Command.withDescription("Read what the service says about itself, or what a run's agent logged"))
