import * as Either from "effect/Either"
import { makeLineReader } from "./Lines.ts"
import type { Said, WireFormat } from "./Wire.ts"

/** Longest event, in characters. */
const maxEventSize = 1_048_576

/** What some bytes of a stream brought: what was said, and what is wrong with what came after that. */
export interface Heard {
  readonly said: ReadonlyArray<Said>
  /** How many events could be read, with those that said nothing. */
  readonly events: number
  readonly wrong?: string | undefined
}

/** Reads the data of events (WHATWG HTML, "Server-sent events"); false once one is too long. */
export const makeDataReader = (onData: (data: string) => void): ((bytes: Uint8Array) => boolean) => {
  // Leaves the byte order mark out, as the standard wants it.
  const decoder = new TextDecoder()
  let data: string | undefined
  let fits = true
  const lines = makeLineReader((line) => {
    if (line === "") {
      if (data !== undefined && fits) onData(data)
      data = undefined
      return
    }
    const colon = line.indexOf(":")
    const field = colon < 0 ? line : line.slice(0, colon)
    // The kind of an event stands in its data, too; ids are for connections that are made anew.
    if (field !== "data") return
    const value = colon < 0 ? "" : line.slice(line.startsWith(" ", colon + 1) ? colon + 2 : colon + 1)
    data = data === undefined ? value : `${data}\n${value}`
    if (data.length > maxEventSize) fits = false
  })
  return (bytes) => {
    lines.add(decoder.decode(bytes, { stream: true }))
    return fits && (data?.length ?? 0) + lines.open() <= maxEventSize
  }
}

/** Reads a stream of events piece by piece, wherever it is cut. After something wrong it is not to be used. */
export const makeEventReader = ({ read }: WireFormat): ((bytes: Uint8Array) => Heard) => {
  let said: Array<Said> = []
  let events = 0
  let wrong: string | undefined
  const add = makeDataReader((data) => {
    // Some servers keep connections open by events without data.
    if (wrong !== undefined || data === "") return
    Either.match(read(data), {
      onLeft: (problem) => {
        wrong = problem
      },
      onRight: (more) => {
        events++
        said.push(...more)
      }
    })
  })
  return (bytes) => {
    if (!add(bytes)) wrong ??= `it is longer than ${maxEventSize} characters`
    const heard = { said, events, wrong }
    said = []
    events = 0
    return heard
  }
}
