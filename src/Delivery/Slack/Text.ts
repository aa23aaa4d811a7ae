import { neutralise } from "../../ControlCharacters.ts"
import { oneLine } from "../OneLine.ts"

// Slack's advice for the text of a message; it cuts at 40,000 itself.
const maxText = 4_000
const maxSubject = 200

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" }

const escapeText = (text: string): string => text.replace(/[&<>]/g, (character) => entities[character] ?? "")

/** The beginning of a text whose escaped form has at most `room` characters, a whole line at its end where there is one. */
const beginning = (text: string, room: number): string => {
  let size = 0
  let end = 0
  for (const character of text) {
    size += entities[character]?.length ?? character.length
    if (size > room) break
    end += character.length
  }
  if (end === text.length) return text
  const line = text.lastIndexOf("\n", end)
  return text.slice(0, line > end / 2 ? line : end)
}

/** What a message says, and how. */
export interface SlackText {
  readonly subject: string
  readonly output: string
  /** Shows the output as it is, line by line; else Slack may format it and links can be followed. */
  readonly asCode: boolean
}

// A zero-width space keeps three backticks in the output from ending the block.
const withoutFences = (output: string): string => output.replace(/``(?=`)/g, "``\u200b")

/**
 * A message of at most 4,000 characters in Slack's `mrkdwn`: the subject, and the output or, with `note`, its beginning.
 * Nothing in them can mention anybody or hide where a link leads. Undefined when the output is too long for no note.
 */
export const slackText = ({ asCode, output, subject }: SlackText, note?: string): string | undefined => {
  const head = `*${escapeText(oneLine(subject, maxSubject))}*`
  const clean = neutralise(output.toWellFormed()).replace(/\n+$/, "")
  const body = asCode ? withoutFences(clean) : clean
  if (body.trim() === "") return head
  const tail = note === undefined ? "" : `\n_${escapeText(note)}_`
  const [open, close] = asCode ? ["```\n", "\n```"] : ["", ""]
  const room = maxText - head.length - tail.length - open.length - close.length - 1
  const shown = beginning(body, room)
  if (note === undefined && shown.length < body.length) return undefined
  return `${head}\n${open}${escapeText(shown)}${close}${tail}`
}
