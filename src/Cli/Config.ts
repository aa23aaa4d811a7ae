import * as Command from "@effect/cli/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { EffectiveSetting } from "../Settings.ts"
import { format } from "./Arguments.ts"
import { printCsv } from "./Csv.ts"
import { unusable } from "./Errors.ts"
import { instant } from "./Show.ts"
import { type Column, printTable } from "./Table.ts"
import { serviceOptions } from "./Up.ts"

const columns: ReadonlyArray<Column<EffectiveSetting>> = [
  { name: "KEY", value: ({ key }) => key },
  { name: "VALUE", value: ({ value }) => String(value), flexible: true },
  { name: "FROM", value: ({ from }) => from, flexible: true }
]

const print = (settings: ReadonlyArray<EffectiveSetting>, as: "table" | "json" | "csv") => {
  switch (as) {
    case "json":
      return Console.log(JSON.stringify(settings, null, 2))
    case "csv":
      return printCsv(
        ["key", "value", "from"],
        settings.map(({ from, key, value }) => [key, String(value), from])
      )
    case "table":
      return printTable(settings, columns, instant)
  }
}

/** `symbi config` */
export const config = Command.make("config", { ...serviceOptions, format }, (options) =>
  Effect.gen(function* () {
    const { configuration } = yield* Effect.promise(() => import("../main.ts"))
    const { effective, warnings } = yield* configuration(options).pipe(
      Effect.provide(NodeContext.layer),
      Effect.mapError(unusable)
    )
    yield* Effect.forEach(warnings, (warning) => Console.error(`warning: ${warning}`), { discard: true })
    yield* print(effective, options.format)
  })
).pipe(Command.withDescription("Show the configuration that the service would run on, and where each value comes from"))
