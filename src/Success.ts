import * as Either from "effect/Either"
import { JSONPathEnvironment, type JSONPathQuery, type JSONValue } from "json-p3"
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

/** A path, or a comparison as a filter of one: the latter selects something exactly when it holds. */
interface Condition {
  readonly query: JSONPathQuery
  readonly isPath: boolean
}

const compile = (text: string): Either.Either<JSONPathQuery, string> =>
  Either.try({ try: () => environment.compile(text), catch: (thrown) => reasonOf(thrown).replace(/ \('.*$/s, "") })

const occurrences = (text: string, part: string): number => text.split(part).length - 1

const compileCondition = (text: string): Either.Either<Condition, string> => {
  // Each further one multiplies the work by the size of the output.
  if (occurrences(text, "..") > 1 || occurrences(text, "[?") > 1) {
    return Either.left("at most one .. and one [? ] are taken")
  }
  const path = compile(text)
  if (Either.isRight(path)) return Either.right({ query: path.right, isPath: true })
  return Either.mapBoth(compile(`$[?${text}]`), {
    onLeft: () => path.left,
    onRight: (query) => ({ query, isPath: false })
  })
}

/** What is wrong with the conditions themselves. */
export const successIssues = (when: SuccessWhen | undefined): ReadonlyArray<Issue> => {
  const issue = (path: string, checked: Either.Either<unknown, string> | undefined, example: string) =>
    checked !== undefined && Either.isLeft(checked)
      ? [{ path: `success_when.${path}`, message: `${checked.left}; write for example ${example}` }]
      : []
  const { json_path, output_matches } = when ?? {}
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

const holds = ({ isPath, query }: Condition, value: JSONValue): boolean => {
  const values = query.query(value).values()
  // Of a comparison, a filter selects all members of the value or none.
  return values.length > 0 && (!isPath || values.every((one) => one !== false && one !== null))
}

const jsonFailure = (json_path: string, output: string): string | undefined => {
  const value = jsonOf(output)
  if (Either.isLeft(value)) return `success_when.json_path: neither the output nor its last line is JSON`
  const condition = compileCondition(json_path)
  if (Either.isLeft(condition)) return `success_when.json_path: ${condition.left}`
  return holds(condition.right, value.right) ? undefined : `success_when.json_path: ${json_path} does not hold`
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
