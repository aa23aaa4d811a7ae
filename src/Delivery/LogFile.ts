import { createHash } from "node:crypto"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import { DeliveryFailure } from "../Domain/Delivery.ts"
import { formatInstant } from "../Domain/Instant.ts"
import type { Job } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import { Settings } from "../Settings.ts"
import { deliveryNotes, headingOf } from "./CurrentDelivery.ts"

/** Size at which a job's log file is set aside as `.1`. */
export const maxLogFileBytes = 10 * 1_048_576

/** How many files set aside are kept, `.1` the newest. */
export const keptLogFiles = 5

const maxStem = 120

/**
 * A file name for a job, without its extension: bytes other than `A-Z a-z 0-9 . _ -`, and a leading dot, as `%XX`. Long
 * names are cut and end in `~` and a hash, so two names never share a file, and no name has a separator in it.
 */
export const safeName = (name: string): string => {
  let stem = ""
  for (const byte of new TextEncoder().encode(name)) {
    const character = String.fromCharCode(byte)
    const plain = /[A-Za-z0-9._-]/.test(character) && !(stem === "" && character === ".")
    stem += plain ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
  }
  if (stem.length <= maxStem) return stem
  return `${stem.slice(0, maxStem)}~${createHash("sha256").update(name).digest("hex").slice(0, 32)}`
}

/** Appends outputs to one file per job under `<data>/logs/jobs`, rotated by size. */
export const makeLogFile = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { data_dir } = yield* Settings
  const folder = path.join(data_dir, "logs", "jobs")
  // Rotation and append of one file must not interleave; they are short, so all files share the lock.
  const lock = yield* Effect.makeSemaphore(1)

  const isNotFound = (error: PlatformError) => error._tag === "SystemError" && error.reason === "NotFound"

  const renameIfThere = (from: string, to: string) => Effect.catchIf(fs.rename(from, to), isNotFound, () => Effect.void)

  const rotate = Effect.fnUntraced(function* (file: string, incoming: number) {
    const size = yield* fs.stat(file).pipe(
      Effect.map((info) => Number(info.size)),
      Effect.catchIf(isNotFound, () => Effect.succeed(0))
    )
    if (size === 0 || size + incoming <= maxLogFileBytes) return
    for (let n = keptLogFiles - 1; n >= 1; n--) yield* renameIfThere(`${file}.${n}`, `${file}.${n + 1}`)
    yield* renameIfThere(file, `${file}.1`)
  })

  return Effect.fnUntraced(
    function* (job: Job, run: Run, output: string) {
      const file = path.join(folder, `${safeName(job.name)}.log`)
      const { time, what } = yield* headingOf(yield* deliveryNotes("log_file", run), run)
      const text = `${formatInstant(time)} ${run.id} ${what}\n${output}${output.endsWith("\n") ? "" : "\n"}`
      yield* fs.makeDirectory(folder, { recursive: true })
      yield* rotate(file, Buffer.byteLength(text))
      yield* fs.writeFileString(file, text, { flag: "a" })
    },
    Effect.mapError(
      (error) =>
        new DeliveryFailure({
          channel: "log_file",
          message: `the job's log file cannot be written: ${error.message}`,
          permanent: false,
          cause: error
        })
    ),
    lock.withPermits(1)
  )
})
