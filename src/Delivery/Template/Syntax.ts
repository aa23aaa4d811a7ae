import type { Filter } from "./Filters.ts"
import type { Name } from "./Names.ts"

/** What is wrong with a template, and where; line and column count from 1. */
export interface TemplateProblem {
  readonly message: string
  readonly line: number
  readonly column: number
}

/** A value and what changes it. */
export interface Place {
  readonly kind: "place"
  readonly value: Name | string
  readonly filters: ReadonlyArray<Filter>
  /** The name, or the text, as it is written. */
  readonly written: string
  /** Whether the value is put in as JSON, with its own quotes. */
  readonly isJson: boolean
}

/** Whether a name stands for anything; or, with a word, whether it stands for it. */
export interface Test {
  readonly name: Name
  readonly word: string | null
  readonly negated: boolean
}

/** A text between places, a place, or a choice. */
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | Place
  | {
      readonly kind: "if"
      readonly test: Test
      readonly yes: ReadonlyArray<Node>
      readonly no: ReadonlyArray<Node>
    }
