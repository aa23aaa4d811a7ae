import { neutralise } from "../ControlCharacters.ts"

export { withoutThese } from "./AnswerText/Blanking.ts"

const longest = 200

/** One line for people: control characters are seen, and no mark changes unseen how the text is read or ordered. */
const plainLine = (text: string): string => neutralise(text.replace(/\s+/g, " ").trim()).replace(/\p{Cf}/gu, "")

/** The beginning of what a receiver said, in one line for people: without control characters. */
export const answerText = (text: string): string => {
  const characters = Array.from(plainLine(text).slice(0, 2 * longest))
  return characters.length <= longest ? characters.join("") : `${characters.slice(0, longest - 1).join("")}…`
}

/** The end of what a program said, in one line for people: without control characters. */
export const lastWords = (text: string): string =>
  Array.from(plainLine(text.toWellFormed())).slice(-longest).join("").trim()
