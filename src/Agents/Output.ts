/** Most bytes kept of an agent's stdout, and passed on of its stderr. */
export const maxCaptureBytes = 1_048_576

/** Collects output up to {@link maxCaptureBytes}; the rest is dropped and the cut marked in the text. */
export const makeCapture = () => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  let cut = false
  return {
    add: (chunk: Uint8Array): void => {
      const room = maxCaptureBytes - size
      if (chunk.byteLength > room) cut = true
      if (room === 0) return
      const kept = chunk.subarray(0, room)
      chunks.push(kept)
      size += kept.byteLength
    },
    text: (): string => {
      // In stream mode the decoder holds back a character that the cut went through.
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
      const text = decoder.decode(Buffer.concat(chunks), { stream: cut })
      return cut ? `${text}\n[output cut at ${maxCaptureBytes} bytes]` : text
    }
  }
}

/** Of the end of stderr so much is kept, in characters, that a secret which an error would show a part of is known. */
const keptTail = 16_384

/** Decodes chunks of stderr, bounds what is passed on, and keeps the last characters for the error message. */
export const makeLogFeed = () => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  let room = maxCaptureBytes
  let tail = ""
  const pass = (text: string): string => {
    tail += text
    if (tail.length > 2 * keptTail) tail = tail.slice(-keptTail)
    if (room <= 0) return ""
    room -= Buffer.byteLength(text)
    return room > 0 ? text : `${text}\n[log cut at about ${maxCaptureBytes} bytes]\n`
  }
  return {
    /** The text to log, perhaps empty. */
    add: (chunk: Uint8Array): string => pass(decoder.decode(chunk, { stream: true })),
    end: (): string => pass(decoder.decode()),
    /** The last 500 characters, trimmed; `blanked` gives a text from a place on without its secrets. */
    tail: (blanked: (text: string, from: number) => string = (text, from) => text.slice(from)): string => {
      const end = tail.trim().slice(-keptTail)
      return blanked(end, Math.max(0, end.length - 500)).replace(/^[\uDC00-\uDFFF]/, "")
    }
  }
}
