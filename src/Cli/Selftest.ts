import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { PartName, PartReport, SelftestReport } from "../Selftest.ts"
import { integerBetween, oneOf } from "./Arguments.ts"
import { dataFolder, dataOptions } from "./DataFolder.ts"
import { CliError } from "./Errors.ts"
import { plain } from "./Table.ts"
import { isTerminal, steerTerminal } from "./Terminal.ts"
import { cut, wrap } from "./Width.ts"

const loaded = Effect.promise(() => import("../Selftest.ts"))

const indent = 18
const widest = 80

const seconds = (millis: number): string => `${(millis / 1_000).toFixed(1)} s`

const words = {
  ok: ["32", "ok  "],
  warning: ["33", "warn"],
  failed: ["31", "FAIL"]
} as const

/** A text behind the name of its part, on lines of its own where it is long. */
const paragraph = (text: string): string => wrap(plain(text), widest - indent).join(`\n${" ".repeat(indent)}`)

const render = ({ millis, ok, part, problems, summary, warnings }: PartReport): string => {
  const [colour, word] = words[!ok ? "failed" : warnings.length > 0 ? "warning" : "ok"]
  const texts = ok ? [`${summary} (${seconds(millis)})`, ...warnings] : [...problems, ...warnings]
  const [first = "", ...others] = texts.flatMap((text) => text.split("\n")).map(paragraph)
  const head = `\u001b[${colour}m${word}\u001b[0m  ${part.padEnd(indent - 6)}${first}`
  return [head, ...others.map((text) => `${" ".repeat(indent)}${text}`)].join("\n")
}

const usage = (message: string) => new CliError({ kind: "usage", message })

/** The parts that `--only` names. */
const partsOf = (only: string, known: ReadonlyArray<PartName>) => {
  const asked = only.split(",").map((name) => name.trim())
  const strange = asked.find((name) => !known.some((part) => part === name))
  return strange === undefined
    ? Either.right(new Set(known.filter((part) => asked.includes(part))))
    : Either.left(usage(`--only: there is no part "${strange}"; the parts are ${known.join(", ")}`))
}

/** The programs of this installation, beside the one that runs. */
const findPrograms = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const symbi = yield* Effect.orElseSucceed(fs.realPath(process.argv[1] ?? ""), () => "")
  const faulty = path.join(path.dirname(symbi), "..", "dist", "selftestService.js")
  if (symbi !== "" && (yield* Effect.orElseSucceed(fs.exists(faulty), () => false))) return { symbi, faulty }
  return yield* new CliError({
    kind: "failed",
    message: `${faulty} is missing: this installation is not whole; install symbi again, and run \`symbi selftest\` by its own program`
  })
})

const line = "\r\u001b[K"

/** Shows how far it is on one line of the terminal, which the next print takes away. */
const showing = (isShown: boolean) => ({
  progress: (part: string, text: string) =>
    isShown ? steerTerminal(`${line}${cut(`      ${part.padEnd(indent - 6)}${text} …`, widest - 1)}`) : Effect.void,
  clear: isShown ? steerTerminal(line) : Effect.void
})

/** The terminal that goes away ends it as Ctrl-C does; a second such signal hastens nothing. */
const endOnHangUp = Effect.acquireRelease(
  Effect.sync(() => {
    let isEnding = false
    const end = () => {
      if (isEnding) return
      isEnding = true
      // Nothing can be printed any more, and the folder is to go all the same.
      for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners("error").on("error", () => {})
      process.kill(process.pid, "SIGINT")
    }
    process.on("SIGHUP", end)
    return end
  }),
  (end) => Effect.sync(() => process.off("SIGHUP", end))
)

const said = ({ folder, kept, millis, ok, parts }: SelftestReport): string => {
  const wrong = parts.filter((part) => !part.ok).length
  const sum = ok ? `all is well: ${parts.length} of ${parts.length} parts` : `${wrong} of ${parts.length} parts failed`
  return `${sum} in ${seconds(millis)}${kept ? `; all it wrote is kept in ${folder}` : ""}`
}

