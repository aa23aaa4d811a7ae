import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { maxCheckpoints } from "../Api.ts"
import type { AuditCheckpoint, AuditVerdict } from "../Domain/Audit.ts"
import { oneOf } from "./Arguments.ts"
import { CliError, unreadable, unusable } from "./Errors.ts"
import { longPatience, withClient } from "./Root.ts"

const usage = (message: string) => new CliError({ kind: "usage", message })

const auditLog = Effect.promise(() => import("../AuditLog.ts"))

/** The checkpoints of a file, one a line; the newest, if there are too many to send. */
const readCheckpoints = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const { readLines } = yield* auditLog
  const text = yield* Effect.mapError(fs.readFileString(file), unreadable(file))
  const checkpoints = yield* Either.mapLeft(readLines(text), (line) =>
    usage(`${file}: line ${line} is no checkpoint as \`symbi audit checkpoint\` prints them`)
  )
  if (checkpoints.length === 0) return yield* usage(`${file} holds no checkpoints`)
  if (checkpoints.length <= maxCheckpoints) return checkpoints
  yield* Console.error(`${file} holds ${checkpoints.length} checkpoints; the newest ${maxCheckpoints} are compared`)
  return checkpoints.toSorted((a, b) => a.seq - b.seq).slice(-maxCheckpoints)
})

const ask = (checkpoints: ReadonlyArray<AuditCheckpoint>) =>
  withClient(
    (client) => (checkpoints.length === 0 ? client.audit.verify() : client.audit.compare({ payload: { checkpoints } })),
    longPatience
  )

const databaseName = "symbiont.db"

/** A database file. Where it lies in its data folder, it is compared with the checkpoints there; a copy has none. */
const verifyDatabase = Effect.fnUntraced(function* (file: string, checkpoints: ReadonlyArray<AuditCheckpoint>) {
  const path = yield* Path.Path
  const { keptIn, verifyKept } = yield* auditLog
  const { verifyFile } = yield* Effect.promise(() => import("../JobStore/AuditFile.ts"))
  const none = { checkpoints: [], damage: null }
  const own = path.basename(file) === databaseName
  const kept = own ? yield* Effect.mapError(keptIn(path.dirname(file)), unusable) : none
  return yield* verifyKept((all) => verifyFile(file, all), kept, checkpoints).pipe(Effect.mapError(unusable))
})

/** The database of a data folder. */
const verifyFolder = Effect.fnUntraced(function* (folder: string, checkpoints: ReadonlyArray<AuditCheckpoint>) {
  const path = yield* Path.Path
  return yield* verifyDatabase(path.join(folder, databaseName), checkpoints)
})

const print = Effect.fnUntraced(function* (verdict: AuditVerdict, as: "text" | "json") {
  if (as === "json") {
    yield* Console.log(JSON.stringify(verdict, null, 2))
  } else if (verdict.ok) {
    const { head } = verdict
    yield* Console.log(`ok: ${verdict.entries} entries; the last is ${head.seq}, with the hash ${head.hash}`)
  } else {
    const { detail, id, kind, seq } = verdict.broken
    const place = seq === 0 ? "" : ` at entry ${seq}${id === null ? "" : ` (${id})`}`
    yield* Console.log(`broken${place}: ${kind}: ${detail}`)
  }
  if (!verdict.ok) {
    return yield* new CliError({ kind: "failed", message: "the audit log is not as it was written" })
  }
})

/** `symbi audit verify` */
export const verify = Command.make(
  "verify",
  {
    checkpoint: Options.text("checkpoint").pipe(
      Options.withPseudoName("file"),
      Options.withDescription("compare with the checkpoints that were kept in this file, one a line"),
      Options.optional
    ),
    db: Options.text("db").pipe(
      Options.withPseudoName("file"),
      Options.withDescription("without a service: verify this database file; nothing is changed"),
      Options.optional
    ),
    data: Options.text("data").pipe(
      Options.withPseudoName("folder"),
      Options.withDescription("without a service: verify the database and the checkpoints of this data folder"),
      Options.optional
    ),
    format: oneOf("format", ["text", "json"]).pipe(
      Options.withDescription("text for people (the default), or json for programs"),
      Options.withDefault("text" as const)
    )
  },
  ({ checkpoint, data, db, format }) =>
    Effect.gen(function* () {
      if (Option.isSome(db) && Option.isSome(data)) return yield* usage("--db or --data, not both")
      const checkpoints = Option.isNone(checkpoint) ? [] : yield* readCheckpoints(checkpoint.value)
      const verdict = Option.isSome(db)
        ? yield* Effect.provide(verifyDatabase(db.value, checkpoints), NodeContext.layer)
        : Option.isSome(data)
          ? yield* Effect.provide(verifyFolder(data.value, checkpoints), NodeContext.layer)
          : yield* ask(checkpoints)
      yield* print(verdict, format)
    })
).pipe(Command.withDescription("Compute the log's hash chain again and name the first entry that is broken"))
