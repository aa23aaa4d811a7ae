import type { ToolCall } from "../../Domain/Run.ts"

const maxArguments = 2_000
/** Of arguments in the log, in characters. */
const maxLogged = 200

const beginning = (text: string, bytes: number): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.from(text).subarray(0, bytes), { stream: true })

/** At most so many bytes of a text; a cut is marked, here or where the text came from. */
export const cutAt = (text: string, bytes: number, more: boolean): string => {
  const size = Buffer.byteLength(text)
  if (size <= bytes && !more) return text
  const kept = beginning(text, bytes)
  return `${kept}\n[cut: the first ${Buffer.byteLength(kept)} bytes${more ? "" : ` of ${size}`}]`
}

/** What is kept of the arguments of a use. */
export const keptArguments = (text: string, blanked: (text: string) => string): string =>
  blanked(text.slice(0, 2 * maxArguments).toWellFormed())
    .slice(0, maxArguments)
    .toWellFormed()

/** A use of a tool as one line of a log. */
export const lineOf = ({ arguments: given, duration_ms, error, name, result_bytes }: ToolCall): string => {
  const oneLine = (text: string) => text.replace(/[\s\p{Cc}]+/gu, " ")
  const flat = oneLine(given)
  const shown = flat.length > maxLogged ? `${flat.slice(0, maxLogged)}…` : flat
  const how = error === undefined ? "" : `: ${oneLine(error)}`
  return `[tool ${oneLine(name)} ${shown}] ${result_bytes} bytes, ${duration_ms} ms${how}\n`
}
