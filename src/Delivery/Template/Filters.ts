import { localTimes } from "../../Domain/Instant.ts"
import type { Value } from "./Names.ts"

/** Changes what a place shows; the zone is the job's. */
export type Filter = (value: Value, timezone: string) => string

/** A filter as templates write it, with what must follow its colon. */
export type FilterRule =
  | { readonly argument: "none"; readonly make: () => Filter }
  | { readonly argument: "count"; readonly make: (count: number) => Filter }
  | { readonly argument: "text"; readonly make: (text: string) => Filter }

const plain = (change: (text: string) => string): FilterRule => ({
  argument: "none",
  make:
    () =>
    ({ text }) =>
      change(text)
})

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff

const truncated = (text: string, length: number): string => {
  if (text.length <= length) return text
  const end = length - 1
  return `${text.slice(0, isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end)}…`
}

const firstLine = (text: string): string => {
  const trimmed = text.trimStart()
  const end = trimmed.search(/[\r\n]/)
  return (end === -1 ? trimmed : trimmed.slice(0, end)).trimEnd()
}

/** The filter that must come first, as it takes an instant. */
export const ofInstants = "local"

/** The filter that must come last: what follows would break its quotes. */
export const closing = "json"

/** All filters. */
export const filters: ReadonlyMap<string, FilterRule> = new Map<string, FilterRule>([
  [closing, plain((text) => JSON.stringify(text))],
  ["upper", plain((text) => text.toUpperCase())],
  ["lower", plain((text) => text.toLowerCase())],
  ["trim", plain((text) => text.trim())],
  ["first_line", plain(firstLine)],
  [
    "truncate",
    {
      argument: "count",
      make:
        (count) =>
        ({ text }) =>
          truncated(text, count)
    }
  ],
  [
    "default",
    {
      argument: "text",
      make:
        (otherwise) =>
        ({ text }) =>
          text === "" ? otherwise : text
    }
  ],
  [
    ofInstants,
    {
      argument: "none",
      make:
        () =>
        ({ instant, text }, timezone) =>
          instant === null ? text : localTimes(timezone)(instant)
    }
  ]
])
