/** As much of the beginning of a text as fits into some bytes of UTF-8, without a character that would be cut through. */
export const beginningOf = (text: string, bytes: number): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.from(text).subarray(0, Math.max(0, bytes)), {
    stream: true
  })

/** The beginning of a text, at most `max` bytes of UTF-8, and a note of what is missing; short texts stay as they are. */
export const cutOutput = (text: string, max: number, run_id: string): string => {
  const whole = Buffer.byteLength(text)
  if (whole <= max) return text
  const note = `\n… (cut; ${whole} bytes in all, kept with run ${run_id})`
  return `${beginningOf(text, max - Buffer.byteLength(note))}${note}`
}
