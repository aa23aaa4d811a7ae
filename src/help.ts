import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import { commandNames, commands } from "./Cli/Commands.ts"
import { runCli } from "./Cli.ts"
import { ServiceEnvironment } from "./ServiceEnvironment.ts"
import { version } from "./Version.ts"

// Prints all help pages, and the version, as JSON by the words that ask for them. The build keeps them: `symbi --help` then loads none
// of the commands that it tells of.

const live = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeTerminal.layer,
  ServiceEnvironment.layer({ variables: {}, directory: process.cwd() })
)

const page = (words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const printed: Array<string> = []
    const console = yield* Console.consoleWith(Effect.succeed)
    const capturing = {
      ...console,
      log: (...texts: ReadonlyArray<unknown>) => Effect.sync(() => void printed.push(...texts.map(String)))
    }
    yield* Console.withConsole(runCli([...words, "--help"]), capturing)
    return [words.join(" "), printed.join("\n")] as const
  })

const pages = Effect.gen(function* () {
  const loaded = yield* Effect.promise(() => Promise.all(commandNames.map((name) => commands[name]())))
  const paths = loaded.flatMap(({ descriptor }, index) => {
    const name = commandNames[index] ?? ""
    const under = [...HashMap.keys(CommandDescriptor.getSubcommands<unknown>(descriptor))]
    return [[name], ...under.filter((child) => child !== name).map((child) => [name, child])]
  })
  return Object.fromEntries([["--version", version], ...(yield* Effect.forEach([[], ...paths], page))])
})

Effect.runPromise(Effect.provide(pages, live)).then((all) => process.stdout.write(JSON.stringify(all)))
