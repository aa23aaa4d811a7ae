import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { AuditCheckpoint, type AuditVerdict } from "../Domain/Audit.ts"
import { isSigned, publicKeyOf, readKey } from "./Key.ts"

/** The files in a data folder. The older of the two logs is the one that grew too large. */
export const fileNames = {
  key: "audit-key.pem",
  log: "audit-checkpoints.log",
  older: "audit-checkpoints.log.1"
} as const

const decodeLine = Schema.decodeUnknownEither(Schema.parseJson(AuditCheckpoint), { onExcessProperty: "error" })
const encodeLine = Schema.encodeSync(Schema.parseJson(AuditCheckpoint))

/** A checkpoint as one line of JSON. */
export const lineOf = (checkpoint: AuditCheckpoint): string => `${encodeLine(checkpoint)}\n`

/** Checkpoints, one a line; left is the number of the first line that is none. */
export const readLines = (text: string): Either.Either<ReadonlyArray<AuditCheckpoint>, number> => {
  const checkpoints: Array<AuditCheckpoint> = []
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue
    const decoded = decodeLine(line)
    if (Either.isLeft(decoded)) return Either.left(index + 1)
    checkpoints.push(decoded.right)
  }
  return Either.right(checkpoints)
}

/** Signatures that are verified before others may work: a tenth of a millisecond each. */
const someCheckpoints = 50

/** The checkpoints that a data folder keeps, oldest first, and what is wrong with the files, if anything is. */
export interface Kept {
  readonly checkpoints: ReadonlyArray<AuditCheckpoint>
  readonly damage: string | null
}

/** Reads the checkpoints of a data folder, which must be signed by its key; none where there are no files. */
export const keptIn = Effect.fn("AuditLog.keptIn")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  // Whoever may read the log but not the key still sees what the lines themselves say.
  const key = yield* Effect.orElseSucceed(readKey(path.join(folder, fileNames.key)), () => null)
  const own = key === null ? null : publicKeyOf(key)
  const checkpoints: Array<AuditCheckpoint> = []
  for (const name of [fileNames.older, fileNames.log]) {
    const file = path.join(folder, name)
    if (!(yield* fs.exists(file))) continue
    const lines = readLines(yield* fs.readFileString(file))
    if (Either.isLeft(lines)) {
      return { checkpoints, damage: `line ${lines.left} of ${name} is no checkpoint` } satisfies Kept
    }
    for (const [index, checkpoint] of lines.right.entries()) {
      if (index % someCheckpoints === 0) yield* Effect.yieldNow()
      const damage =
        own !== null && checkpoint.public_key !== own
          ? `${name} has a checkpoint of entry ${checkpoint.seq} that was signed by another key than ${fileNames.key}`
          : isSigned(checkpoint)
            ? null
            : `${name} has a checkpoint of entry ${checkpoint.seq} whose signature is not of what it says`
      if (damage !== null) return { checkpoints, damage } satisfies Kept
      checkpoints.push(checkpoint)
    }
  }
  // The service writes the first one as soon as it has the key.
  const damage = own !== null && checkpoints.length === 0 ? `${fileNames.log} is gone, or empty` : null
  return { checkpoints, damage } satisfies Kept
})

/** A log compared with the checkpoints of its folder and with others. */
export const verifyKept = <E, R>(
  verify: (checkpoints: ReadonlyArray<AuditCheckpoint>) => Effect.Effect<AuditVerdict, E, R>,
  { checkpoints, damage }: Kept,
  others: ReadonlyArray<AuditCheckpoint>
): Effect.Effect<AuditVerdict, E, R> =>
  Effect.map(verify([...checkpoints, ...others]), (verdict): AuditVerdict => {
    if (!verdict.ok || damage === null) return verdict
    return { ok: false, broken: { seq: verdict.head.seq, id: null, kind: "checkpoint_mismatch", detail: damage } }
  })
