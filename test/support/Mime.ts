/** One part of a message, or the whole of one without parts. */
export interface MimePart {
  readonly type: string
  /** Decoded, line ends as `\n`. */
  readonly text: string
}

/** A message taken apart. */
export interface MimeMessage {
  /** Names in lower case, unfolded, encoded words decoded; a name that stands twice has two values. */
  readonly headers: ReadonlyMap<string, ReadonlyArray<string>>
  readonly parts: ReadonlyArray<MimePart>
}

const quotedPrintable = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(/[ \t]+(?=\r\n)/g, "")
      .replace(/=\r\n/g, "")
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1"
  )

const bytesOf = (text: string, encoding: string): Buffer => {
  if (encoding === "base64") return Buffer.from(text, "base64")
  return encoding === "quoted-printable" ? quotedPrintable(text) : Buffer.from(text, "latin1")
}

// RFC 2047: white space between two encoded words is none.
const decodeWords = (text: string): string =>
  text
    .replace(/(\?=)\s+(?==\?)/g, "$1")
    .replace(/(?:=\?UTF-8\?[BQ]\?[^?]*\?=)+/gi, (words) =>
      Buffer.concat(
        Array.from(words.matchAll(/=\?UTF-8\?([BQ])\?([^?]*)\?=/gi), ([, kind = "", word = ""]) =>
          kind.toUpperCase() === "B" ? Buffer.from(word, "base64") : quotedPrintable(word.replaceAll("_", " "))
        )
      ).toString("utf8")
    )

const split = (raw: string) => {
  const end = raw.indexOf("\r\n\r\n")
  const headers = new Map<string, Array<string>>()
  for (const line of raw
    .slice(0, end)
    .replace(/\r\n(?=[ \t])/g, "")
    .split("\r\n")) {
    const colon = line.indexOf(":")
    const name = line.slice(0, colon).toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), decodeWords(line.slice(colon + 1).trim())])
  }
  return { headers, body: raw.slice(end + 4) }
}

/** Takes a message apart as it came over the wire (bytes as characters), one level of parts deep. */
export const parseMime = (raw: string): MimeMessage => {
  const { body, headers } = split(raw)
  const boundary = /boundary="?([^";]+)"?/.exec(headers.get("content-type")?.[0] ?? "")?.[1]
  const wholes = boundary === undefined ? [raw] : body.split(`--${boundary}`).slice(1, -1)
  const parts = wholes.map((whole) => {
    const part = split(whole.replace(/^\r\n/, "").replace(/\r\n$/, ""))
    const encoding = part.headers.get("content-transfer-encoding")?.[0] ?? "7bit"
    const text = bytesOf(part.body, encoding).toString("utf8").replaceAll("\r\n", "\n")
    return { type: (part.headers.get("content-type")?.[0] ?? "text/plain").split(";")[0] ?? "", text }
  })
  return { headers, parts }
}
