import { hidden } from "../Domain/Redaction.ts"
import { neutralise } from "./Stdout.ts"

/** Shorter ones are no secrets, and are part of any text. */
const shortestSecret = 4

/** How a receiver may repeat what it was sent. */
const spellings = (secret: string): ReadonlyArray<string> => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret.toWellFormed()),
  Buffer.from(secret).toString("base64").replace(/=+$/, "")
]

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

/** A text without these secrets, in whatever case, encoding or escape a receiver repeats them. */
export const withoutThese = (secrets: Iterable<string>): ((text: string) => string) => {
  const all = [...new Set(secrets)].filter((secret) => secret.length >= shortestSecret).flatMap(spellings)
  if (all.length === 0) return (text) => text
  const pattern = new RegExp(
    all
      .sort((a, b) => b.length - a.length)
      .map(literally)
      .join("|"),
    "gi"
  )
  return (text) => text.replace(pattern, hidden)
}

const longest = 200

/** Marks that change how the text around them is read or ordered, unseen. */
const unseen = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g

/** The beginning of what a receiver said, in one line for people: without control characters. */
export const answerText = (text: string): string => {
  const line = neutralise(text.replace(/\s+/g, " ").trim()).replace(unseen, "")
  const characters = Array.from(line.slice(0, 2 * longest))
  return characters.length <= longest ? characters.join("") : `${characters.slice(0, longest - 1).join("")}…`
}
