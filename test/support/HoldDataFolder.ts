import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { lockDataFolder } from "../../src/JobStore/DataLock.ts"

/** Takes the lock of a data folder and holds it until it is killed; says `locked`, or why not. */
const program = lockDataFolder(process.argv[2] ?? ".").pipe(
  Effect.andThen(Console.log("locked")),
  Effect.andThen(Effect.never),
  Effect.scoped,
  Effect.catchAll((error) => Console.log(`${error._tag}: ${error.message}`))
)

NodeRuntime.runMain(program)
