import type { ErrorTag, ownFailures } from "./Failures.ts"

/** What the document says of one route beside what its definition says. Examples are as on the wire. */
export interface Operation {
  /** What it does and when it fails, in Markdown of no more than paragraphs and code. */
  readonly description: string
  /** What its service can give; see `errorsOf`. */
  readonly errors?: ReadonlyArray<ErrorTag>
  /** The code that its errors have in place of their own; of some, by name. */
  readonly code?: string
  readonly codes?: Partial<Readonly<Record<ErrorTag, string>>>
  readonly own?: ReadonlyArray<keyof typeof ownFailures>
  /** An example, and the name under which the schema of the body stands. */
  readonly body?: { readonly schema: string; readonly example: unknown }
  /** The name under which the schema of the answer stands, where its definition has lost it. */
  readonly answers?: string
  /** Example of the answer when all goes well; text where it is no JSON. */
  readonly answer: unknown
  /** Example of the answer of a scheduler that is down. */
  readonly down?: unknown
}

/** Of the routes of a group, by their names. */
export type Operations = Readonly<Record<string, Operation>>
