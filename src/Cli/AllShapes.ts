import * as Effect from "effect/Effect"
import { commandNames, commands } from "./Commands.ts"
import { type CommandShape, shapeOf } from "./Shape.ts"

/** The shapes of all commands; loads them all. */
export const allShapes: Effect.Effect<ReadonlyArray<CommandShape>> = Effect.map(
  Effect.promise(() => Promise.all(commandNames.map((name) => commands[name]()))),
  (loaded) => loaded.map(({ descriptor }, index) => shapeOf(descriptor, [commandNames[index] ?? ""]))
)
