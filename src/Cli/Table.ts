import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { terminalColumns } from "./Terminal.ts"
import type { Times } from "./Times.ts"
import { cut, padTo, widthOf, wrap } from "./Width.ts"

/** A column: its heading, its cells, and what becomes of it where the terminal is too narrow for all. */
export interface Column<A> {
  readonly name: string
  readonly value: (row: A, times: Times) => string
  /** Its cells may be cut. Those of others, such as ids, never are. */
  readonly flexible?: boolean
  /** It is left out when the others would not fit with it. */
  readonly spare?: boolean
  /** It is left out when all its cells are empty. */
  readonly optional?: boolean
}

/** Text that cannot move the cursor, colour the terminal or turn its direction: one line, such characters replaced. */
export const plain = (text: string): string =>
  text
    .replace(/\s*[\n\u2028\u2029]\s*/g, " ")
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, "\uFFFD")
    .toWellFormed()

const gap = 2
/** How narrow flexible columns may get: at first, and rather than there being no table. */
const narrow = 8
const narrowest = 5

interface Cells {
  readonly heading: string
  readonly cells: ReadonlyArray<string>
  readonly flexible: boolean
  readonly spare: boolean
}

const sum = (widths: ReadonlyArray<number>): number =>
  widths.reduce((total, width) => total + width, gap * (widths.length - 1))

/** The widths of columns that fit; undefined when they cannot be made to. */
const widthsIn = (columns: ReadonlyArray<Cells>, width: number, least: number): ReadonlyArray<number> | undefined => {
  const widths = columns.map(({ cells, heading }) => Math.max(...[heading, ...cells].map(widthOf)))
  while (width > 0 && sum(widths) > width) {
    const [widest] = widths
      .map((size, index) => ({ size, index }))
      .filter(({ size, index }) => size > least && columns[index]?.flexible === true)
      .sort((a, b) => b.size - a.size)
    if (widest === undefined) return undefined
    widths[widest.index] = widest.size - 1
  }
  return widths
}

const inLines = (columns: ReadonlyArray<Cells>, widths: ReadonlyArray<number>): string => {
  const rows = (columns[0]?.cells ?? []).map((_, row) => columns.map(({ cells }) => cells[row] ?? ""))
  return [columns.map(({ heading }) => heading), ...rows]
    .map((line) =>
      line
        .map((cell, index) => padTo(cut(cell, widths[index] ?? 0), widths[index] ?? 0))
        .join(" ".repeat(gap))
        .trimEnd()
    )
    .join("\n")
}

/** A block of lines for each row; long texts go on below, and what may not be cut stays whole. */
const inBlocks = (columns: ReadonlyArray<Cells>, width: number): string => {
  const names = Math.max(...columns.map(({ heading }) => widthOf(heading))) + gap
  const room = Math.max(narrow, width - names)
  return (columns[0]?.cells ?? [])
    .map((_, row) =>
      columns
        .map(({ cells, flexible, heading }) => {
          const text = cells[row] ?? ""
          const lines = flexible ? wrap(text, room) : [text]
          return lines.map((line, index) => `${padTo(index === 0 ? heading : "", names)}${line}`).join("\n")
        })
        .join("\n")
    )
    .join("\n\n")
}

const dashed = (cell: string): string => (cell === "" ? "-" : cell)

/** Rows under headings in at most `width` columns, 0 for any; as blocks of lines where that is too few for a table. */
export const renderTable = <A>(
  rows: ReadonlyArray<A>,
  columns: ReadonlyArray<Column<A>>,
  width: number,
  times: Times
): string => {
  const all = columns.flatMap(({ flexible = false, name, optional = false, spare = false, value }) => {
    const cells = rows.map((row) => plain(value(row, times)))
    if (optional && cells.every((cell) => cell === "")) return []
    return [{ heading: name, cells: cells.map(dashed), flexible, spare } satisfies Cells]
  })
  const needed = all.filter(({ spare }) => !spare)
  for (const [kept, least] of [
    [all, narrow],
    [needed, narrow],
    [needed, narrowest]
  ] as const) {
    const widths = widthsIn(kept, width, least)
    if (widths !== undefined) return inLines(kept, widths)
  }
  return inBlocks(all, width)
}

/** A table that fits the terminal; where there is none, in its whole width. */
export const tableOf = <A>(rows: ReadonlyArray<A>, columns: ReadonlyArray<Column<A>>, times: Times) =>
  Effect.map(terminalColumns, (width) => renderTable(rows, columns, width, times))

/** Prints {@link tableOf}. */
export const printTable = <A>(rows: ReadonlyArray<A>, columns: ReadonlyArray<Column<A>>, times: Times) =>
  Effect.flatMap(tableOf(rows, columns, times), Console.log)
