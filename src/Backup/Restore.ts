import { constants } from "node:fs"
import { access, mkdir, readdir, realpath, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { lockDataFolder } from "../JobStore/DataLock.ts"
import { schemaVersion } from "../JobStore/Migrations.ts"
import { extract } from "./Archive.ts"
import { stagingIn } from "./Create.ts"
import { auditOf, schemaOf } from "./Database.ts"
import { BackupFailed, codeOf, failure, working } from "./Failure.ts"
import { databaseName } from "./Manifest.ts"
import { asideOf, giveTo, isMountPoint, lockName, stagingName, stays, swap } from "./Swap.ts"

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

/** What is in a folder; null when there is none. */
const namesIn = (folder: string) =>
  working(`cannot read ${folder}`, () =>
    readdir(folder).catch((error) => {
      if (codeOf(error) === "ENOENT") return null
      throw error
    })
  )

const isWritable = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK).then(
    () => true,
    () => false
  )

/** The folder itself where a link leads to it: the link stays. */
const realFolder = (folder: string) =>
  working(`cannot read ${folder}`, () =>
    realpath(folder).catch((error) => {
      if (codeOf(error) === "ENOENT") return path.resolve(folder)
      throw error
    })
  )

/** The nearest folder above that there is. */
const existingAbove = async (folder: string): Promise<string> => {
  const above = path.dirname(folder)
  return above === folder || (await stat(above).catch(() => undefined))?.isDirectory() ? above : existingAbove(above)
}

/** Where to unpack: on the file system of the folder, so that it can be put in its place in one step. */
const stagingFor = (folder: string, keepsPlace: boolean) =>
  Effect.flatMap(
    working(`cannot read ${folder}`, () => (keepsPlace ? Promise.resolve(folder) : existingAbove(folder))),
    (place) => stagingIn(place, stagingName)
  )

const checkFile = (file: string) =>
  Effect.tryPromise({
    try: () => access(file, constants.R_OK),
    catch: (error) =>
      codeOf(error) === "ENOENT"
        ? new BackupFailed({ kind: "missing", message: `no backup at ${file}` })
        : failure(`cannot use the backup ${file}`)(error)
  })

/**
 * Puts a backup in the place of a data folder that no service uses. All of it is unpacked and verified beside the
 * folder first (of a rehearsal, among temporary files); what was in the folder is set aside, never deleted. A folder
 * that is a mount point, or in a folder that cannot be written to, keeps its place, and only what is in it changes.
 */
export const restoreBackup = Effect.fn("Backup.restore")(function* (request: RestoreRequest) {
  const { dryRun, file, force } = request
  yield* checkFile(file)
  const named = path.resolve(request.folder)
  const folder = yield* realFolder(named)
  const found = yield* namesIn(folder)
  const names = found ?? []
  const full = names.some((name) => !stays(name))
  if (full && !names.includes(databaseName)) {
    return yield* refused(
      `${named} holds files but no ${databaseName}: it is no data folder; move it away, or name another with --data`
    )
  }
  const keepsPlace = yield* working(`cannot read ${folder}`, async () => {
    if (found === null) return false
    if (names.length > 0 && !full) return true
    return (await isMountPoint(folder)) || !(await isWritable(path.dirname(folder)))
  })
  const now = yield* Clock.currentTimeMillis
  if (full && !force && !dryRun) {
    const place = asideOf(folder, now, keepsPlace).replace(/[^-]*$/, "TIME")
    return yield* refused(`${named} holds data; with --force it is set aside as ${place}`)
  }
  // A rehearsal makes no lock where there is none.
  if ((full && !dryRun) || names.includes(lockName)) {
    yield* Effect.mapError(lockDataFolder(folder), failure("cannot restore"))
  }

  const staging = yield* dryRun ? stagingIn(tmpdir(), stagingName) : stagingFor(folder, keepsPlace)
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
  if (dryRun) return { manifest, folder: named, aside: full ? asideOf(folder, now, keepsPlace) : null } as const
  const aside = yield* working(`cannot put the backup in the place of ${named}`, async () => {
    if (found !== null) await giveTo(folder, staged)
    return await swap(folder, staged, { full, keepsPlace, now })
  })
  return { manifest, folder: named, aside } as const
}, Effect.scoped)
