import * as Sse from "@effect/experimental/Sse"
import * as Either from "effect/Either"
import type { Said, WireFormat } from "./Wire.ts"

/** Longest event, in characters. */
const maxEventSize = 1_048_576

/** What some bytes of a stream brought: what was said, and what is wrong with what came after that. */
export interface Heard {
  readonly said: ReadonlyArray<Said>
  readonly wrong?: string | undefined
}

/** Reads a stream of events piece by piece, wherever it is cut. After something wrong it is not to be used. */
export const makeEventReader = ({ read }: WireFormat): ((bytes: Uint8Array) => Heard) => {
  const decoder = new TextDecoder()
  let said: Array<Said> = []
  let wrong: string | undefined
  const parser = Sse.makeParser(
    (event) => {
      if (event._tag === "Retry" || wrong !== undefined) return
      Either.match(read(event.data), {
        onLeft: (problem) => {
          wrong = problem
        },
        onRight: (more) => {
          said.push(...more)
        }
      })
    },
    { maxEventSize }
  )
  return (bytes) => {
    const error = parser.feed(decoder.decode(bytes, { stream: true }))
    if (error !== undefined) wrong ??= `it is longer than ${maxEventSize} characters`
    const heard = { said, wrong }
    said = []
    return heard
  }
}
