import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Terminal from "@effect/platform/Terminal"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Verdict } from "../Doctor.ts"
import { placeOf } from "../Domain/Redaction.ts"
import { oneOf } from "./Arguments.ts"
import { CliError } from "./Errors.ts"
import { serverOf, withClient } from "./Root.ts"
import { agentFilesIn, homeOf } from "./SymbiFiles.ts"
import { plain } from "./Table.ts"
import { serviceOptions } from "./Up.ts"

const words = { ok: "ok  ", warning: "warn", failed: "FAIL" } as const
const colours = { ok: "32", warning: "33", failed: "31" } as const

/** How long a service may take to say that it lives. */
const patience = "5 seconds"

const indent = 6
const widest = 80

/** A text in lines of at most `width` characters, broken at spaces where there are any. */
const wrapped = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`
    if (longer.length > width && line !== "") {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}

const render = ({ check, message, next_step, status }: Verdict, width: number): string => {
  const text = plain(`${check}: ${message}${next_step === null ? "" : ` — ${next_step}`}`)
  const lines = wrapped(text, Math.max(40, width - indent)).join(`\n${" ".repeat(indent)}`)
  return `\u001b[${colours[status]}m${words[status]}\u001b[0m  ${lines}`
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

/** `symbi doctor` */
export const doctor = Command.make(
  "doctor",
  {
    config: serviceOptions.config,
    data: serviceOptions.data,
    network: Options.boolean("network").pipe(
      Options.withDescription("also ask whether the servers of the model providers answer")
    ),
    format: oneOf("format", ["text", "json"]).pipe(
      Options.withDescription("text for people (the default), or json for programs"),
      Options.withDefault("text" as const)
    )
  },
  ({ config, data, format, network }) =>
    Effect.gen(function* () {
      const { examine } = yield* Effect.promise(() => import("../Doctor.ts"))
      const { findConfigFile } = yield* Effect.promise(() => import("../Settings.ts"))
      const configFile = yield* findConfigFile(config)
      const home = yield* homeOf(configFile)
      const { files, unreadable } = yield* agentFilesIn(home)
      const server = placeOf(yield* serverOf)
      const hangs = `${server} answers nothing within ${patience}; is it a symbi service, and does it still work?`
      const client = yield* withClient((one) => Effect.as(one.health.live(), one)).pipe(
        Effect.catchAll(({ message }) => Effect.succeed({ why: message, hangs: false })),
        Effect.timeoutTo({
          duration: patience,
          onSuccess: (answer) => answer,
          onTimeout: () => ({ why: hangs, hangs: true })
        })
      )
      const verdicts = yield* examine({ configFile, data, files, unreadable, server, client, network })
      const failures = verdicts.filter(({ status }) => status === "failed").length
      if (format === "json") {
        yield* Console.log(JSON.stringify({ ok: failures === 0, checks: verdicts }, null, 2))
      } else {
        const { columns } = yield* Terminal.Terminal
        const width = yield* columns
        const shown = width > 0 ? Math.min(width, widest) : widest
        yield* Effect.forEach(verdicts, (verdict) => Console.log(render(verdict, shown)), { discard: true })
      }
      const warnings = counted(verdicts.filter(({ status }) => status === "warning").length, "warning")
      if (failures > 0) {
        return yield* new CliError({ kind: "failed", message: `${counted(failures, "check")} failed, ${warnings}` })
      }
      if (format === "text") yield* Console.error(`nothing is wrong, ${warnings}`)
    })
).pipe(
  Command.withDescription(
    "Say what is wrong with this installation and its service, and what to do; exit 1 if anything is"
  )
)
