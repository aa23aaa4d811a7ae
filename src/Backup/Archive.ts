import { createHash } from "node:crypto"
import { createWriteStream } from "node:fs"
import { mkdir } from "node:fs/promises"
import * as path from "node:path"
import { pipeline } from "node:stream/promises"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { BackupFailed, codeOf, detailOf } from "./Failure.ts"
import { BackupManifest, type BackupPart, manifestName } from "./Manifest.ts"
import { readTar } from "./Tar.ts"

/** Largest manifest that is read, in bytes. */
const largestManifest = 67_108_864

const decode = Schema.decodeUnknownEither(Schema.parseJson(BackupManifest), { onExcessProperty: "error" })
const decodeNewer = Schema.decodeEither(
  Schema.parseJson(Schema.Struct({ format: Schema.Number.pipe(Schema.greaterThan(1)) }))
)

const manifestOf = (text: string): BackupManifest => {
  const decoded = decode(text)
  if (Either.isRight(decoded)) return decoded.right
  if (Either.isRight(decodeNewer(text))) throw new Error("it was made by a newer version of symbi; upgrade symbi")
  throw new Error(`its ${manifestName} is damaged`)
}

const textOf = async (size: number, data: AsyncIterable<Buffer>): Promise<string> => {
  if (size > largestManifest) throw new Error(`its ${manifestName} is damaged`)
  const parts: Array<Buffer> = []
  for await (const part of data) parts.push(part)
  return Buffer.concat(parts).toString("utf8")
}

/** Goes through an archive; each part goes to `keep`, and must be what the manifest says of it. */
const walk = async (
  file: string,
  keep: (part: BackupPart, data: AsyncIterable<Buffer>) => Promise<void>
): Promise<BackupManifest> => {
  let manifest: BackupManifest | undefined
  const seen = new Set<string>()
  await readTar(file, async (name, size, data) => {
    if (manifest === undefined) {
      if (name !== manifestName) throw new Error("it is no backup of symbi")
      manifest = manifestOf(await textOf(size, data))
      return
    }
    const part = manifest.parts.find((one) => one.name === name)
    if (part === undefined || seen.has(name)) throw new Error(`${name} does not belong into it`)
    seen.add(name)
    if (size !== part.size) throw new Error(`${name} in it is damaged`)
    const hash = createHash("sha256")
    const hashed = async function* () {
      for await (const chunk of data) {
        hash.update(chunk)
        yield chunk
      }
    }
    await keep(part, hashed())
    if (hash.digest("hex") !== part.sha256) throw new Error(`${name} in it is damaged`)
  })
  if (manifest === undefined) throw new Error("it is no backup of symbi")
  const missing = manifest.parts.find(({ name }) => !seen.has(name))
  if (missing !== undefined) throw new Error(`${missing.name} is missing from it`)
  return manifest
}

const walking = (named: string, work: () => Promise<BackupManifest>) =>
  Effect.tryPromise({
    try: work,
    catch: (error) => {
      const damaged = codeOf(error).startsWith("Z_")
      const detail = damaged ? "it is damaged, or was cut" : detailOf(error)
      return new BackupFailed({ kind: "failed", message: `cannot use the backup ${named}: ${detail}` })
    }
  })

/** Reads an archive to its end and compares all parts with its manifest. */
export const verifyArchive = Effect.fn("Backup.verify")((file: string, named: string) =>
  walking(named, () =>
    walk(file, async (_, data) => {
      for await (const _chunk of data);
    })
  )
)

/** Unpacks an archive into a folder, every part compared with its manifest. */
export const extract = Effect.fn("Backup.extract")((file: string, into: string) =>
  walking(file, () =>
    walk(file, async ({ name }, data) => {
      const target = path.join(into, name)
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 })
      await pipeline(data, createWriteStream(target, { flags: "wx", mode: 0o600, flush: true }))
    })
  )
)
