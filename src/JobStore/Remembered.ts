import * as Either from "effect/Either"

/** How much is remembered in all, and at most of one thing, in characters; the oldest goes first. */
const capacity = 16 * 1_048_576
const largest = 16_384

type Values = ReadonlyArray<unknown>

/** Whether two lists hold the same values, such as two rows' of the same columns. */
export const areSame = (values: Values, others: Values): boolean => {
  if (values.length !== others.length) return false
  for (let i = 0; i < values.length; i++) if (values[i] !== others[i]) return false
  return true
}

const lengthOf = (values: Values): number => {
  let length = 0
  for (const value of values) if (typeof value === "string") length += value.length
  return length
}

/** A row, and what it was read as. */
export interface Remembered<A> {
  readonly values: Values
  readonly value: A
}

/**
 * A pure function of rows, the values of their columns with the id first, that gives the very result of the last time
 * where the short row of that id has not changed; a changed row is read in the knowledge of what it was. `keep` tells it
 * of a row that was just written, and `forget` of one that nobody will ask for soon.
 */
export const remembering = <A, E>(read: (values: Values, before?: Remembered<A>) => Either.Either<A, E>) => {
  const known = new Map<string, Remembered<A> & { readonly size: number }>()
  let size = 0
  const forget = (id: string): void => {
    size -= known.get(id)?.size ?? 0
    known.delete(id)
  }
  const remember = (id: string, values: Values, value: A): void => {
    forget(id)
    const length = lengthOf(values)
    if (length > largest) return
    // A row takes some room whatever its length.
    const weight = length + 1_024
    known.set(id, { values, value, size: weight })
    size += weight
    if (size <= capacity) return
    for (const oldest of known.keys()) {
      if (size <= capacity) break
      forget(oldest)
    }
  }
  return {
    forget,
    keep: (values: Values, value: A): void => {
      const id = values[0]
      if (typeof id === "string") remember(id, values, value)
    },
    read: (values: Values): Either.Either<A, E> => {
      const id = values[0]
      if (typeof id !== "string") return read(values)
      const before = known.get(id)
      if (before !== undefined && areSame(values, before.values)) return Either.right(before.value)
      const result = read(values, before)
      if (Either.isRight(result)) remember(id, values, result.right)
      return result
    }
  }
}
