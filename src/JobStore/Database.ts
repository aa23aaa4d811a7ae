import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import Sqlite from "better-sqlite3"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"

export type Row = Readonly<Record<string, unknown>>
export type Value = string | number | null

/** A statement prepared once. It is executed in the caller's turn and throws `SqlError` where the database refuses. */
export interface Prepared {
  readonly all: (...values: ReadonlyArray<Value>) => ReadonlyArray<Row>
  readonly first: (...values: ReadonlyArray<Value>) => Row | undefined
  /** Gives the number of rows that were changed. */
  readonly run: (...values: ReadonlyArray<Value>) => number
}

/** A query prepared once, whose rows are the values of its columns. */
export interface Query {
  readonly all: (...values: ReadonlyArray<Value>) => ReadonlyArray<ReadonlyArray<unknown>>
  readonly first: (...values: ReadonlyArray<Value>) => ReadonlyArray<unknown> | undefined
}

/** Told of each statement that is executed; tests ask SQLite for its plan of it. */
export class StatementListener extends Context.Reference<StatementListener>()("symbiont/JobStore/StatementListener", {
  defaultValue: (): ((text: string, values: ReadonlyArray<unknown>) => void) | undefined => undefined
}) {}

/**
 * The open database file. What each run needs goes through statements of this service; an Effect for each of them would
 * cost more than the statement. All else goes through the `SqlClient` on the same connection.
 */
export class Database extends Context.Tag("symbiont/JobStore/Database")<
  Database,
  {
    readonly prepare: (text: string) => Prepared
    readonly query: (text: string) => Query
    /** Whether a transaction is open; SQLite ends one by itself where the disk fails it. */
    readonly isInTransaction: () => boolean
    /** Executes what only asks the database, in the caller's turn; throws what it fails of. */
    readonly inTurn: <A>(effect: Effect.Effect<A, unknown>) => A
    readonly inTurnExit: <A, E>(effect: Effect.Effect<A, E>) => Exit.Exit<A, E>
  }
>() {}

/** Statement texts that are kept prepared; those with a value list in them come in many lengths. */
const keptStatements = 300

const refused = (cause: unknown): SqlError => new SqlError({ cause, message: "Failed to execute statement" })

const attempt = <A>(execute: () => A): A => {
  try {
    return execute()
  } catch (cause) {
    throw refused(cause)
  }
}

const open = (filename: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const sqlite = new Sqlite(filename)
      try {
        sqlite.pragma("journal_mode = WAL")
        return sqlite
      } catch (cause) {
        sqlite.close()
        throw cause
      }
    }),
    (sqlite) => Effect.sync(() => sqlite.close())
  )

const make = Effect.fnUntraced(function* (filename: string) {
  const sqlite = yield* open(filename)
  const listener = yield* StatementListener
  const known = new Map<string, Sqlite.Statement>()

  const statementOf = (text: string): Sqlite.Statement => {
    const before = known.get(text)
    if (before !== undefined) return before
    const statement = sqlite.prepare(text)
    known.set(text, statement)
    for (const oldest of known.keys()) {
      if (known.size <= keptStatements) break
      known.delete(oldest)
    }
    return statement
  }

  const prepare = (text: string): Prepared => {
    // Prepared at first use: the tables may not be there yet.
    let statement: Sqlite.Statement | undefined
    const ready = (values: ReadonlyArray<Value>) => {
      listener?.(text, values)
      statement ??= sqlite.prepare(text)
      return statement
    }
    return {
      all: (...values) => attempt(() => ready(values).all(...values) as ReadonlyArray<Row>),
      first: (...values) => attempt(() => ready(values).get(...values) as Row | undefined),
      run: (...values) => attempt(() => ready(values).run(...values).changes)
    }
  }

  const query = (text: string): Query => {
    let statement: Sqlite.Statement | undefined
    const ready = (values: ReadonlyArray<Value>) => {
      listener?.(text, values)
      statement ??= sqlite.prepare(text).raw(true)
      return statement
    }
    return {
      all: (...values) => attempt(() => ready(values).all(...values) as ReadonlyArray<ReadonlyArray<unknown>>),
      first: (...values) => attempt(() => ready(values).get(...values) as ReadonlyArray<unknown> | undefined)
    }
  }

  const execute = (text: string, values: ReadonlyArray<unknown>, isRaw = false) =>
    Effect.try({
      try: (): ReadonlyArray<Row> => {
        listener?.(text, values)
        const statement = statementOf(text)
        if (statement.reader) return statement.all(...values) as ReadonlyArray<Row>
        const result = statement.run(...values)
        return isRaw ? (result as unknown as ReadonlyArray<Row>) : []
      },
      catch: refused
    })

  const connection: Connection = {
    execute: (text, values) => execute(text, values),
    executeRaw: (text, values) => execute(text, values, true),
    executeUnprepared: (text, values) => execute(text, values),
    executeValues: (text, values) => Effect.map(execute(text, values), (rows) => rows.map((row) => Object.values(row))),
    executeStream: () => Stream.dieMessage("rows are read by pages, not as a stream")
  }

  const client = yield* SqlClient.make({
    // A transaction never gives way to another fiber, so nobody need wait for the connection: see `Writer`.
    acquirer: Effect.succeed(connection),
    compiler: Statement.makeCompilerSqlite(),
    spanAttributes: [["db.system.name", "sqlite"]]
  })
  // A span for each statement would hang under none of the callers; their own spans cover the wait.
  const runtime = yield* Effect.runtime().pipe(
    Effect.withTracerEnabled(false),
    Effect.annotateLogs("component", "store")
  )
  const inTurnExit = Runtime.runSyncExit(runtime)
  const inTurn = <A>(effect: Effect.Effect<A, unknown>): A => {
    const exit = inTurnExit(effect)
    if (Exit.isSuccess(exit)) return exit.value
    throw Cause.squash(exit.cause)
  }
  return Context.make(Database, {
    inTurn,
    inTurnExit,
    isInTransaction: () => sqlite.inTransaction,
    prepare,
    query
  }).pipe(Context.add(SqlClient.SqlClient, client))
})

/** A database file (`:memory:` for none), opened for this process alone. What cannot be opened is a defect. */
export const layerDatabase = (filename: string): Layer.Layer<Database | SqlClient.SqlClient> =>
  Layer.scopedContext(make(filename)).pipe(Layer.provide(Reactivity.layer))
