import type * as SqlClient from "@effect/sql/SqlClient"

/** A subquery of these values, for `IN`: one statement text and one bound value, however many they are. */
export const among = (sql: SqlClient.SqlClient, values: ReadonlyArray<string | number>) =>
  sql`(SELECT value FROM json_each(${JSON.stringify(values)}))`
