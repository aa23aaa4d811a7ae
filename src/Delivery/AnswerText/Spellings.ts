import * as Either from "effect/Either"

const percentDecoded = (text: string): string =>
  Either.getOrElse(
    Either.try(() => decodeURIComponent(text)),
    () => text
  )

const isHost = (text: string): boolean => /^[^\s/?#@:\\]+$/.test(text) && URL.canParse(`http://${text}`)

/** What the URL parser makes of a text: as a part of a path, as a host, and as an address. */
const asAddress = (text: string): ReadonlyArray<string> => [
  ...(URL.canParse(`http://h/${text}`) ? [new URL(`http://h/${text}`).href.slice("http://h/".length)] : []),
  ...(isHost(text) ? [new URL(`http://${text}`).hostname] : []),
  ...(/^https?:/i.test(text) && URL.canParse(text) ? [new URL(text).href.replace(/\/$/, "")] : [])
]

/** What a secret may be turned into as a whole, itself included; escapes and encodings of single characters aside. */
export const formsOf = (secret: string): ReadonlyArray<string> => {
  const encoded = Buffer.from(secret).toString("base64").replace(/=+$/, "")
  return [
    secret,
    percentDecoded(secret),
    ...asAddress(secret),
    encoded,
    encoded.replaceAll("+", "-").replaceAll("/", "_")
  ]
}

/** A character that a text may mean at some place, in lower case, and where the text goes on. */
export interface Reading {
  readonly character: string
  readonly end: number
}

const escape =
  /\\(?:u([0-9a-f]{4})(?:\\u(d[c-f][0-9a-f]{2}))?|u\{0*([0-9a-f]{1,6})\}|x([0-9a-f]{2})|([nrtbf]|[^a-z0-9]))/iy
const percents = /(?:%[0-9a-f]{2}){1,4}/iy
const entity = /&(?:#0*(\d{1,7});?|#x0*([0-9a-f]{1,6});?|(amp|lt|gt|quot|apos);)/iy

const controls: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" }
const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }

const matchAt = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at
  return pattern.exec(text)
}

const fromCode = (code: number): string => (code <= 0x10_ffff ? String.fromCodePoint(code) : "")

const escaped = (text: string, at: number): Reading | undefined => {
  const match = matchAt(escape, text, at)
  if (match === null) return undefined
  const [{ length }, unit, second, point, byte, plain = ""] = match
  const end = at + length
  const hex = point ?? byte
  if (hex !== undefined) return { character: fromCode(Number.parseInt(hex, 16)), end }
  if (unit === undefined) return { character: controls[plain] ?? plain, end }
  const first = Number.parseInt(unit, 16)
  if (second === undefined) return { character: String.fromCharCode(first), end }
  return first >= 0xd800 && first <= 0xdbff
    ? { character: String.fromCharCode(first, Number.parseInt(second, 16)), end }
    : { character: String.fromCharCode(first), end: at + 6 }
}

const sizeOf = (lead: number): number => (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4)

const percentEncoded = (text: string, at: number): Reading | undefined => {
  const match = matchAt(percents, text, at)
  if (match === null) return undefined
  const bytes = Buffer.from(match[0].replaceAll("%", ""), "hex")
  const size = sizeOf(bytes[0] ?? 0)
  return { character: bytes.subarray(0, size).toString(), end: at + 3 * size }
}

const asEntity = (text: string, at: number): Reading | undefined => {
  const match = matchAt(entity, text, at)
  if (match === null) return undefined
  const [{ length }, decimal, hex, name = ""] = match
  const end = at + length
  if (decimal !== undefined) return { character: fromCode(Number(decimal)), end }
  if (hex !== undefined) return { character: fromCode(Number.parseInt(hex, 16)), end }
  return { character: named[name.toLowerCase()] ?? "", end }
}

const readers: Readonly<Record<string, (text: string, at: number) => Reading | undefined>> = {
  "\\": escaped,
  "%": percentEncoded,
  "&": asEntity,
  "+": (_, at) => ({ character: " ", end: at + 1 })
}

/**
 * What a text may mean at a place: the character that stands there, and the one that is spelled there by an escape of
 * JSON or JavaScript, an encoded byte of a URL, or an entity of HTML.
 */
export const readingsAt = (text: string, at: number): ReadonlyArray<Reading> => {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0)
  const plain = { character: character.toLowerCase(), end: at + character.length }
  const spelled = readers[character]?.(text, at)
  return spelled === undefined ? [plain] : [plain, { ...spelled, character: spelled.character.toLowerCase() }]
}
