import { mkdir, readdir, rename } from "node:fs/promises"
import * as path from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { formatInstant } from "../Domain/Instant.ts"
import { lockDataFolder } from "../JobStore/DataLock.ts"
import { schemaVersion } from "../JobStore/Migrations.ts"
import { extract } from "./Archive.ts"
import { stagingBeside } from "./Create.ts"
import { auditOf, schemaOf } from "./Database.ts"
import { BackupFailed, failure, working } from "./Failure.ts"
import { databaseName } from "./Manifest.ts"

/** What to restore, and where to. */
export interface RestoreRequest {
  readonly file: string
  /** The data folder. */
  readonly folder: string
  /** Whether a folder that holds something may be set aside. */
  readonly force: boolean
  readonly dryRun: boolean
}

const refused = (message: string) => new BackupFailed({ kind: "refused", message })

const namesIn = (folder: string) =>
  working(`cannot read ${folder}`, () =>
    readdir(folder).catch((error) => {
      if (error.code === "ENOENT") return []
      throw error
    })
  )

/** `20260215T093000Z` */
const stamp = (millis: number): string => formatInstant(millis).replace(/[-:]|\.\d{3}/g, "")

const swap = (folder: string, aside: string | null, staged: string) =>
  working(`cannot put the backup in the place of ${folder}`, async () => {
    if (aside !== null) await rename(folder, aside)
    try {
      await rename(staged, folder)
    } catch (error) {
      if (aside !== null) await rename(aside, folder)
      throw error
    }
  })

/**
 * Puts a backup in the place of a data folder that no service uses. All of it is unpacked and verified beside the
 * folder first; what was in the folder is set aside under another name, never deleted.
 */
export const restoreBackup = Effect.fn("Backup.restore")(function* (request: RestoreRequest) {
  const { dryRun, file, force } = request
  const folder = path.resolve(request.folder)
  const full = (yield* namesIn(folder)).length > 0
  if (full && !force && !dryRun) {
    return yield* refused(`${folder} holds data; with --force it is set aside as ${folder}.before-restore-TIME`)
  }
  if (full) yield* Effect.mapError(lockDataFolder(folder), failure("cannot restore"))

  const staging = yield* stagingBeside(folder, ".symbi-restore-")
  const staged = path.join(staging, "data")
  yield* working(`cannot write to ${staging}`, () => mkdir(staged, { mode: 0o700 }))
  const manifest = yield* extract(file, staged)
  if (manifest.schema > schemaVersion) {
    return yield* refused(
      `${file} was made by symbi ${manifest.program} (schema ${manifest.schema}, this one knows ${schemaVersion}); upgrade symbi`
    )
  }
  const database = path.join(staged, databaseName)
  const schema = yield* schemaOf(database, `${databaseName} of ${file}`)
  if (schema !== manifest.schema) {
    return yield* refused(`${file} says that its database has schema ${manifest.schema}, but it has ${schema}`)
  }
  const audit = yield* auditOf(staged, database)
  // One that was broken when the backup was made is restored as it was: it can be looked into then.
  if (audit.broken !== null && manifest.audit.broken === null) {
    return yield* refused(`the audit log in ${file} is not as it was written: ${audit.broken}`)
  }
  const aside = full ? `${folder}.before-restore-${stamp(yield* Clock.currentTimeMillis)}` : null
  if (dryRun) return { manifest, folder, aside } as const
  yield* swap(folder, aside, staged)
  return { manifest, folder, aside } as const
}, Effect.scoped)
