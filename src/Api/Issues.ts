import * as Arr from "effect/Array"
import * as ParseResult from "effect/ParseResult"
import type { Issue } from "../Domain/Job.ts"
import { nearest } from "../Suggestion.ts"

interface RawIssue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
}

const shorten = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length)}…`)

const unknownKey = (key: string, expected: string): string => {
  const known = expected.split(" | ").map((name) => name.replaceAll('"', ""))
  const meant = nearest(key, known)
  return meant === undefined ? `unknown key; known keys: ${known.join(", ")}` : `unknown key; did you mean "${meant}"?`
}

const expectation = (expected: ReadonlyArray<string>, actual: string): string => {
  const words = expected.map((text) => (/^Struct \(|^\{/.test(text) ? "a JSON object" : text))
  return `expected ${words.length === 1 ? words[0] : `one of ${words.join(", ")}`}; got ${shorten(actual, 80)}`
}

/** A schema reports each member of a union on its own line; people want one sentence for each place. */
const sentence = (key: string, messages: ReadonlyArray<string>): string => {
  const expected: Array<string> = []
  const others: Array<string> = []
  let got = ""
  for (const message of messages) {
    const [, wanted, actual] = /^Expected ([\s\S]+), actual ([\s\S]*)$/.exec(message) ?? []
    if (wanted === undefined || actual === undefined) others.push(message)
    else if (!expected.includes(wanted)) {
      expected.push(wanted)
      got = actual
    }
  }
  const wanted = expected.length > 1 || others.length > 0 ? expected.filter((text) => text !== "null") : expected
  const sentences = others.map((message) => {
    const unexpected = /^is unexpected, expected: ([\s\S]+)$/.exec(message)?.[1]
    if (unexpected !== undefined) return unknownKey(key, unexpected)
    if (message === "is missing") return "is required"
    return shorten(/^an? /.test(message) ? `must be ${message}` : message, 500)
  })
  if (wanted.length > 0) sentences.unshift(expectation(wanted, got))
  return sentences.join("; or ")
}

/** What is wrong with some input, one issue for each place, in words: path `policy.allowed_hours`, message. */
export const readableIssues = (raw: ReadonlyArray<RawIssue>): ReadonlyArray<Issue> => {
  const byPath = new Map<string, { readonly key: string; readonly messages: Array<string> }>()
  for (const { path, message } of raw) {
    const text = shorten(path.map(String).join("."), 200)
    const group = byPath.get(text)
    if (group === undefined) byPath.set(text, { key: String(path.at(-1) ?? ""), messages: [message] })
    else group.messages.push(message)
  }
  const paths = [...byPath.keys()]
  const isNoise = (path: string, messages: ReadonlyArray<string>) =>
    messages.every((message) => message.startsWith("Expected null,")) &&
    paths.some((other) => other !== path && other.startsWith(path === "" ? "" : `${path}.`))
  return [...byPath]
    .filter(([path, { messages }]) => !isNoise(path, messages))
    .map(([path, { key, messages }]) => ({ path, message: sentence(key, messages) }))
}

/** Issues that are told of; a body can hold a million of them. */
const mostIssues = 20

/** An issue with no more than so many within it, counted down in `left`. */
const bounded = (issue: ParseResult.ParseIssue, left: { count: number }): ParseResult.ParseIssue | undefined => {
  switch (issue._tag) {
    case "Composite": {
      const kept: Array<ParseResult.ParseIssue> = []
      for (const one of Arr.ensure(issue.issues)) {
        if (left.count <= 0) break
        const inner = bounded(one, left)
        if (inner !== undefined) kept.push(inner)
      }
      const [first, ...rest] = kept
      return first === undefined ? undefined : new ParseResult.Composite(issue.ast, issue.actual, [first, ...rest])
    }
    case "Pointer": {
      const inner = bounded(issue.issue, left)
      return inner === undefined ? undefined : new ParseResult.Pointer(issue.path, issue.actual, inner)
    }
    case "Refinement": {
      const inner = bounded(issue.issue, left)
      return inner && new ParseResult.Refinement(issue.ast, issue.actual, issue.kind, inner)
    }
    case "Transformation": {
      const inner = bounded(issue.issue, left)
      return inner && new ParseResult.Transformation(issue.ast, issue.actual, issue.kind, inner)
    }
    default:
      left.count -= 1
      return issue
  }
}

/** The first issues of what was refused, as people read them. */
export const firstIssues = (issue: ParseResult.ParseIssue): ReadonlyArray<Issue> => {
  const left = { count: mostIssues + 1 }
  const issues = readableIssues(ParseResult.ArrayFormatter.formatIssueSync(bounded(issue, left) ?? issue))
  return left.count > 0
    ? issues
    : [...issues.slice(0, mostIssues), { path: "", message: "and more; correct these first" }]
}

/** The issues of a failed decoding. */
export const issuesOf = (error: ParseResult.ParseError): ReadonlyArray<Issue> =>
  readableIssues(ParseResult.ArrayFormatter.formatErrorSync(error))

/** Issues as one line of text. */
export const issueText = (issues: ReadonlyArray<Issue>): string =>
  issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ")
