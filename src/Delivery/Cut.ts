/** The beginning of a text, at most `max` bytes of UTF-8, and a note of what is missing; short texts stay as they are. */
export const cutOutput = (text: string, max: number, run_id: string): string => {
  const whole = Buffer.byteLength(text)
  if (whole <= max) return text
  const note = `\n… (cut; ${whole} bytes in all, kept with run ${run_id})`
  const bytes = Buffer.from(text).subarray(0, Math.max(0, max - Buffer.byteLength(note)))
  // A character that was cut through is left out.
  const kept = new TextDecoder("utf-8").decode(bytes, { stream: true })
  return `${kept}${note}`
}
