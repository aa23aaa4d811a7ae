import * as path from "node:path"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { BackupFailed, BackupManifest } from "../Backup.ts"
import { formatInstant, shortInstant } from "../Domain/Instant.ts"
import { dataFolder, dataOptions } from "./DataFolder.ts"
import { CliError } from "./Errors.ts"
import { size } from "./Show.ts"

const loaded = Effect.promise(() => import("../Backup.ts"))

const kinds = { failed: "failed", refused: "conflict", missing: "notFound" } as const

const told = ({ kind, message }: BackupFailed) => new CliError({ kind: kinds[kind], message })

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

const holds = ({ audit, created_at, logs, parts, schema }: BackupManifest): string =>
  `made at ${shortInstant(created_at)} (schema ${schema}): ${counted(parts.length, "file")}, ${`${audit.entries} audit ${audit.entries === 1 ? "entry" : "entries"}`}, ${logs ? "with" : "without"} logs`

const doubts = ({ audit }: BackupManifest) =>
  audit.broken === null
    ? Effect.void
    : Console.error(`warning: the audit log was broken when the backup was made: ${audit.broken}`)

/** The data folder that a database belongs to; null when it is not named as the one of a data folder. */
const folderOf = (database: string): string | null =>
  path.basename(database) === "symbiont.db" ? path.dirname(database) : null

/** `symbi backup` */
export const backup = Command.make(
  "backup",
  {
    output: Options.text("output").pipe(
      Options.withAlias("o"),
      Options.withPseudoName("file"),
      Options.withDescription(
        "the archive to write, compressed unless its name ends in .tar (default symbi-backup-TIME.tar.gz)"
      ),
      Options.optional
    ),
    db: Options.text("db").pipe(
      Options.withPseudoName("file"),
      Options.withDescription("the database; what else is in its folder is taken too when it is named symbiont.db"),
      Options.optional
    ),
    ...dataOptions,
    logs: Options.boolean("with-logs").pipe(Options.withDescription("also the logs of runs and jobs")),
    force: Options.boolean("force").pipe(Options.withDescription("replace a file of that name"))
  },
  ({ config, data, db, force, logs, output }) =>
    Effect.gen(function* () {
      if (Option.isSome(db) && Option.isSome(data)) {
        return yield* new CliError({ kind: "usage", message: "--db or --data, not both" })
      }
      const folder = Option.isSome(db) ? folderOf(db.value) : yield* dataFolder({ config, data })
      const now = formatInstant(yield* Clock.currentTimeMillis).replace(/[-:]|\.\d{3}/g, "")
      const file = Option.getOrElse(output, () => `symbi-backup-${now}.tar.gz`)
      const { createBackup, databaseName } = yield* loaded
      const made = yield* Effect.mapError(
        createBackup({
          database: Option.getOrElse(db, () => `${folder}/${databaseName}`),
          folder,
          output: file,
          force,
          logs
        }),
        told
      )
      yield* doubts(made.manifest)
      yield* Console.error(`${size(made.size)}, ${holds(made.manifest)}; read back and verified`)
      yield* Console.log(file)
    })
).pipe(Command.withDescription("Back up a data folder into one file, also while its service runs"))

/** `symbi restore` */
export const restore = Command.make(
  "restore",
  {
    ...dataOptions,
    force: Options.boolean("force").pipe(
      Options.withDescription(
        "set what is in the data folder aside, as FOLDER.before-restore-TIME (in it, where it is a mount point)"
      )
    ),
    dryRun: Options.boolean("dry-run").pipe(
      Options.withDescription("only unpack, among temporary files, and verify; change nothing")
    ),
    file: Args.text({ name: "file" }).pipe(Args.withDescription("a file that symbi backup wrote"))
  },
  ({ config, data, dryRun, file, force }) =>
    Effect.gen(function* () {
      const { restoreBackup } = yield* loaded
      const folder = yield* dataFolder({ config, data })
      const done = yield* Effect.mapError(restoreBackup({ file, folder, force, dryRun }), told)
      yield* doubts(done.manifest)
      yield* Console.error(`the backup is good; ${holds(done.manifest)}`)
      if (dryRun) {
        const first = done.aside === null ? "" : `; what is there would be set aside as ${done.aside}`
        return yield* Console.log(`would restore into ${done.folder}${first}`)
      }
      if (done.aside !== null) yield* Console.error(`what was there is now in ${done.aside}`)
      yield* Console.error(
        "slots since then are handled as after an outage, by each job's misfire policy; start with `symbi up`"
      )
      yield* Console.log(`restored into ${done.folder}`)
    })
).pipe(Command.withDescription("Put a backup in the place of a data folder; its service must be stopped"))
