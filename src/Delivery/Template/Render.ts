import { beginningOf } from "../Cut.ts"
import type { TemplateFacts } from "../Template.ts"
import type { Node, Place, Test } from "./Syntax.ts"

/** Longest result, in bytes of UTF-8, without the note that it was cut. */
export const maxRendered = 1_048_576

/** What all filters of one template may read and write, in characters: many of them over a long output take long. */
const maxWork = 16 * maxRendered

const tooLong = "\n… (cut: a template gives at most 1 MiB)"
const tooMuch = "\n… (cut: the filters of this template have too much to do; use fewer of them on long texts)"

const holds = ({ name, negated, word }: Test, facts: TemplateFacts): boolean => {
  const { text } = name.of(facts)
  return word === null ? text !== "" : (text === word) !== negated
}

/** Fills in a template that was read; `literal` changes the text between its places, never what is put into them. */
export const render = (nodes: ReadonlyArray<Node>, facts: TemplateFacts, literal: (text: string) => string): string => {
  const timezone = facts.job.timezone ?? facts.timezone ?? "UTC"
  const parts: Array<string> = []
  let room = maxRendered
  let work = maxWork

  const write = (text: string) => {
    const bytes = Buffer.byteLength(text)
    parts.push(bytes <= room ? text : beginningOf(text, room))
    room -= bytes
  }

  const fill = ({ filters, value }: Place) => {
    const whole = typeof value === "string" ? { text: value, instant: null } : value.of(facts)
    // A character more than there is room for: that the rest is missing will show.
    let filled = { ...whole, text: whole.text.slice(0, maxRendered + 1) }
    for (const filter of filters) {
      work -= filled.text.length
      // What only some of its filters have changed is not shown: the one that quotes it may be missing.
      if (work < 0) return
      filled = { text: filter(filled, timezone), instant: null }
    }
    if (filters.length > 0) work -= filled.text.length
    write(filled.text)
  }

  const walk = (inner: ReadonlyArray<Node>): void => {
    for (const node of inner) {
      if (room < 0 || work < 0) return
      if (node.kind === "text") write(literal(node.text))
      else if (node.kind === "place") fill(node)
      else walk(holds(node.test, facts) ? node.yes : node.no)
    }
  }

  walk(nodes)
  if (room < 0 || work < 0) parts.push(room < 0 ? tooLong : tooMuch)
  return parts.join("")
}