/** What a whole self-test does, and a quick one. */
const sizes = {
  whole: { kills: 20, cuts: 40, seeds: 20 },
  quick: { kills: 4, cuts: 8, seeds: 2 }
} as const

/** `symbi selftest` */
export const selftest = Command.make(
  "selftest",
  {
    config: dataOptions.config,
    folder: Options.text("folder").pipe(
      Options.withPseudoName("folder"),
      Options.withDescription(
        "a folder on the disk to test (default the one beside the data folder, else a temporary one)"
      ),
      Options.optional
    ),
    only: Options.text("only").pipe(
      Options.withPseudoName("parts"),
      Options.withDescription("only these, with commas between: disk, kill, full, power, simulation, audit"),
      Options.optional
    ),
    quick: Options.boolean("quick").pipe(Options.withDescription("a short one: 4 kills, 8 cuts, 2 weeks")),
    kills: integerBetween("kills", 1, 100_000).pipe(
      Options.withDescription("how often the service is killed (default 20)"),
      Options.optional
    ),
    cuts: integerBetween("cuts", 1, 100_000).pipe(
      Options.withDescription("how often its power is cut (default 40)"),
      Options.optional
    ),
    seeds: integerBetween("seeds", 1, 100_000).pipe(
      Options.withDescription("how many weeks are simulated (default 20)"),
      Options.optional
    ),
    seed: integerBetween("seed", 0, 2_000_000_000).pipe(
      Options.withDescription("repeat what this seed brings about (default one by chance, which is told)"),
      Options.optional
    ),
    keep: Options.boolean("keep").pipe(Options.withDescription("keep the folder; one of a failed test is always kept")),
    format: oneOf("format", ["text", "json"]).pipe(
      Options.withDescription("text for people (the default), or json for programs"),
      Options.withDefault("text" as const)
    )
  },
  ({ config, cuts, folder, format, keep, kills, only, quick, seed, seeds }) =>
    Effect.gen(function* () {
      yield* endOnHangUp
      const { partNames, selftest: run } = yield* loaded
      const parts = Option.isNone(only) ? new Set(partNames) : yield* partsOf(only.value, partNames)
      const programs = yield* findPrograms
      const isText = format === "text"
      const live = showing(isText && (yield* isTerminal))
      const usual = quick ? sizes.quick : sizes.whole
      const report = yield* run({
        parts,
        kills: Option.getOrElse(kills, () => usual.kills),
        cuts: Option.getOrElse(cuts, () => usual.cuts),
        seeds: Option.getOrElse(seeds, () => usual.seeds),
        seed: Option.getOrUndefined(seed),
        folder: Option.getOrUndefined(folder),
        dataFolder: yield* dataFolder({ config, data: Option.none() }),
        keep,
        programs,
        begun: (place) =>
          isText
            ? Console.log(`in ${place.folder} (${Math.floor(place.free / 1_048_576)} MB free), seed ${place.seed}`)
            : Effect.void,
        progress: live.progress,
        ended: (part) => Effect.zipRight(live.clear, isText ? Console.log(render(part)) : Effect.void)
      }).pipe(
        Effect.onInterrupt(() => live.clear),
        Effect.catchTag("SelftestImpossible", ({ message, wrongUse }) =>
          wrongUse ? usage(message) : new CliError({ kind: "failed", message })
        )
      )
      yield* Console.log(isText ? said(report) : JSON.stringify(report, null, 2))
      if (!report.ok) {
        const names = report.parts.filter(({ ok }) => !ok).map(({ part }) => part)
        return yield* new CliError({ kind: "failed", message: `failed: ${names.join(", ")}` })
      }
    }).pipe(Effect.scoped)
).pipe(Command.withDescription("Prove on this machine and disk that nothing is lost or doubled; exit 1 if anything is"))
