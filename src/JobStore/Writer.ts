import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Runtime from "effect/Runtime"
import { recordCommit } from "../Observability.ts"
import { StorageHealth } from "../StorageHealth.ts"
import { Counters } from "./Counters.ts"
import { Database } from "./Database.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { Tally } from "./Tally.ts"

interface Write {
  readonly run: Effect.Effect<void, unknown>
  readonly exit: () => Exit.Exit<unknown, unknown> | undefined
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
    const { prepare } = yield* Database
    const [begin, commitAll, rollback] = [prepare("BEGIN"), prepare("COMMIT"), prepare("ROLLBACK")]
    const audit = yield* SqliteAudit
    const counters = yield* Counters
    const tally = yield* Tally
    const mailbox = yield* Mailbox.make<Write>({ capacity })
    const gathering = yield* Gathering
    const storage = yield* StorageHealth
    const inOneTurn = Runtime.runSyncExit(yield* Effect.runtime())
    let commits = 0

    const abandon = Effect.sync(() => {
      audit.discard()
      counters.discard()
      tally.discard()
      // A commit that fails (disk full) can leave the transaction open, which would refuse every later one.
      try {
        rollback.run()
      } catch {
        // SQLite has rolled it back by itself.
      }
    })

    const transaction = (batch: ReadonlyArray<Write>) =>
      Effect.gen(function* () {
        begin.run()
        for (const write of batch) yield* write.run
        audit.flush()
        counters.flush()
        commitAll.run()
        commits += 1
        yield* tally.publish
        yield* recordCommit(batch.length)
      }).pipe(
        Effect.onError((cause) => Effect.zipRight(abandon, storage.refused(cause))),
        // A span for each statement would hang under none of the callers; their own spans cover the wait.
        Effect.withTracerEnabled(false),
        Effect.annotateLogs("component", "store")
      )

    // What the write itself failed of says more than what its transaction then failed of.
    const alone = (write: Write) => {
      const exit = inOneTurn(transaction([write]))
      const own = write.exit()
      write.complete(own === undefined || (Exit.isSuccess(own) && Exit.isFailure(exit)) ? exit : own)
    }

    const commitBatch = (batch: ReadonlyArray<Write>) => {
      const exit = inOneTurn(transaction(batch))
      for (const write of batch) {
        if (Exit.isSuccess(exit)) write.complete(write.exit() ?? Exit.void)
        else alone(write)
      }
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

    /** Runs a write in the next shared transaction; returns when it is durable. Database failures are defects. */
    const commit = <A, E>(write: Effect.Effect<A, E | SqlError>): Effect.Effect<A, Exclude<E, SqlError>> =>
      Effect.suspend(() => {
        const done = Deferred.unsafeMake<A, E | SqlError>(FiberId.none)
        let result: Exit.Exit<A, E | SqlError> | undefined
        const accepted = mailbox.offer({
          run: Effect.flatMap(Effect.exit(write), (exit) => {
            result = exit
            return exit
          }),
          exit: () => result,
          complete: (exit) => Deferred.unsafeDone(done, exit as Exit.Exit<A, E | SqlError>)
        })
        return Effect.flatMap(accepted, (isAccepted) =>
          isAccepted ? Deferred.await(done) : Effect.dieMessage("the store is closed: nothing can be written any more")
        )
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
