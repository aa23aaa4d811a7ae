import { NodeFileSystem, NodePath, NodeTerminal } from "@effect/platform-node"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { exitCodeOf, runCli } from "../../src/Cli.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"

const live = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeTerminal.layer,
  ServiceEnvironment.layer({ variables: {}, directory: process.cwd() })
)

/** Runs the words of a command line in this process; what it prints, and its exit code. */
export const runHere = (words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const out: Array<string> = []
    const err: Array<string> = []
    const console = yield* Console.consoleWith(Effect.succeed)
    const exit = yield* Effect.exit(
      Console.withConsole(runCli(words), {
        ...console,
        log: (...texts: ReadonlyArray<unknown>) => Effect.sync(() => void out.push(...texts.map(String))),
        error: (...texts: ReadonlyArray<unknown>) => Effect.sync(() => void err.push(...texts.map(String)))
      })
    )
    return { out, err, code: exitCodeOf(exit, words) }
  }).pipe(Effect.provide(live))
