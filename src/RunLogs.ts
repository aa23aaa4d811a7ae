import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { RunId } from "./Domain/Ids.ts"
import { Settings } from "./Settings.ts"

/** Most bytes kept of one run's log. */
export const maxRunLogBytes = 1_048_576

const cutMark = `\n[log cut at ${maxRunLogBytes} bytes]\n`

/** How many ended runs are remembered, so that late followers of their logs end at once. */
const maxRemembered = 1_000

/** A run that logs or is followed: what its file holds, and who waits for more. */
interface LiveLog {
  size: number | null
  readonly lock: Effect.Semaphore
  readonly followers: Set<Queue.Queue<void>>
  failed: boolean
}

/**
 * What agents say while they run, one file per run under `<data>/logs/runs`. A log that cannot be written is a warning
 * in the service's log, never a failure of the run.
 */
export class RunLogs extends Effect.Service<RunLogs>()("symbiont/RunLogs", {
  effect: Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { data_dir } = yield* Settings
    const folder = path.join(data_dir, "logs", "runs")
    const live = new Map<RunId, LiveLog>()
    const ended = new Set<RunId>()

    const fileOf = (run_id: RunId) => path.join(folder, `${run_id}.log`)

    const liveLog = (run_id: RunId) =>
      Effect.sync(() => {
        const known = live.get(run_id)
        if (known !== undefined) return known
        const made: LiveLog = { size: null, lock: Effect.unsafeMakeSemaphore(1), followers: new Set(), failed: false }
        live.set(run_id, made)
        return made
      })

    const notify = (log: LiveLog) => Effect.forEach(log.followers, (wake) => Queue.offer(wake, undefined))

    const sizeOnDisk = (run_id: RunId) =>
      fs.stat(fileOf(run_id)).pipe(
        Effect.map((info) => Number(info.size)),
        Effect.catchAll(() => Effect.as(fs.makeDirectory(folder, { recursive: true }), 0))
      )

    const write = Effect.fnUntraced(function* (run_id: RunId, log: LiveLog, text: string) {
      const size = log.size ?? (yield* sizeOnDisk(run_id))
      if (size >= maxRunLogBytes) return
      const bytes = new TextEncoder().encode(text)
      const room = maxRunLogBytes - size
      // In stream mode the decoder leaves out a character that the cut would go through.
      const kept =
        bytes.byteLength <= room
          ? text
          : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, room), { stream: true }) + cutMark
      yield* fs.writeFileString(fileOf(run_id), kept, { flag: "a" })
      log.size = size + bytes.byteLength
      log.failed = false
      yield* notify(log)
    })

    const append = Effect.fnUntraced(function* (run_id: RunId, text: string) {
      if (text === "") return
      ended.delete(run_id)
      const log = yield* liveLog(run_id)
      yield* write(run_id, log, text).pipe(
        Effect.catchAll((error) => {
          if (log.failed) return Effect.void
          log.failed = true
          return Effect.logWarning(`the log of run ${run_id} cannot be written: ${error.message}`)
        }),
        log.lock.withPermits(1)
      )
    })

    const remember = (run_id: RunId) => {
      ended.add(run_id)
      for (const oldest of ended) {
        if (ended.size <= maxRemembered) break
        ended.delete(oldest)
      }
    }

    const end = (run_id: RunId): Effect.Effect<void> =>
      Effect.suspend(() => {
        const log = live.get(run_id)
        // One that neither logged nor was followed.
        if (log === undefined) return Effect.sync(() => remember(run_id))
        return Effect.suspend(() => {
          remember(run_id)
          live.delete(run_id)
          return notify(log)
        }).pipe(log.lock.withPermits(1))
      })

    const read = Effect.fn("RunLogs.read")((run_id: RunId) =>
      fs.readFileString(fileOf(run_id)).pipe(
        Effect.catchIf(
          (error) => error._tag === "SystemError" && error.reason === "NotFound",
          () => Effect.succeed("")
        ),
        Effect.orDie
      )
    )

    /** Removes the log of a run that is deleted. */
    const remove = Effect.fn("RunLogs.remove")((run_id: RunId) =>
      fs
        .remove(fileOf(run_id), { force: true })
        .pipe(Effect.catchAll((error) => Effect.logWarning(`the log of run ${run_id} stays: ${error.message}`)))
    )

    const readFrom = (run_id: RunId, offset: number) =>
      fs.stream(fileOf(run_id), { offset }).pipe(
        Stream.runFold(new Uint8Array(), (all, chunk) => Buffer.concat([all, chunk])),
        Effect.catchIf(
          (error) => error._tag === "SystemError" && error.reason === "NotFound",
          () => Effect.succeed(new Uint8Array())
        ),
        Effect.orDie
      )

    /**
     * What the log holds, then what comes, until `end`. For a run that can still change: the log of one that ended
     * before this service started never ends, so read those.
     */
    const follow = (run_id: RunId): Stream.Stream<string> =>
      Stream.unwrapScoped(
        Effect.gen(function* () {
          // One slot is enough: a follower reads on from where it was, however often it was woken.
          const wake = yield* Queue.sliding<void>(1)
          if (!ended.has(run_id)) {
            const log = yield* liveLog(run_id)
            yield* Effect.acquireRelease(
              Effect.sync(() => log.followers.add(wake)),
              () =>
                Effect.sync(() => {
                  log.followers.delete(wake)
                  if (log.followers.size === 0 && log.size === null && live.get(run_id) === log) live.delete(run_id)
                })
            )
          }
          const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
          const next = Effect.fnUntraced(function* (offset: number) {
            // Asked before reading, so that nothing written before the end is missed.
            const last = ended.has(run_id)
            const bytes = yield* readFrom(run_id, offset)
            if (bytes.byteLength === 0 && !last) yield* Queue.take(wake)
            return [
              decoder.decode(bytes, { stream: !last }),
              last ? Option.none<number>() : Option.some(offset + bytes.byteLength)
            ] as const
          })
          return Stream.filter(Stream.paginateEffect(0, next), (text) => text !== "")
        })
      )

    return { append, end, read, follow, remove } as const
  })
}) {}
