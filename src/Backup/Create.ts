import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import {
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile
} from "node:fs/promises"
import * as path from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { version } from "../Version.ts"
import { verifyArchive } from "./Archive.ts"
import { auditOf, schemaOf, snapshot } from "./Database.ts"
import { BackupFailed, codeOf, working } from "./Failure.ts"
import { BackupManifest, type BackupPart, databaseName, manifestName } from "./Manifest.ts"
import { writeTar } from "./Tar.ts"

/** What to back up, and where to. */
export interface BackupRequest {
  readonly database: string
  /** The data folder that the database belongs to; null takes the database alone. */
  readonly folder: string | null
  /** The archive; it is compressed when its name ends in `gz`. */
  readonly output: string
  /** Whether a file of that name may be replaced. */
  readonly force: boolean
  readonly logs: boolean
}

/** Beside the database: read before it, so that no checkpoint tells of what the copy does not have. The log comes first: it becomes the older. */
const auditFiles = ["audit-checkpoints.log", "audit-checkpoints.log.1", "audit-key.pem"]

/** A new folder in this one, which goes with the scope. */
export const stagingIn = (folder: string, prefix: string) =>
  Effect.acquireRelease(
    working(`cannot write to ${folder}`, () => mkdtemp(path.join(folder, prefix))),
    (made) => Effect.promise(() => rm(made, { recursive: true, force: true }).catch(() => undefined))
  )

const isMissing = (error: unknown): boolean => codeOf(error) === "ENOENT"

/** Copies a file unless it is gone. */
const copyIfThere = async (from: string, to: string): Promise<void> => {
  await mkdir(path.dirname(to), { recursive: true })
  await copyFile(from, to).catch((error) => {
    if (!isMissing(error)) throw error
  })
}

/** All plain files under a folder, by their paths in it, in order. */
export const filesUnder = async (folder: string, below = ""): Promise<ReadonlyArray<string>> => {
  const names = await readdir(path.join(folder, below)).catch((error) => {
    if (isMissing(error)) return []
    throw error
  })
  const files: Array<string> = []
  for (const name of names.sort()) {
    const inside = below === "" ? name : `${below}/${name}`
    const found = await lstat(path.join(folder, inside)).catch(() => undefined)
    if (found?.isDirectory() === true) files.push(...(await filesUnder(folder, inside)))
    if (found?.isFile() === true) files.push(inside)
  }
  return files
}

/** A checkpoint that is being written has no line break yet. */
const wholeLines = async (file: string): Promise<void> => {
  const bytes = await readFile(file).catch(() => undefined)
  if (bytes !== undefined) await truncate(file, bytes.lastIndexOf(10) + 1)
}

const partOf = async (folder: string, name: string): Promise<BackupPart> => {
  const hash = createHash("sha256")
  for await (const chunk of createReadStream(path.join(folder, name))) hash.update(chunk)
  return { name, size: (await stat(path.join(folder, name))).size, sha256: hash.digest("hex") }
}

const encode = Schema.encode(Schema.parseJson(BackupManifest, { space: 2 }))

const exists = (file: string) =>
  Effect.promise(() =>
    stat(file).then(
      () => true,
      () => false
    )
  )

/**
 * Makes a backup beside a running service, or without one. It appears under its name when it is whole and was read
 * back; whatever goes wrong before, nothing is left.
 */
export const createBackup = Effect.fn("Backup.create")(function* (request: BackupRequest) {
  const { database, folder, force, logs, output } = request
  if (!(yield* exists(database))) {
    return yield* new BackupFailed({ kind: "missing", message: `no database at ${database}` })
  }
  if (!force && (yield* exists(output))) {
    return yield* new BackupFailed({ kind: "refused", message: `${output} exists; choose another name, or --force` })
  }
  const beside = path.dirname(path.resolve(output))
  yield* working(`cannot write to ${beside}`, () => mkdir(beside, { recursive: true }))
  const staging = yield* stagingIn(beside, ".symbi-backup-")
  const parts = path.join(staging, "parts")
  const what = `cannot write the backup ${output}`
  yield* working(what, async () => {
    await mkdir(parts)
    if (folder !== null)
      for (const name of auditFiles) await copyIfThere(path.join(folder, name), path.join(parts, name))
    for (const name of auditFiles.slice(0, 2)) await wholeLines(path.join(parts, name))
  })
  yield* snapshot(database, path.join(parts, databaseName))
  const schema = yield* schemaOf(path.join(parts, databaseName), database)
  const audit = yield* auditOf(parts, path.join(parts, databaseName))
  const created_at = yield* Clock.currentTimeMillis
  const names = yield* working(what, async () => {
    if (folder === null) return await filesUnder(parts)
    const folders = logs ? ["sessions", "logs"] : ["sessions"]
    for (const one of folders) {
      for (const file of await filesUnder(path.join(folder, one))) {
        await copyIfThere(path.join(folder, one, file), path.join(parts, one, file))
      }
    }
    return await filesUnder(parts)
  })
  const described = yield* working(what, () => Promise.all(names.map((name) => partOf(parts, name))))
  const manifest: BackupManifest = { format: 1, program: version, schema, created_at, logs, audit, parts: described }
  const text = yield* Effect.orDie(encode(manifest))
  const archive = path.join(staging, "archive")
  yield* working(what, async (signal) => {
    const manifestFile = path.join(staging, manifestName)
    await writeFile(manifestFile, `${text}\n`)
    const { size } = await stat(manifestFile)
    const entries = described.map((part) => ({ ...part, path: path.join(parts, part.name) }))
    await writeTar(archive, [{ name: manifestName, path: manifestFile, size }, ...entries], {
      gzip: output.endsWith("gz"),
      seconds: Math.floor(created_at / 1_000),
      signal
    })
  })
  yield* verifyArchive(archive, output)
  const { size } = yield* working(what, async () => {
    await rename(archive, output)
    return await stat(output)
  })
  return { manifest, size } as const
}, Effect.scoped)
