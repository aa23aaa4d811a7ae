import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type AuditCheckpoint, type AuditHead, signedText } from "../Domain/Audit.ts"

/** The key that checkpoints are signed with cannot be read or made. */
export class AuditKeyUnusable extends Data.TaggedError("AuditKeyUnusable")<{
  readonly file: string
  readonly detail: string
}> {
  override get message() {
    return `cannot use the audit log's key ${this.file}: ${this.detail}; restore it, or move it away to have a new one made`
  }
}

/** The public half of a key, as checkpoints name it. */
export const publicKeyOf = (key: KeyObject): string =>
  createPublicKey(key).export({ format: "der", type: "spki" }).toString("base64")

const detailOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The private key of a PEM text; only Ed25519. */
const keyFrom = (file: string, pem: string): Effect.Effect<KeyObject, AuditKeyUnusable> =>
  Effect.try({
    try: () => createPrivateKey(pem),
    catch: () => new AuditKeyUnusable({ file, detail: "it is no private key in PEM" })
  }).pipe(
    Effect.filterOrFail(
      (key) => key.asymmetricKeyType === "ed25519",
      (key) => new AuditKeyUnusable({ file, detail: `it is a key for ${key.asymmetricKeyType}, not Ed25519` })
    )
  )

/** Reads the key; null when there is no such file. */
export const readKey = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const unusable = (error: unknown) => new AuditKeyUnusable({ file, detail: detailOf(error) })
  if (!(yield* Effect.mapError(fs.exists(file), unusable))) return null
  return yield* Effect.flatMap(Effect.mapError(fs.readFileString(file), unusable), (pem) => keyFrom(file, pem))
})

/** Makes a key and stores it, for its owner's eyes only. */
export const makeKey = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const { privateKey } = generateKeyPairSync("ed25519")
  const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString()
  yield* Effect.scoped(
    Effect.gen(function* () {
      const opened = yield* fs.open(file, { flag: "wx", mode: 0o600 })
      yield* opened.writeAll(Buffer.from(pem))
      yield* opened.sync
    })
  ).pipe(Effect.mapError((error) => new AuditKeyUnusable({ file, detail: detailOf(error) })))
  return privateKey
})

/** A head, signed. */
export const signed = (key: KeyObject, head: AuditHead, time: number): AuditCheckpoint => {
  const { count, hash, seq } = head
  const signature = sign(null, Buffer.from(signedText({ count, hash, seq, time })), key).toString("base64")
  return { seq, hash, count, time, signature, public_key: publicKeyOf(key) }
}

// The checkpoints of a folder are by one key, and are compared more than once.
let lastKey: { readonly text: string; readonly key: KeyObject } | undefined
const goodOnes = new WeakSet<AuditCheckpoint>()

const publicKeyFrom = (text: string): KeyObject => {
  if (lastKey?.text !== text) {
    lastKey = { text, key: createPublicKey({ key: Buffer.from(text, "base64"), format: "der", type: "spki" }) }
  }
  return lastKey.key
}

/** Whether a checkpoint's signature is of what it says, by the key that it names. */
export const isSigned = (checkpoint: AuditCheckpoint): boolean => {
  if (goodOnes.has(checkpoint)) return true
  const good = Either.getOrElse(
    Either.try(() => {
      const key = publicKeyFrom(checkpoint.public_key)
      const signature = Buffer.from(checkpoint.signature, "base64")
      return key.asymmetricKeyType === "ed25519" && verify(null, Buffer.from(signedText(checkpoint)), key, signature)
    }),
    () => false
  )
  if (good) goodOnes.add(checkpoint)
  return good
}
