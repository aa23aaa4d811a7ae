import * as Either from "effect/Either"
import type { RE2JS } from "re2js"
import type { ToolParameter } from "../../Domain/Tool.ts"

/** Longest arguments that are read, in characters. */
const maxLength = 262_144

const defaultMaxLength = 1_000

const listed = (words: ReadonlyArray<string>): string => words.map((word) => JSON.stringify(word)).join(", ")

/** Reads what a model gave to a tool. Left tells it what is wrong. */
export const readArguments = (
  text: string,
  allowed: ReadonlyArray<string>
): Either.Either<ReadonlyMap<string, unknown>, string> =>
  Either.gen(function* () {
    if (text.length > maxLength) return yield* Either.left(`the arguments are longer than ${maxLength} characters`)
    const parsed: unknown = yield* Either.try({
      // Some providers give no text for no arguments.
      try: () => JSON.parse(text.trim() === "" ? "{}" : text),
      catch: () => "the arguments are no JSON; give one JSON object"
    })
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
      return yield* Either.left("the arguments are no JSON object; give one")
    }
    const given = new Map<string, unknown>(Object.entries(parsed))
    const unknown = [...given.keys()].find((name) => !allowed.includes(name))
    if (unknown !== undefined) {
      const names = allowed.length === 0 ? "it takes none" : `it takes ${allowed.join(", ")}`
      return yield* Either.left(`there is no parameter ${JSON.stringify(unknown.slice(0, 100))}; ${names}`)
    }
    return given
  })

const stringText = (
  name: string,
  { max_length = defaultMaxLength, pattern, values }: ToolParameter,
  compiled: RE2JS | undefined,
  value: unknown
): Either.Either<string, string> => {
  if (typeof value !== "string") return Either.left(`"${name}" must be a string`)
  if (values !== undefined) {
    return values.includes(value) ? Either.right(value) : Either.left(`"${name}" must be one of ${listed(values)}`)
  }
  if (value.length > max_length) return Either.left(`"${name}" is longer than ${max_length} characters`)
  if (value.includes("\0") || !value.isWellFormed()) {
    return Either.left(`"${name}" holds a character that no argument can hold`)
  }
  // A program could take it for an option.
  if (value.startsWith("-")) return Either.left(`"${name}" must not begin with a minus sign`)
  return compiled?.matches(value) === true
    ? Either.right(value)
    : Either.left(`"${name}" must match, as a whole, the RE2 expression ${pattern}`)
}

/** The text that stands for a parameter's value in a command; undefined for one that was left out. Left tells why not. */
export const parameterText = (
  name: string,
  parameter: ToolParameter,
  compiled: RE2JS | undefined,
  value: unknown
): Either.Either<string | undefined, string> => {
  if (value === undefined || value === null) {
    return parameter.optional ? Either.right(undefined) : Either.left(`"${name}" is missing`)
  }
  const { max, min = 0, type } = parameter
  switch (type) {
    case "string":
      return stringText(name, parameter, compiled, value)
    case "boolean":
      return typeof value === "boolean" ? Either.right(String(value)) : Either.left(`"${name}" must be true or false`)
    case "integer":
    case "number": {
      const isRight = type === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value)
      if (typeof value !== "number" || !isRight) return Either.left(`"${name}" must be a JSON ${type}`)
      if (value < min || (max !== undefined && value > max)) {
        return Either.left(`"${name}" must be ${max === undefined ? `at least ${min}` : `between ${min} and ${max}`}`)
      }
      return Either.right(String(value))
    }
  }
}

const jsonTypes = { string: "string", integer: "integer", number: "number", boolean: "boolean" } as const

/** What a model is told of a parameter, as JSON Schema. RE2 is not the dialect of that, so patterns are told in words. */
export const parameterSchema = (parameter: ToolParameter): Readonly<Record<string, unknown>> => {
  const { description, max, max_length = defaultMaxLength, min = 0, pattern, type, values } = parameter
  const words = [
    ...(description === undefined ? [] : [description]),
    ...(pattern === undefined ? [] : [`Must match, as a whole, the RE2 expression ${pattern}`])
  ].join("\n")
  return {
    type: jsonTypes[type],
    ...(words === "" ? {} : { description: words }),
    ...(values === undefined ? {} : { enum: values }),
    ...(pattern === undefined ? {} : { maxLength: max_length }),
    ...(type === "integer" || type === "number" ? { minimum: min, ...(max === undefined ? {} : { maximum: max }) } : {})
  }
}
