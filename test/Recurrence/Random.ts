/** Random choices that a seed repeats. */
export interface Random {
  /** In [0, 1). */
  readonly part: () => number
  /** Whole, both ends included. */
  readonly integer: (low: number, high: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <A>(list: ReadonlyArray<A>) => A
  /** Up to `length` different members, in any order. */
  readonly some: <A>(list: ReadonlyArray<A>, length: number) => ReadonlyArray<A>
}

/** Choices by mulberry32 (Tommy Ettinger's generator), from a whole seed. */
export const makeRandom = (seed: number): Random => {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0
  const part = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const integer = (low: number, high: number): number => low + Math.floor(part() * (high - low + 1))
  return {
    part,
    integer,
    chance: (probability) => part() < probability,
    pick: <A>(list: ReadonlyArray<A>): A => list[integer(0, list.length - 1)] as A,
    some: (list, length) => {
      const rest = [...list]
      const chosen: Array<(typeof rest)[number]> = []
      while (chosen.length < length && rest.length > 0) chosen.push(...rest.splice(integer(0, rest.length - 1), 1))
      return chosen
    }
  }
}
