import * as Either from "effect/Either"
import { parseTemplate } from "./Parser.ts"
import type { Node, Place } from "./Syntax.ts"

/** A place that breaks the JSON around it: it lacks the filter `json`, or has quotes around it besides. */
export interface BreaksJson {
  /** The name as it is written. */
  readonly name: string
  readonly lacks: "filter" | "bareness"
}

/** What stands for a place with the filter `json` where the form of a template is looked at, and for any other. */
const [value, other] = ["\u0001", "\u0002"]

/** The template's own text, of each choice one side. */
const formOf = (nodes: ReadonlyArray<Node>): string =>
  nodes
    .map((node) => {
      if (node.kind === "text") return node.text
      if (node.kind === "place") return node.isJson ? value : other
      return formOf(node.yes) || formOf(node.no)
    })
    .join("")

const number = String.raw`-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\s*[,\]]`
const inObject = String.raw`\{\s*["}${value}]`
const inArray = String.raw`\[\s*(?:["{\[\]${value}]|${number}|(?:true|false|null)\b)`
const json = new RegExp(`^\\s*(?:${inObject}|${inArray})`)

/** Whether a text in quotes is open after these characters, when it was or was not before them. */
const opens = (text: string, isOpen: boolean): boolean => {
  let open = isOpen
  for (const [part] of text.matchAll(/\\.|"/gs)) if (part === '"') open = !open
  return open
}

const breaks = ({ isJson, value, written }: Place, isOpen: boolean): BreaksJson | undefined => {
  if (isJson) return isOpen ? { name: written, lacks: "bareness" } : undefined
  return typeof value !== "string" && value.isFree ? { name: written, lacks: "filter" } : undefined
}

/** The first place that breaks the JSON around it, of a template that is JSON by how it begins. */
export const breaksJsonIn = (template: string): BreaksJson | undefined => {
  const parsed = parseTemplate(template)
  if (Either.isLeft(parsed) || !json.test(formOf(parsed.right))) return undefined
  let found: BreaksJson | undefined
  const walk = (nodes: ReadonlyArray<Node>, before: boolean): boolean =>
    nodes.reduce((isOpen, node) => {
      if (node.kind === "text") return opens(node.text, isOpen)
      if (node.kind === "place") {
        found ??= breaks(node, isOpen)
        return isOpen
      }
      const after = walk(node.yes, isOpen)
      walk(node.no, isOpen)
      return after
    }, before)
  walk(parsed.right, false)
  return found
}
