/** A text as one line of at most `max` characters, without control characters; what was cut ends in `…`. */
export const oneLine = (text: string, max: number): string => {
  const line = text
    .toWellFormed()
    .replace(/[\s\p{Cc}\u2028\u2029]+/gu, " ")
    .trim()
  const characters = Array.from(line)
  return characters.length <= max ? line : `${characters.slice(0, max - 1).join("")}…`
}
