import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { printCsv } from "./Csv.ts"
import { type Column, printTable } from "./Table.ts"
import type { Times } from "./Times.ts"

/** How rows of one kind are printed: as a table for people, as JSON by their schema, as CSV by columns of its own. */
export interface RowsFormat<A, I> {
  readonly schema: Schema.Schema<A, I>
  readonly columns: ReadonlyArray<Column<A>>
  readonly csv: ReadonlyArray<readonly [name: string, value: (row: A) => string]>
  /** Said on stderr when a table would be empty. */
  readonly none: string
}

/** Prints rows in the format that was asked for; `times` is for the table, programs get ISO 8601. */
export const printRows =
  <A, I>({ columns, csv, none, schema }: RowsFormat<A, I>) =>
  (rows: ReadonlyArray<A>, as: "table" | "json" | "csv", times: Times) => {
    switch (as) {
      case "json":
        return Effect.flatMap(Effect.orDie(Schema.encode(Schema.Array(schema))(rows)), (encoded) =>
          Console.log(JSON.stringify(encoded, null, 2))
        )
      case "csv":
        return printCsv(
          csv.map(([name]) => name),
          rows.map((row) => csv.map(([, value]) => value(row)))
        )
      case "table":
        return rows.length === 0 ? Console.error(none) : printTable(rows, columns, times)
    }
  }
