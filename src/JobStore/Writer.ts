import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import { recordCommit } from "../Observability.ts"
import { StorageHealth } from "../StorageHealth.ts"
import { Counters } from "./Counters.ts"
import { Database } from "./Database.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { Tally } from "./Tally.ts"

interface Write {
  /** Executes it inside the open transaction. */
  readonly execute: () => Exit.Exit<unknown, unknown>
  readonly complete: (exit: Exit.Exit<unknown, unknown>) => void
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
 *
 * A transaction is executed without giving way to any other fiber: nobody reads what is not committed, and nobody waits
 * for the connection. So a write must not wait for anything.
 */
export class Writer extends Effect.Service<Writer>()("symbiont/JobStore/Writer", {
  scoped: Effect.gen(function* () {
    const { inTurn, inTurnExit, isInTransaction, prepare } = yield* Database
    const [begin, commitAll, rollback] = [prepare("BEGIN"), prepare("COMMIT"), prepare("ROLLBACK")]
    const audit = yield* SqliteAudit
    const counters = yield* Counters
    const tally = yield* Tally
    const mailbox = yield* Mailbox.make<Write>({ capacity })
    const gathering = yield* Gathering
    const storage = yield* StorageHealth
    let commits = 0

    const abandon = () => {
      audit.discard()
      counters.discard()
      tally.discard()
      // A commit that fails (disk full) can leave the transaction open, which would refuse every later one.
      try {
        rollback.run()
      } catch {
        // SQLite has rolled it back by itself.
      }
    }

    const transaction = (
      batch: ReadonlyArray<Write>
    ): Exit.Exit<ReadonlyArray<Exit.Exit<unknown, unknown>>, unknown> => {
      const exits: Array<Exit.Exit<unknown, unknown>> = []
      try {
        begin.run()
        for (const write of batch) {
          const exit = write.execute()
          if (Exit.isSuccess(exit) && !isInTransaction()) throw new Error("the database gave up the transaction")
          if (Exit.isFailure(exit)) {
            abandon()
            return Exit.failCause(exit.cause)
          }
          exits.push(exit)
        }
        audit.flush()
        counters.flush()
        commitAll.run()
        commits += 1
        return Exit.succeed(exits)
      } catch (defect) {
        abandon()
        return Exit.die(defect)
      }
    }

    const published = (batch: ReadonlyArray<Write>) => {
      inTurn(tally.publish)
      inTurn(recordCommit(batch.length))
    }

    const refuse = (write: Write, cause: Cause.Cause<unknown>) => {
      inTurn(storage.refused(cause))
      write.complete(Exit.failCause(cause))
    }

    const alone = (write: Write) => {
      const done = transaction([write])
      if (Exit.isFailure(done)) return refuse(write, done.cause)
      published([write])
      write.complete(done.value[0] ?? Exit.void)
    }

    const commitBatch = (batch: ReadonlyArray<Write>) => {
      const [only, ...others] = batch
      if (only !== undefined && others.length === 0) return alone(only)
      const done = transaction(batch)
      if (Exit.isFailure(done)) {
        for (const write of batch) alone(write)
        return
      }
      published(batch)
      for (const [index, write] of batch.entries()) write.complete(done.value[index] ?? Exit.void)
    }

    const taken = Effect.zipWith(
      Effect.zipLeft(mailbox.takeAll, gathering),
      mailbox.clear,
      ([writes, done], later) => ({
        writes: Chunk.appendAll(writes, later),
        done
      })
    )

    const loop: Effect.Effect<void> = Effect.flatMap(taken, ({ done, writes }) =>
      Effect.andThen(
        Effect.forEach(
          Chunk.chunksOf(writes, maxBatch),
          (batch) => Effect.sync(() => commitBatch(Chunk.toReadonlyArray(batch))),
          { discard: true }
        ),
        done ? Effect.void : Effect.suspend(() => loop)
      )
    )

    const fiber = yield* loop.pipe(Effect.uninterruptible, Effect.forkDaemon)
    yield* Effect.addFinalizer(() => Effect.andThen(mailbox.end, fiber.await))

    const closed = Effect.dieMessage("the store is closed: nothing can be written any more")

    const written = <A, E>(execute: () => Exit.Exit<A, E | SqlError>): Effect.Effect<A, Exclude<E, SqlError>> =>
      Effect.suspend(() => {
        let end: Exit.Exit<A, Exclude<E, SqlError>> | undefined
        let resume: ((exit: Exit.Exit<A, Exclude<E, SqlError>>) => void) | undefined
        const write: Write = {
          execute,
          complete: (exit) => {
            end = sqlErrorsAsDefects(exit as Exit.Exit<A, E | SqlError>)
            resume?.(end)
          }
        }
        const done = Effect.async<A, Exclude<E, SqlError>>((waiting) => {
          if (end === undefined) resume = waiting
          else waiting(end)
        })
        if (mailbox.unsafeOffer(write)) return done
        // Full, or closed.
        return Effect.flatMap(mailbox.offer(write), (accepted) => (accepted ? done : closed))
      })

    /** Runs a write in the next shared transaction; returns when it is durable. Database failures are defects. */
    const commit = <A, E>(write: Effect.Effect<A, E | SqlError>): Effect.Effect<A, Exclude<E, SqlError>> =>
      written(() => inTurnExit(write))

    /** {@link commit} for a write in plain code. */
    const commitNow = <A, E>(write: () => Either.Either<A, E>): Effect.Effect<A, Exclude<E, SqlError>> =>
      written(() => {
        const result = write()
        return Either.isRight(result) ? Exit.succeed(result.right) : Exit.fail(result.left)
      })

    return {
      commit,
      commitNow,
      /** How many transactions were committed: what was read since the last of them still holds. */
      commits: () => commits
    } as const
  })
}) {}

const isSqlError = (error: unknown): error is SqlError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "SqlError"

const sqlErrorsAsDefects = <A, E>(exit: Exit.Exit<A, E | SqlError>): Exit.Exit<A, Exclude<E, SqlError>> =>
  Exit.isSuccess(exit)
    ? Exit.succeed(exit.value)
    : Exit.failCause(
        Cause.flatMap(exit.cause, (error) =>
          isSqlError(error) ? Cause.die(error) : Cause.fail(error as Exclude<E, SqlError>)
        )
      )
