/** Takes a text piece by piece and tells of its lines; what follows the last end of a line waits. */
export interface LineReader {
  readonly add: (text: string) => void
  /** How long the line is that has not ended yet, in characters. */
  readonly open: () => number
}

/**
 * Splits a text into lines, which end in CR, LF or CRLF, also where a piece ends between the two. Each character is
 * looked at a fixed number of times, however the text is cut and whatever it holds.
 */
export const makeLineReader = (onLine: (line: string) => void): LineReader => {
  /** The open line; it is not read before it ends, or it would be joined anew for each piece. */
  let begun = ""
  let afterReturn = false
  return {
    add: (text) => {
      if (text === "") return
      let at = afterReturn && text.startsWith("\n") ? 1 : 0
      afterReturn = false
      // Each is searched for again only once it was passed.
      let feed = text.indexOf("\n", at)
      let carriage = text.indexOf("\r", at)
      while (feed >= 0 || carriage >= 0) {
        const isFeed = carriage < 0 || (feed >= 0 && feed < carriage)
        const end = isFeed ? feed : carriage
        onLine(begun + text.slice(at, end))
        begun = ""
        at = end + 1
        if (!isFeed && at === text.length) afterReturn = true
        else if (!isFeed && feed === at) at++
        if (feed >= 0 && feed < at) feed = text.indexOf("\n", at)
        if (carriage >= 0 && carriage < at) carriage = text.indexOf("\r", at)
      }
      begun += text.slice(at)
    },
    open: () => begun.length
  }
}
