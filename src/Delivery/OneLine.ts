/** A text as one line of at most `max` characters, without control characters; what was cut ends in `…`. */
export const oneLine = (text: string, max: number): string => {
  const line = text
    .toWellFormed()
    .replace(/[\s\p{Cc}\u2028\u2029]+/gu, " ")
    .trim()
  const characters = Array.from(line)
  return characters.length <= max ? line : `${characters.slice(0, max - 1).join("")}…`
}

/** What a receiver answered, for error messages: one line of at most 200 characters, the secrets in it blanked out. */
export const quoted = (answer: string, secrets: ReadonlyArray<string>): string =>
  oneLine(
    secrets.filter((secret) => secret !== "").reduce((text, secret) => text.replaceAll(secret, "[redacted]"), answer),
    200
  )
