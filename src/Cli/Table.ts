import * as Terminal from "@effect/platform/Terminal"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** A column: its heading, and whether it gives way first when the terminal is too narrow. */
export interface Column<A> {
  readonly name: string
  readonly value: (row: A) => string
  readonly flexible?: boolean
}

/** Text that cannot move the cursor or colour the terminal: one line, control characters replaced. */
export const plain = (text: string): string => text.replace(/\s*\n\s*/g, " ").replace(/\p{Cc}/gu, "\uFFFD")

const padded = (text: string, width: number): string =>
  text.length <= width ? text.padEnd(width) : `${text.slice(0, Math.max(0, width - 1))}…`

const gap = 2
const narrowest = 8

/** Rows under headings, in at most `width` characters; 0 means any width. */
export const renderTable = <A>(rows: ReadonlyArray<A>, columns: ReadonlyArray<Column<A>>, width: number): string => {
  const cells = [columns.map(({ name }) => name), ...rows.map((row) => columns.map(({ value }) => plain(value(row))))]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)))
  const excess = () => widths.reduce((sum, size) => sum + size, gap * (columns.length - 1)) - width
  for (const onlyFlexible of [true, false]) {
    while (width > 0 && excess() > 0) {
      const candidates = widths
        .map((size, i) => ({ size, i }))
        .filter(({ size, i }) => size > narrowest && (!onlyFlexible || columns[i]?.flexible === true))
      const widest = candidates.sort((a, b) => b.size - a.size)[0]
      if (widest === undefined) break
      widths[widest.i] = widest.size - 1
    }
  }
  return cells
    .map((line) =>
      line
        .map((cell, i) => padded(cell, widths[i] ?? 0))
        .join(" ".repeat(gap))
        .trimEnd()
    )
    .join("\n")
}

/** Prints a table that fits the terminal. */
export const printTable = Effect.fnUntraced(function* <A>(rows: ReadonlyArray<A>, columns: ReadonlyArray<Column<A>>) {
  const terminal = yield* Terminal.Terminal
  yield* Console.log(renderTable(rows, columns, yield* terminal.columns))
})
