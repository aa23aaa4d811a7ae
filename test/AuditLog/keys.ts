import { generateKeyPairSync, sign } from "node:crypto"
import type { AuditCheckpoint, AuditHead } from "../../src/Domain/Audit.ts"

/** A key of somebody's, which signs checkpoints by the words of the documentation. */
export const makeKeyPair = () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519")
  const public_key = publicKey.export({ format: "der", type: "spki" }).toString("base64")
  return {
    public_key,
    sign: ({ count, hash, seq }: AuditHead, time: number): AuditCheckpoint => {
      const text = `symbiont audit checkpoint\nseq ${seq}\nhash ${hash}\ncount ${count}\ntime ${new Date(time).toISOString()}\n`
      return {
        seq,
        hash,
        count,
        time,
        signature: sign(null, Buffer.from(text), privateKey).toString("base64"),
        public_key
      }
    }
  }
}
