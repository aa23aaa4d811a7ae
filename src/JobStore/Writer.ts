import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import { recordCommit } from "../Observability.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { Tally } from "./Tally.ts"

interface Write {
  readonly run: Effect.Effect<void, unknown>
  readonly exit: () => Exit.Exit<unknown, unknown> | undefined
  readonly complete: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<unknown>
}

/** Most writes that share one transaction, and most that may wait. */
const maxBatch = 256
const capacity = 4_096

/**
 * What the writer waits for when there is something to write, before it takes all there is. A commit blocks the event
 * loop, and requests that arrived together are read one by one, each with what it sets off: a transaction begun with the
 * first of them would hold that one alone.
 */
export class Gathering extends Context.Reference<Gathering>()("symbiont/JobStore/Gathering", {
  // A test clock moves on while fibers wait for anything but itself.
  defaultValue: (): Effect.Effect<void> => Effect.void
}) {
  /** Until all that has arrived by now is read. */
  static readonly arrived = Layer.succeed(
    Gathering,
    Effect.async<void>((resume) => {
      setImmediate(() => resume(Effect.void))
    })
  )
}

/**
 * Group commit: writes of many fibers share a transaction, and each caller waits until its own is durable. A write
 * that fails undoes the batch; every write of it is then done again alone, so no failure touches another's write.
 */
export class Writer extends Effect.Service<Writer>()("symbiont/JobStore/Writer", {
  scoped: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const audit = yield* SqliteAudit
    const tally = yield* Tally
    const mailbox = yield* Mailbox.make<Write>({ capacity })
    const gathering = yield* Gathering
    let commits = 0
    const counted = Effect.sync(() => {
      commits += 1
    })

    // A commit that fails (disk full) can leave the transaction open, which would refuse every later one.
    const abandon = Effect.all([audit.discard, tally.discard, Effect.ignore(sql`ROLLBACK`)], { discard: true })

    const inTransaction = (batch: ReadonlyArray<Write>): Effect.Effect<void, unknown> =>
      sql
        .withTransaction(
          Effect.zipRight(
            Effect.forEach(batch, (write) => write.run, { discard: true }),
            audit.flush
          )
        )
        .pipe(
          Effect.onError(() => abandon),
          Effect.zipRight(counted),
          Effect.zipRight(tally.publish),
          Effect.zipRight(recordCommit(batch.length))
        )

    // What the write itself failed of says more than what its transaction then failed of.
    const alone = (write: Write) =>
      Effect.flatMap(Effect.exit(inTransaction([write])), (transaction) => {
        const own = write.exit()
        return write.complete(
          own === undefined || (Exit.isSuccess(own) && Exit.isFailure(transaction)) ? transaction : own
        )
      })

    const commitBatch = (batch: ReadonlyArray<Write>) =>
      Effect.flatMap(Effect.exit(inTransaction(batch)), (exit) =>
        Exit.isSuccess(exit)
          ? Effect.forEach(batch, (write) => write.complete(write.exit() ?? Exit.void), { discard: true })
          : Effect.forEach(batch, alone, { discard: true })
      )

    const taken = Effect.zipWith(
      Effect.zipLeft(mailbox.takeAll, gathering),
      mailbox.clear,
      ([writes, done], later) => ({
        writes: Chunk.appendAll(writes, later),
        done
      })
    )

    const loop: Effect.Effect<void> = Effect.flatMap(taken, ({ done, writes }) => {
      const batches = Chunk.chunksOf(writes, maxBatch)
      return Effect.andThen(
        Effect.forEach(batches, (batch) => commitBatch(Chunk.toReadonlyArray(batch)), { discard: true }),
        done ? Effect.void : Effect.suspend(() => loop)
      )
    })

    // A span for each statement would hang under none of the callers; their own spans cover the wait.
    const fiber = yield* loop.pipe(
      Effect.annotateLogs("component", "store"),
      Effect.withTracerEnabled(false),
      Effect.uninterruptible,
      Effect.forkDaemon
    )
    yield* Effect.addFinalizer(() => Effect.andThen(mailbox.end, fiber.await))

    /** Runs a write in the next shared transaction; returns when it is durable. Database failures are defects. */
    const commit = <A, E>(write: Effect.Effect<A, E | SqlError>): Effect.Effect<A, Exclude<E, SqlError>> =>
      Effect.gen(function* () {
        const done = yield* Deferred.make<A, E | SqlError>()
        let result: Exit.Exit<A, E | SqlError> | undefined
        const accepted = yield* mailbox.offer({
          run: Effect.flatMap(Effect.exit(write), (exit) => {
            result = exit
            return exit
          }),
          exit: () => result,
          complete: (exit) => Deferred.done(done, exit as Exit.Exit<A, E | SqlError>)
        })
        if (!accepted) return yield* Effect.dieMessage("the store is closed: nothing can be written any more")
        return yield* Deferred.await(done)
      }).pipe(Effect.catchAllCause((cause) => Effect.failCause(sqlErrorsAsDefects(cause))))

    return {
      commit,
      /** How many transactions were committed: what was read since the last of them still holds. */
      commits: () => commits
    } as const
  })
}) {}

const isSqlError = (error: unknown): error is SqlError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "SqlError"

const sqlErrorsAsDefects = <E>(cause: Cause.Cause<E>): Cause.Cause<Exclude<E, SqlError>> =>
  Cause.flatMap(cause, (error) => (isSqlError(error) ? Cause.die(error) : Cause.fail(error as Exclude<E, SqlError>)))
