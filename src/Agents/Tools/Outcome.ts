import type * as Effect from "effect/Effect"
import type { ToolSpec } from "../Models.ts"

/** What a use of a tool gave. */
export interface Outcome {
  readonly text: string
  /** Whether there was more than `text` holds. */
  readonly more: boolean
  /** Why it was refused or failed, in short. */
  readonly error: string | undefined
}

/** What one use may take. */
export interface Allowance {
  /** Bytes of text worth collecting. */
  readonly bytes: number
  /** In ms. */
  readonly time: number
}

/** A tool of one kind, ready for one run. */
export interface ReadyTool {
  readonly spec: Omit<ToolSpec, "name">
  /** What its texts and its record may not repeat. */
  readonly secrets: ReadonlyArray<string>
  /** `given` holds names of the specification alone. */
  readonly run: (given: ReadonlyMap<string, unknown>, allowance: Allowance) => Effect.Effect<Outcome>
}

/** An outcome that tells the model what it may not do, or may do instead. */
export const refused = (error: string): Outcome => ({ text: error, more: false, error })

/** A JSON Schema of an object with these properties. */
export const objectSchema = (
  properties: Readonly<Record<string, unknown>>,
  required: ReadonlyArray<string> = Object.keys(properties)
) => ({ type: "object", properties, required, additionalProperties: false })

/** Collects the beginning of what is written to it. */
export const makeHead = (limit: number) => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  return {
    add: (chunk: Uint8Array): void => {
      const room = limit - size
      size += chunk.byteLength
      if (room > 0) chunks.push(chunk.subarray(0, room))
    },
    bytes: (): Buffer => Buffer.concat(chunks),
    /** Whether there was more. */
    more: (): boolean => size > limit
  }
}

/** Text for a model: bytes that hold a NUL are none. A character that was cut through is left out. */
export const textOf = (bytes: Uint8Array, more: boolean): string | undefined =>
  bytes.includes(0) ? undefined : new TextDecoder().decode(bytes, { stream: more })
