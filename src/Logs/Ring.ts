/** The latest so many of what is added, each with its number. */
export const makeRing = <A>(size: number) => {
  const kept: Array<A> = []
  let added = 0
  return {
    /** How many were added, ever: the number that the next one gets. */
    added: (): number => added,
    /** The number of the oldest that is kept. */
    oldest: (): number => Math.max(0, added - size),
    add: (one: A): void => {
      kept[added % size] = one
      added++
    },
    /** By its number, unless it is gone. */
    at: (number: number): A | undefined => (number < added && number >= added - size ? kept[number % size] : undefined)
  }
}
