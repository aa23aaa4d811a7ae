import type { Turn } from "../Domain/Session.ts"

/** Size cap of a shared session unless its job sets one, in bytes. */
export const defaultSessionMaxBytes = 1_048_576

const encoder = new TextEncoder()
const sizeOf = (turn: Turn): number => encoder.encode(turn.text).length

/** The newest turns that fit into `maxBytes` of UTF-8 text; the oldest are dropped first. */
export const remember = (turns: ReadonlyArray<Turn>, maxBytes: number): ReadonlyArray<Turn> => {
  let bytes = 0
  let first = turns.length
  for (let i = turns.length - 1; i >= 0; i--) {
    const turn = turns[i]
    if (turn === undefined) break
    bytes += sizeOf(turn)
    if (bytes > maxBytes) break
    first = i
  }
  return turns.slice(first)
}
