import type { Span } from "./Source.ts"

/** A value as written. `duration` holds normal duration text (`60.seconds` is `60s`); `broken` was reported already. */
export type Value =
  | { readonly kind: "string"; readonly text: string; readonly span: Span }
  | { readonly kind: "word"; readonly text: string; readonly span: Span }
  | { readonly kind: "number"; readonly value: number; readonly span: Span }
  | { readonly kind: "boolean"; readonly value: boolean; readonly span: Span }
  | { readonly kind: "duration"; readonly text: string; readonly span: Span }
  | { readonly kind: "list"; readonly items: ReadonlyArray<Value>; readonly complete: boolean; readonly span: Span }
  | { readonly kind: "map"; readonly body: Body; readonly span: Span }
  | { readonly kind: "broken"; readonly span: Span }

/** One `key: value` of a block. */
export interface Entry {
  readonly key: string
  readonly keySpan: Span
  readonly value: Value
}

/** The entries of a block; incomplete if something in it could not be read. */
export interface Body {
  readonly entries: ReadonlyArray<Entry>
  readonly complete: boolean
}

/** A name with its place. */
export interface Named {
  readonly text: string
  readonly span: Span
}

/** A `schedule` block. `head` is what precedes the brace, `span` the whole block. */
export interface ScheduleSyntax {
  readonly name: Named | undefined
  readonly head: Span
  readonly span: Span
  readonly body: Body
}

/** An `agent` block, with the schedules inside it. */
export interface AgentSyntax {
  readonly name: Named
  readonly head: Span
  readonly span: Span
  readonly body: Body
  readonly schedules: ReadonlyArray<ScheduleSyntax>
}

/** What a file holds, in the order of the text. */
export type Item =
  | { readonly kind: "schedule"; readonly schedule: ScheduleSyntax }
  | { readonly kind: "agent"; readonly agent: AgentSyntax }
