/** A stretch of a file. `offset` and `length` count UTF-16 units of the text; `line` and `column` count from 1. */
export interface Span {
  readonly offset: number
  readonly length: number
  readonly line: number
  readonly column: number
}

/** A file's text with its lines counted. A byte order mark belongs to no column. */
export interface Source {
  readonly file: string
  readonly text: string
  readonly span: (start: number, end: number) => Span
}

/** Counts the lines once, so that each position costs a binary search. */
export const makeSource = (file: string, text: string): Source => {
  const lineStarts = [text.startsWith("\uFEFF") ? 1 : 0]
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1)
  const startOf = (line: number) => lineStarts[line] ?? 0
  const endOf = (line: number) => lineStarts[line + 1] ?? Number.POSITIVE_INFINITY
  // Places are asked for in the order of the text, mostly.
  let last = 0
  return {
    file,
    text,
    span: (start, end) => {
      if (start < startOf(last) || start >= endOf(last)) {
        let low = 0
        let high = lineStarts.length - 1
        while (low < high) {
          const middle = (low + high + 1) >> 1
          if (startOf(middle) <= start) low = middle
          else high = middle - 1
        }
        last = low
      }
      return { offset: start, length: end - start, line: last + 1, column: Math.max(1, start - startOf(last) + 1) }
    }
  }
}
