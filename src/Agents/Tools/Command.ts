import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { RE2JS } from "re2js"
import { withoutThese } from "../../Delivery.ts"
import { formatDuration } from "../../Domain/Duration.ts"
import type { Tool, ToolParameter } from "../../Domain/Tool.ts"
import { compilePattern, fillPlaceholders, placeholdersIn } from "../../Domain/ToolIssues.ts"
import * as ProcessGroup from "../../ProcessGroup.ts"
import { makeLogFeed } from "../Output.ts"
import { parameterSchema, parameterText } from "./Arguments.ts"
import { type Allowance, makeHead, type Outcome, objectSchema, type ReadyTool, refused, textOf } from "./Outcome.ts"

type Command = NonNullable<Tool["command"]>

/** What a command tool needs of its run and its service. */
export interface CommandParts {
  /** Variables of the process, resolved. */
  readonly env: Readonly<Record<string, string>>
  readonly secrets: ReadonlyArray<string>
  readonly directory: string
  readonly live: Set<number>
}

interface Parameter {
  readonly definition: ToolParameter
  readonly compiled: RE2JS | undefined
}

const parametersOf = (tool: Tool): ReadonlyMap<string, Parameter> =>
  new Map(
    Object.entries(tool.parameters ?? {}).map(([name, definition]) => [
      name,
      {
        definition,
        compiled:
          definition.pattern === undefined ? undefined : Either.getOrUndefined(compilePattern(definition.pattern))
      }
    ])
  )

/**
 * The command with texts in the place of its parameters: each argument stays one argument, and one that names a
 * parameter which was left out is left out, too. Left tells the model what is wrong.
 */
const fill = (
  [program, ...args]: Command,
  parameters: ReadonlyMap<string, Parameter>,
  given: ReadonlyMap<string, unknown>
): Either.Either<Command, string> =>
  Either.map(
    Either.all(
      [...parameters].map(([name, { compiled, definition }]) =>
        Either.map(parameterText(name, definition, compiled, given.get(name)), (text) => [name, text] as const)
      )
    ),
    (texts) => {
      const textByName = new Map(texts)
      const valueOf = (name: string) => textByName.get(name)
      const kept = args.filter((argument) => placeholdersIn(argument).every((name) => valueOf(name) !== undefined))
      return [program, ...kept.map((argument) => fillPlaceholders(argument, (name) => valueOf(name) ?? ""))]
    }
  )

const told = (exit: ProcessGroup.ProcessExit | undefined, time: number): string | undefined => {
  if (exit === undefined) return `it took longer than ${formatDuration(time)} and was ended`
  if (exit.code === null) return `it was killed by signal ${exit.signal}`
  return exit.code === 0 ? undefined : `exit code ${exit.code}`
}

const run = Effect.fnUntraced(function* (command: Command, parts: CommandParts, { bytes, time }: Allowance) {
  const { secrets } = parts
  const head = makeHead(bytes)
  const errors = makeLogFeed()
  const outcomeOf = (exit: ProcessGroup.ProcessExit | undefined): Outcome => {
    const error = told(exit, time)
    const output = textOf(head.bytes(), head.more()) ?? `(binary, ${head.bytes().length} bytes or more; not shown)`
    const tail = errors.tail(withoutThese(secrets))
    if (error === undefined) {
      const text = output === "" ? "(exit code 0, no output)" : output
      return { text, more: head.more(), error }
    }
    const parts = [error, ...(tail === "" ? [] : [`stderr: ${tail}`]), ...(output === "" ? [] : [`stdout: ${output}`])]
    return { text: parts.join("\n"), more: head.more(), error: tail === "" ? error : `${error}: ${tail}` }
  }
  const acquire = Effect.gen(function* () {
    const group = yield* ProcessGroup.start({ command, env: parts.env, directory: parts.directory })
    parts.live.add(group.pid)
    group.stdout.on("data", head.add)
    group.stderr.on("data", (chunk: Uint8Array) => void errors.add(chunk))
    group.stdin.end()
    return group
  })
  return yield* Effect.acquireUseRelease(
    acquire,
    (group) =>
      Effect.gen(function* () {
        const exit = yield* Deferred.await(group.exited).pipe(Effect.timeoutOption(time))
        // A process that was left behind may hold the pipes for ever.
        if (Option.isSome(exit)) yield* Effect.timeoutOption(Deferred.await(group.closed), ProcessGroup.killGrace)
        return outcomeOf(Option.getOrUndefined(exit))
      }),
    (group) =>
      Effect.gen(function* () {
        yield* ProcessGroup.terminate(group.pid)
        parts.live.delete(group.pid)
        // Only a process that left the group can hold the pipes now.
        yield* Deferred.await(group.closed).pipe(
          Effect.interruptible,
          Effect.timeoutOption("1 second"),
          Effect.withClock(Clock.make())
        )
        group.stdout.destroy()
        group.stderr.destroy()
      })
  ).pipe(Effect.catchTag("ProcessNotStarted", ({ message }) => Effect.succeed(refused(message))))
})

/** A program with arguments of which the model chooses the parameters, and nothing else; no shell reads them. */
export const commandTool = (command: Command, tool: Tool, parts: CommandParts): ReadyTool => {
  const parameters = parametersOf(tool)
  const properties = Object.fromEntries(
    [...parameters].map(([name, { definition }]) => [name, parameterSchema(definition)])
  )
  const required = [...parameters].flatMap(([name, { definition }]) => (definition.optional ? [] : [name]))
  return {
    spec: {
      description: tool.description ?? `Runs a program: ${command.join(" ")}`,
      parameters: objectSchema(properties, required)
    },
    secrets: parts.secrets,
    run: (given, allowance) =>
      Either.match(fill(command, parameters, given), {
        onLeft: (problem) => Effect.succeed(refused(problem)),
        onRight: (filled) => run(filled, parts, allowance)
      })
  }
}
