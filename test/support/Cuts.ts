/** The database and its log of changes (WAL) as they were at one moment, all of it synced. */
export interface Durable {
  readonly db: Buffer
  readonly wal: Buffer
}

/** Gives numbers from 0 to 1 (without it), the same ones for the same seed. */
export type Random = () => number

const sector = 512

const sectorsOf = (bytes: Buffer) => Math.ceil(bytes.length / sector)

const at = (bytes: Buffer, n: number) => bytes.subarray(n * sector, (n + 1) * sector)

const isSame = (before: Buffer, after: Buffer, n: number) => at(before, n).equals(at(after, n))

const changedIn = (before: Buffer, after: Buffer): ReadonlyArray<number> =>
  Array.from({ length: sectorsOf(after) }, (_, n) => n).filter((n) => !isSame(before, after, n))

/** `before` with some sectors as in `after`; what lies between them and was never written is zero. */
const withSectors = (before: Buffer, after: Buffer, some: ReadonlyArray<number>): Buffer => {
  const length = Math.max(before.length, ...some.map((n) => Math.min(after.length, (n + 1) * sector)))
  const bytes = Buffer.alloc(length)
  before.copy(bytes)
  for (const n of some) at(after, n).copy(bytes, n * sector)
  return bytes
}

/** A file as a power loss may leave it on its way from one synced state to the next: sectors arrive in any order. */
const torn = (before: Buffer, after: Buffer, random: Random): Buffer => {
  const changed = changedIn(before, after)
  const isInOrder = random() < 0.4
  const share = random()
  const arrived = isInOrder
    ? changed.slice(0, Math.floor(share * changed.length))
    : changed.filter(() => random() < share)
  const bytes = withSectors(before, after, arrived)
  // The last one may be cut within, and hold anything behind that.
  const last = arrived.at(-1)
  if (last === undefined || random() < 0.5) return bytes
  const from = last * sector + Math.floor(random() * sector)
  return random() < 0.5
    ? bytes.fill(0xa5, from, Math.min(bytes.length, (last + 1) * sector))
    : Buffer.concat([bytes.subarray(0, from), before.subarray(from)])
}

/**
 * What a power loss may leave between two moments of a trace, of which the first was synced. SQLite syncs the header of
 * a log that begins anew before any frame of it (sqlite.org/walformat.html), and the log before it is copied into the
 * database: so only one of the two files is ever under way.
 */
export const cutBetween = (before: Durable, after: Durable, random: Random): Durable => {
  if (!before.db.equals(after.db)) return { db: torn(before.db, after.db, random), wal: before.wal }
  const beginsAnew = before.wal.length > 0 && !before.wal.subarray(0, 32).equals(after.wal.subarray(0, 32))
  if (!beginsAnew) return { db: before.db, wal: torn(before.wal, after.wal, random) }
  if (random() < 0.1) return before
  const header = Buffer.concat([after.wal.subarray(0, 32), before.wal.subarray(32)])
  return { db: before.db, wal: torn(header, after.wal, random) }
}
