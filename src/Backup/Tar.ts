import { createReadStream, createWriteStream } from "node:fs"
import { open } from "node:fs/promises"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createGunzip, createGzip } from "node:zlib"

/** A file on its way into an archive, under a name of its own. */
export interface TarEntry {
  readonly name: string
  readonly path: string
  /** In bytes. */
  readonly size: number
}

const block = 512

/** The largest number that the eleven octal digits of a header hold. */
const mostOctal = 0o77777777777

const fillOf = (size: number): Buffer => Buffer.alloc((block - (size % block)) % block)

const octal = (n: number, digits: number): string => `${n.toString(8).padStart(digits, "0")}\0`

const checksumOf = (header: Buffer): number =>
  header.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte), 0)

/** One header (POSIX.1-1988 "ustar"); sizes over 8 GiB as GNU tar writes them. */
const headerOf = (name: string, size: number, seconds: number, type: "0" | "x"): Buffer => {
  const header = Buffer.alloc(block)
  header.write(name, 0, 100, "utf8")
  header.write(octal(0o600, 7), 100)
  header.write(octal(0, 7), 108)
  header.write(octal(0, 7), 116)
  if (size <= mostOctal) header.write(octal(size, 11), 124)
  else {
    header.writeUInt8(0x80, 124)
    header.writeBigUInt64BE(BigInt(size), 128)
  }
  header.write(octal(seconds, 11), 136)
  header.write(type, 156)
  header.write("ustar\u000000", 257)
  header.write(`${octal(checksumOf(header), 6)} `, 148)
  return header
}

/** A record of an extended header (POSIX.1-2001), whose length counts itself. */
const paxRecord = (key: string, value: string): Buffer => {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  if (rest + String(length).length > length) length = rest + String(length).length
  return Buffer.from(`${length} ${key}=${value}\n`)
}

async function* bytesOf(entries: Iterable<TarEntry>, seconds: number): AsyncGenerator<Buffer> {
  for (const { name, path, size } of entries) {
    if (Buffer.byteLength(name) > 100) {
      const record = paxRecord("path", name)
      yield headerOf("PaxHeader", record.length, seconds, "x")
      yield record
      yield fillOf(record.length)
    }
    yield headerOf(name, size, seconds, "0")
    let read = 0
    for await (const chunk of createReadStream(path)) {
      read += chunk.length
      yield chunk
    }
    if (read !== size) throw new Error(`${name} changed while it was read`)
    yield fillOf(size)
  }
  yield Buffer.alloc(2 * block)
}

/** Writes files into a new archive, for its owner's eyes only, and waits until it is on the disk. */
export const writeTar = async (
  file: string,
  entries: Iterable<TarEntry>,
  options: { readonly gzip: boolean; readonly seconds: number; readonly signal: AbortSignal }
): Promise<void> => {
  const bytes = Readable.from(bytesOf(entries, options.seconds), { objectMode: false })
  const into = createWriteStream(file, { flags: "wx", mode: 0o600 })
  await (options.gzip
    ? pipeline(bytes, createGzip(), into, { signal: options.signal })
    : pipeline(bytes, into, { signal: options.signal }))
  const handle = await open(file, "r+")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const isGzip = async (file: string): Promise<boolean> => {
  const handle = await open(file, "r")
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
  } finally {
    await handle.close()
  }
}

const textAt = (header: Buffer, start: number, length: number): string => {
  const field = header.subarray(start, start + length)
  const end = field.indexOf(0)
  return field.subarray(0, end === -1 ? length : end).toString("utf8")
}

const sizeIn = (header: Buffer): number =>
  (header.readUInt8(124) & 0x80) === 0
    ? Number.parseInt(textAt(header, 124, 12).trim() || "0", 8)
    : Number(header.readBigUInt64BE(128))

/** Longest extended header that is read, in bytes. */
const longestPax = 65_536

/**
 * Reads an archive from its beginning to its end and gives each file to `each`, which must read all of it. Plain files
 * only; throws on anything else, and where the archive ends too soon.
 */
export const readTar = async (
  file: string,
  each: (name: string, size: number, data: AsyncIterable<Buffer>) => Promise<void>
): Promise<void> => {
  const gzip = await isGzip(file)
  // From here to its listener nothing waits: an error that nobody hears would end the process.
  const raw = createReadStream(file)
  const source: AsyncIterable<Buffer> = gzip ? raw.pipe(createGunzip()) : raw
  raw.on("error", (error) => {
    if (source !== raw && source instanceof Readable) source.destroy(error)
  })
  const chunks = source[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  let reading = "the archive"

  /** At most so many bytes, at least one. */
  const some = async (most: number): Promise<Buffer> => {
    while (rest.length === 0) {
      const next = await chunks.next()
      if (next.done === true) throw new Error(`it ends in the middle of ${reading}`)
      rest = next.value
    }
    const taken = rest.subarray(0, most)
    rest = rest.subarray(taken.length)
    return taken
  }
  const exactly = async (size: number): Promise<Buffer> => {
    const parts: Array<Buffer> = []
    for (let left = size; left > 0; ) {
      const part = await some(left)
      parts.push(part)
      left -= part.length
    }
    return Buffer.concat(parts)
  }
  async function* dataOf(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      const part = await some(left)
      left -= part.length
      yield part
    }
    await exactly(fillOf(size).length)
  }

  try {
    let longName: string | undefined
    while (true) {
      const header = await exactly(block)
      if (header.every((byte) => byte === 0)) return
      if (Number.parseInt(textAt(header, 148, 8).trim(), 8) !== checksumOf(header)) {
        throw new Error(reading === "the archive" ? "it is no archive" : `it is damaged after ${reading}`)
      }
      const size = sizeIn(header)
      const type = textAt(header, 156, 1)
      if (type === "x" && size <= longestPax) {
        const text = (await exactly(size)).toString("utf8")
        await exactly(fillOf(size).length)
        longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text)?.[1]
        continue
      }
      reading = longName ?? textAt(header, 0, 100)
      if (type !== "0" && type !== "") throw new Error(`${reading} is no plain file`)
      longName = undefined
      await each(reading, size, dataOf(size))
    }
  } finally {
    raw.destroy()
  }
}
