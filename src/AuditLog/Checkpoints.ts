import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { AuditLog } from "../AuditLog.ts"
import type { AuditCheckpoint } from "../Domain/Audit.ts"
import { Settings } from "../Settings.ts"
import { fileNames, keptIn, lineOf, readLines, verifyKept } from "./Kept.ts"
import { makeKey, readKey, signed } from "./Key.ts"

/** Size at which the file of checkpoints is set aside as `.1`, over the one set aside before; some 4,000 of them. */
const maxBytes = 1_048_576

/** The shortest time between two checkpoints that nobody asked for. */
const pace = "1 minute"

/** Keeps the checkpoints of a log as long as the scope lives; see the door. */
export const makeCheckpoints = Effect.fnUntraced(function* (log: AuditLog["Type"]) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { data_dir } = yield* Settings
  const file = path.join(data_dir, fileNames.log)
  const keyFile = path.join(data_dir, fileNames.key)
  yield* Effect.orDie(fs.makeDirectory(data_dir, { recursive: true }))
  const lock = yield* Effect.makeSemaphore(1)
  // Each walks the whole log; all at once would leave the service no time for anything else.
  const oneByOne = yield* Effect.makeSemaphore(1)

  const folder = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const kept = keptIn(data_dir).pipe(Effect.orDie, Effect.provide(folder))

  // What another key signed would from now on look forged.
  const setAside = Effect.fnUntraced(function* () {
    const time = yield* Clock.currentTimeMillis
    for (const name of [fileNames.log, fileNames.older]) {
      const old = path.join(data_dir, name)
      if (!(yield* fs.exists(old))) continue
      yield* fs.rename(old, `${old}.until-${time}`)
      yield* Effect.logWarning(`${fileNames.key} was gone: a new one was made, and ${name} set aside`)
    }
  }, Effect.orDie)

  const key = (yield* readKey(keyFile)) ?? (yield* Effect.zipRight(setAside(), makeKey(keyFile)))

  // A line that was half written when the machine stopped would hide those after it.
  const lastLine = Effect.gen(function* () {
    if (!(yield* fs.exists(file))) return undefined
    const bytes = yield* fs.readFile(file)
    const whole = bytes.lastIndexOf(10) + 1
    if (whole < bytes.length) yield* fs.truncate(file, whole)
    const text = Buffer.from(bytes.subarray(0, whole)).toString().trimEnd()
    return Either.getOrElse(readLines(text.slice(text.lastIndexOf("\n") + 1)), () => []).at(-1)
  }).pipe(Effect.orDie)

  const write = Effect.fnUntraced(function* (checkpoint: AuditCheckpoint) {
    const line = Buffer.from(lineOf(checkpoint))
    const size = (yield* fs.exists(file)) ? Number((yield* fs.stat(file)).size) : 0
    if (size > 0 && size + line.length > maxBytes) yield* fs.rename(file, path.join(data_dir, fileNames.older))
    const opened = yield* fs.open(file, { flag: "a", mode: 0o600 })
    yield* opened.writeAll(line)
    yield* opened.sync
  }, Effect.scoped)

  let newest: AuditCheckpoint | undefined = yield* lastLine

  const make = Effect.gen(function* () {
    const head = yield* log.head
    if (newest !== undefined && newest.seq === head.seq && newest.hash === head.hash) return newest
    const checkpoint = signed(key, head, yield* Clock.currentTimeMillis)
    yield* Effect.orDie(write(checkpoint))
    newest = checkpoint
    return checkpoint
  }).pipe(lock.withPermits(1), Effect.withSpan("AuditCheckpoints.make"))

  const tried = Effect.catchAllCause(make, (cause) =>
    Effect.logError("no checkpoint of the audit log could be written", cause)
  )

  const { seq } = yield* log.head
  if (newest !== undefined && newest.seq > seq) {
    yield* Effect.logError(
      `the audit log ends at entry ${seq}, but had ${newest.seq} when its last checkpoint was made; see \`symbi audit verify\``
    )
  }
  yield* tried
  yield* Effect.addFinalizer(() => tried)
  yield* Effect.forkScoped(Effect.annotateLogs(Effect.forever(Effect.delay(tried, pace)), "component", "audit"))

  return {
    make,
    newest: Effect.sync(() => newest),
    verify: (others: ReadonlyArray<AuditCheckpoint>) =>
      oneByOne.withPermits(1)(Effect.flatMap(kept, (own) => verifyKept(log.verify, own, others)))
  } as const
})
