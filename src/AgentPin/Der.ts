/** Bytes of one coordinate of P-256. */
const size = 32

/** The value of a DER INTEGER at `from`: positive, minimal, of at most 32 bytes; padded on the left to 32. */
const integerAt = (der: Uint8Array, from: number): { readonly value: Uint8Array; readonly end: number } | undefined => {
  const length = der[from + 1] ?? 0
  const first = der[from + 2] ?? 0
  const second = der[from + 3] ?? 0
  const end = from + 2 + length
  if (der[from] !== 0x02 || length === 0 || length > size + 1 || end > der.length) return undefined
  if (first >= 0x80) return undefined
  // A leading zero byte is there only to keep the number positive; zero itself is no part of a signature.
  if (first === 0 && (length === 1 || second < 0x80)) return undefined
  const digits = der.subarray(first === 0 ? from + 3 : from + 2, end)
  if (digits.length > size) return undefined
  const value = new Uint8Array(size)
  value.set(digits, size - digits.length)
  return { value, end }
}

/**
 * A P-256 signature as 64 bytes `r || s` (RFC 7518, 3.4): those as they are, anything else as a strict DER
 * `ECDSA-Sig-Value` (RFC 3279, 2.2.3). Undefined when it is neither.
 */
export const rawSignature = (signature: Uint8Array): Uint8Array | undefined => {
  if (signature.length === 2 * size) return signature
  if (signature[0] !== 0x30 || (signature[1] ?? 0) >= 0x80 || signature[1] !== signature.length - 2) return undefined
  const r = integerAt(signature, 2)
  const s = r === undefined ? undefined : integerAt(signature, r.end)
  if (r === undefined || s === undefined || s.end !== signature.length) return undefined
  const raw = new Uint8Array(2 * size)
  raw.set(r.value, 0)
  raw.set(s.value, size)
  return raw
}
