import * as Either from "effect/Either"
import { RE2JS } from "re2js"
import { parseHostPattern } from "../Network/HostPattern.ts"
import type { ModelAgent } from "./Agent.ts"
import type { Issue } from "./Job.ts"
import { type Tool, type ToolParameter, toolKinds } from "./Tool.ts"

const placeholder = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/** The parameters that an argument of a command names as `{name}`, each once. */
export const placeholdersIn = (argument: string): ReadonlyArray<string> => [
  ...new Set(Array.from(argument.matchAll(placeholder), ([, name = ""]) => name))
]

/** An argument with texts in the place of its parameters. What is put in is not looked at again. */
export const fillPlaceholders = (argument: string, valueOf: (name: string) => string): string =>
  argument.replace(placeholder, (_, name: string) => valueOf(name))

/** Reads an RE2 expression; left says what is wrong with it. */
export const compilePattern = (pattern: string): Either.Either<RE2JS, string> =>
  Either.try({
    try: () => RE2JS.compile(pattern),
    catch: (error) => (error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : String(error))
  })

const idleOf = (parameter: ToolParameter): ReadonlyArray<keyof ToolParameter> => {
  const ofStrings = ["values", "pattern", "max_length"] as const
  const ofNumbers = ["min", "max"] as const
  const idle =
    parameter.type === "string" ? ofNumbers : parameter.type === "boolean" ? [...ofStrings, ...ofNumbers] : ofStrings
  return idle.filter((key) => parameter[key] !== undefined)
}

const parameterIssues = (name: string, parameter: ToolParameter): ReadonlyArray<Issue> => {
  const issues: Array<Issue> = []
  const issue = (path: string, message: string) => issues.push({ path, message })
  const { max, min = 0, pattern, type, values } = parameter
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) {
    issue("", "the name of a parameter has letters, digits and _ alone, and begins with no digit")
  }
  for (const key of idleOf(parameter)) issue(`.${key}`, `has no meaning for a parameter of type ${type}`)
  if (type === "string" && values === undefined && pattern === undefined) {
    issue("", "a string needs values (one of these) or pattern (an RE2 expression for the whole text)")
  }
  if (values !== undefined && pattern !== undefined) issue(".pattern", "takes only one of values and pattern")
  for (const [index, value] of (values ?? []).entries()) {
    if (value.includes("\0")) issue(`.values.${index}`, "no argument of a command can hold a NUL character")
  }
  const compiled = pattern === undefined ? undefined : compilePattern(pattern)
  if (compiled !== undefined && Either.isLeft(compiled)) {
    issue(".pattern", `is no RE2 expression: ${compiled.left}`)
  }
  if ((type === "integer" || type === "number") && max !== undefined && max < min) {
    issue(".max", `is less than min (${min}${parameter.min === undefined ? ", as none is given" : ""})`)
  }
  return issues
}

const commandIssues = ([program, ...args]: readonly [string, ...Array<string>], tool: Tool): ReadonlyArray<Issue> => {
  const parameters = tool.parameters ?? {}
  const [inProgram] = placeholdersIn(program)
  const named = new Set(args.flatMap(placeholdersIn))
  return [
    ...(inProgram === undefined
      ? []
      : [
          {
            path: "command.0",
            message: `the program itself is not for the model to choose: {${inProgram}} stands in it`
          }
        ]),
    ...args.flatMap((argument, index) =>
      placeholdersIn(argument)
        .filter((name) => !Object.hasOwn(parameters, name))
        .map((name) => ({
          path: `command.${index + 1}`,
          message: `{${name}} names no parameter; declare it in parameters, or put a space into the braces if they stand for themselves`
        }))
    ),
    ...Object.entries(parameters).flatMap(([name, parameter]) => [
      ...(named.has(name)
        ? []
        : [{ path: `parameters.${name}`, message: `no argument of the command names {${name}}` }]),
      ...parameterIssues(name, parameter).map(({ message, path }) => ({ path: `parameters.${name}${path}`, message }))
    ])
  ]
}

/** What only one kind of tool has. */
const ofKind = { parameters: "command", env: "command", headers: "http_get" } as const

const issuesOf = (tool: Tool): ReadonlyArray<Issue> => {
  const kind = toolKinds.find((one) => tool[one] !== undefined)
  const astray = (["parameters", "env", "headers"] as const)
    .filter((key) => tool[key] !== undefined && ofKind[key] !== kind)
    .map((key) => ({ path: key, message: `belongs to tools with '${ofKind[key]}'; this one has '${kind}'` }))
  const hosts = (tool.http_get ?? []).flatMap((text, index) => {
    const parsed = parseHostPattern(text)
    return Either.isLeft(parsed) ? [{ path: `http_get.${index}`, message: parsed.left }] : []
  })
  return [...astray, ...(tool.command === undefined ? [] : commandIssues(tool.command, tool)), ...hosts]
}

/** What is wrong with the tools of an agent beyond their fields, with paths such as `tools.NAME.parameters.since`. */
export const toolIssues = ({ tools = {} }: Pick<ModelAgent, "tools">): ReadonlyArray<Issue> =>
  Object.entries(tools).flatMap(([name, tool]) =>
    issuesOf(tool).map(({ message, path }) => ({ path: `tools.${name}.${path}`, message }))
  )
