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
  return {
    file,
    text,
    span: (start, end) => {
      let low = 0
      let high = lineStarts.length - 1
      while (low < high) {
        const middle = (low + high + 1) >> 1
        if (startOf(middle) <= start) low = middle
        else high = middle - 1
      }
      return { offset: start, length: end - start, line: low + 1, column: Math.max(1, start - startOf(low) + 1) }
    }
  }
}
