import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { exitCodeOf, runCli } from "./Cli.ts"
import { plainLogger } from "./PlainLogger.ts"
import { ServiceEnvironment } from "./ServiceEnvironment.ts"

const words = process.argv.slice(2)

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of a pipe (such as head) may close it early.
  process.exit(error.code === "EPIPE" ? 0 : 1)
})

const live = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeTerminal.layer,
  ServiceEnvironment.layer({ variables: process.env, directory: process.cwd() }),
  Logger.replace(Logger.defaultLogger, Logger.withConsoleError(plainLogger))
)

runCli(words).pipe(
  Effect.provide(live),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit, onExit) => onExit(exitCodeOf(exit, words))
  })
)
