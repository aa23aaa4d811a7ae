import type { Turn } from "../Domain/Session.ts"

/** Size cap of a shared session unless its job sets one, in bytes. */
export const defaultSessionMaxBytes = 1_048_576

/** What was dropped is kept up to so many times the cap. */
export const archiveFactor = 10

const cutMark = "\n[cut]"

const sizeOf = (turn: Turn): number => Buffer.byteLength(turn.text)

const sizeOfAll = (turns: ReadonlyArray<Turn>): number => turns.reduce((sum, turn) => sum + sizeOf(turn), 0)

const cut = (turn: Turn, maxBytes: number): Turn => {
  if (sizeOf(turn) <= maxBytes) return turn
  // In stream mode the decoder leaves out a character that the cut would go through.
  const head = new TextDecoder().decode(Buffer.from(turn.text).subarray(0, maxBytes - cutMark.length), { stream: true })
  return { ...turn, text: `${head}${cutMark}` }
}

/** An exchange that is larger than the cap: each turn gets its equal share, and what others leave of theirs. */
const cutExchange = (turns: ReadonlyArray<Turn>, maxBytes: number): ReadonlyArray<Turn> => {
  const shares = new Map<Turn, number>()
  let room = maxBytes
  for (const [index, turn] of turns.toSorted((a, b) => sizeOf(a) - sizeOf(b)).entries()) {
    const share = Math.min(sizeOf(turn), Math.floor(room / (turns.length - index)))
    shares.set(turn, share)
    room -= share
  }
  return turns.map((turn) => cut(turn, shares.get(turn) ?? 0))
}

/** Turns in exchanges: what a user said, and the answers to it. */
const exchangesOf = (turns: ReadonlyArray<Turn>): ReadonlyArray<ReadonlyArray<Turn>> => {
  const exchanges: Array<Array<Turn>> = []
  for (const turn of turns) {
    const last = exchanges.at(-1)
    if (last === undefined || turn.role === "user") exchanges.push([turn])
    else last.push(turn)
  }
  return exchanges
}

/** A conversation of at most so many bytes of UTF-8 text. */
export interface Conversation {
  readonly add: (exchange: ReadonlyArray<Turn>) => void
  readonly turns: () => ReadonlyArray<Turn>
  /** What the cap dropped since it was opened or stored, oldest first, the newest of it. */
  readonly dropped: () => ReadonlyArray<Turn>
  /** What was added since it was opened or stored, whatever became of it; bounded as the archive is. */
  readonly added: () => ReadonlyArray<Turn>
  /** Takes note of where it is; the effect of calling the result is that it was stored as it was then. */
  readonly mark: () => () => void
}

interface Exchange {
  readonly turns: ReadonlyArray<Turn>
  readonly bytes: number
}

const queue = () => {
  let items: Array<Exchange> = []
  let first = 0
  let bytes = 0
  let shifted = 0
  const shift = (): Exchange | undefined => {
    const oldest = items[first]
    if (oldest === undefined) return undefined
    first++
    shifted++
    bytes -= oldest.bytes
    if (first > items.length / 2) {
      items = items.slice(first)
      first = 0
    }
    return oldest
  }
  return {
    push: (exchange: Exchange) => {
      items.push(exchange)
      bytes += exchange.bytes
    },
    shift,
    /** Forgets what is in it now, when it is called for. */
    mark: () => {
      const end = shifted + items.length - first
      return () => {
        while (shifted < end) shift()
      }
    },
    count: () => items.length - first,
    bytes: () => bytes,
    turns: () => items.slice(first).flatMap(({ turns }) => turns)
  }
}

/** Continues a conversation. Exchanges are dropped whole, the oldest first; one that is larger than the cap is cut. */
export const conversation = (before: ReadonlyArray<Turn>, maxBytes: number): Conversation => {
  const kept = queue()
  const dropped = queue()
  const added = queue()
  const archiving = (these: ReturnType<typeof queue>, exchange: Exchange) => {
    these.push(exchange)
    while (these.count() > 1 && these.bytes() > maxBytes * archiveFactor) these.shift()
  }
  const drop = (exchange: Exchange) => archiving(dropped, exchange)
  const add = (turns: ReadonlyArray<Turn>) => {
    const exchange = { turns, bytes: sizeOfAll(turns) }
    if (exchange.bytes <= maxBytes) {
      kept.push(exchange)
    } else {
      const short = cutExchange(turns, maxBytes)
      while (kept.count() > 0) drop(kept.shift() ?? exchange)
      drop(exchange)
      kept.push({ turns: short, bytes: sizeOfAll(short) })
    }
    while (kept.bytes() > maxBytes) {
      const oldest = kept.shift()
      if (oldest === undefined) break
      drop(oldest)
    }
  }
  for (const exchange of exchangesOf(before)) add(exchange)
  return {
    add: (turns) => {
      archiving(added, { turns, bytes: sizeOfAll(turns) })
      add(turns)
    },
    turns: kept.turns,
    dropped: dropped.turns,
    added: added.turns,
    mark: () => {
      const marks = [dropped.mark(), added.mark()]
      return () => {
        for (const forget of marks) forget()
      }
    }
  }
}

/** How large a conversation is, in bytes of UTF-8 text. */
export const bytesOfTurns = sizeOfAll
