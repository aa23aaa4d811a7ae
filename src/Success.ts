import * as Either from "effect/Either"
import { JSONPathEnvironment, type JSONPathQuery, type JSONValue, jsonpath } from "json-p3"
import { RE2JS } from "re2js"
import type { Issue } from "./Domain/Job.ts"
import type { SuccessWhen } from "./Domain/Success.ts"

/** What a run gave, as far as its success depends on it. */
export interface Given {
  readonly output: string
  /** Undefined for agents that are no commands. */
  readonly exit_code: number | undefined
}

const environment = new JSONPathEnvironment()
// These two run regular expressions that may take for ever; `output_matches` is for that.
for (const name of ["match", "search"]) environment.functionRegister.delete(name)

const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

const compilePattern = (text: string): Either.Either<RE2JS, string> =>
  Either.try({ try: () => RE2JS.compile(text), catch: reasonOf })

/** Whether a value is as the condition says. Throws for values that are nested too deep. */
type Condition = (value: JSONValue) => boolean

const compile = (text: string): Either.Either<JSONPathQuery, string> =>
  Either.try({ try: () => environment.compile(text), catch: (thrown) => reasonOf(thrown).replace(/ \('.*$/s, "") })

const occurrences = (text: string, part: string): number => text.split(part).length - 1

const selects =
  (query: JSONPathQuery): Condition =>
  (value) => {
    const values = query.query(value).values()
    return values.length > 0 && values.every((one) => one !== false && one !== null)
  }

/** The expression of a query that is one filter, to be asked about a value itself, not about its members. */
const expressionOf = ({ segments }: JSONPathQuery): Either.Either<Condition, string> => {
  const [segment, more] = segments
  const [selector, other] = segment?.selectors ?? []
  return selector instanceof jsonpath.selectors.FilterSelector && more === undefined && other === undefined
    ? Either.right((value) => selector.expression.evaluate({ environment, currentValue: value, rootValue: value }))
    : Either.left("is no comparison")
}

const compileCondition = (text: string): Either.Either<Condition, string> => {
  // Each further one multiplies the work by the size of the output.
  if (occurrences(text, "..") > 1 || occurrences(text, "[?") > 1) {
    return Either.left("at most one .. and one [? ] are taken")
  }
  const path = compile(text)
  if (Either.isLeft(path)) {
    return Either.mapLeft(Either.flatMap(compile(`$[?${text}]`), expressionOf), () => path.left)
  }
  if (text.includes("[?") && text.lastIndexOf("$") > 0) {
    return Either.left("a filter looks at @, the member in question, and not at $")
  }
  return Either.right(selects(path.right))
}

/** What is wrong with the conditions themselves. */
export const successIssues = (when: SuccessWhen | undefined): ReadonlyArray<Issue> => {
  if (when === undefined) return []
  const issue = (path: string, checked: Either.Either<unknown, string> | undefined, example: string) =>
    checked !== undefined && Either.isLeft(checked)
      ? [{ path: `success_when.${path}`, message: `${checked.left}; write for example ${example}` }]
      : []
  const { json_path, output_matches } = when
  return [
    ...issue("output_matches", output_matches === undefined ? undefined : compilePattern(output_matches), '"(?i)done"'),
    ...issue("json_path", json_path === undefined ? undefined : compileCondition(json_path), '"$.errors == 0"')
  ]
}

const parseJson = (text: string): Either.Either<JSONValue, unknown> => Either.try(() => JSON.parse(text) as JSONValue)

/** The output as JSON, or its last line: agents talk before they report. */
const jsonOf = (output: string): Either.Either<JSONValue, unknown> => {
  const text = output.trim()
  return Either.orElse(parseJson(text), () => parseJson(text.slice(text.lastIndexOf("\n") + 1)))
}

const jsonFailure = (json_path: string, output: string): string | undefined => {
  const value = jsonOf(output)
  if (Either.isLeft(value)) return `success_when.json_path: neither the output nor its last line is JSON`
  const condition = compileCondition(json_path)
  if (Either.isLeft(condition)) return `success_when.json_path: ${condition.left}`
  return Either.match(
    Either.try(() => condition.right(value.right)),
    {
      onLeft: () => "success_when.json_path: the output's JSON is nested too deep",
      onRight: (holds) => (holds ? undefined : `success_when.json_path: ${json_path} does not hold`)
    }
  )
}

const patternFailure = (output_matches: string, output: string): string | undefined => {
  const pattern = compilePattern(output_matches)
  if (Either.isLeft(pattern)) return `success_when.output_matches: ${pattern.left}`
  return pattern.right.matcher(output).find()
    ? undefined
    : `success_when.output_matches: nothing in the output matches ${output_matches}`
}

/** Whether an exit code is a success: 0, unless the conditions name others. */
export const isSuccessfulExit = (when: SuccessWhen | undefined, exit_code: number): boolean => {
  const asked = when?.exit_code
  return asked === undefined ? exit_code === 0 : [asked].flat().includes(exit_code)
}

/** Why what an agent gave is no success after all; undefined when it is one. */
export const whyNoSuccess = (when: SuccessWhen | undefined, { exit_code, output }: Given): string | undefined => {
  if (when === undefined) return undefined
  if (exit_code !== undefined && !isSuccessfulExit(when, exit_code)) {
    return `success_when.exit_code: it exited with code ${exit_code}, and ${[when.exit_code].flat().join(", ")} is asked for`
  }
  return (
    (when.output_matches === undefined ? undefined : patternFailure(when.output_matches, output)) ??
    (when.json_path === undefined ? undefined : jsonFailure(when.json_path, output))
  )
}
