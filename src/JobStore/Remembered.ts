import * as Either from "effect/Either"
import type { Row } from "./Database.ts"

/** How much is remembered in all, and at most of one thing, in characters; the oldest goes first. */
const capacity = 16 * 1_048_576
const largest = 16_384

const makeMemory = <V>() => {
  const known = new Map<string, { readonly value: V; readonly size: number }>()
  let size = 0
  const drop = (key: string) => {
    size -= known.get(key)?.size ?? 0
    known.delete(key)
  }
  return {
    get: (key: string): V | undefined => known.get(key)?.value,
    keep: (key: string, value: V, length: number) => {
      drop(key)
      if (length > largest) return
      // A thing takes some room whatever its length.
      const weight = length + 1_024
      known.set(key, { value, size: weight })
      size += weight
      for (const oldest of known.keys()) {
        if (size <= capacity) break
        drop(oldest)
      }
    }
  }
}

/** A pure function of texts that gives the very result of the last time where it succeeded on a short text lately. */
export const rememberingText = <A, E>(
  read: (text: string) => Either.Either<A, E>
): ((text: string) => Either.Either<A, E>) => {
  const memory = makeMemory<Either.Either<A, E>>()
  return (text) => {
    const before = memory.get(text)
    if (before !== undefined) return before
    const result = read(text)
    if (Either.isRight(result)) memory.keep(text, result, text.length)
    return result
  }
}

const isRow = (row: Row): row is Row & { readonly id: string } => typeof row["id"] === "string"

const isSame = (row: Row, other: Row): boolean => {
  for (const column in row) if (row[column] !== other[column]) return false
  return true
}

const lengthOf = (row: Row): number => {
  let length = 0
  for (const column in row) {
    const value = row[column]
    if (typeof value === "string") length += value.length
  }
  return length
}

/**
 * A pure function of rows that gives the very result of the last time where the short row of that id has not changed.
 * `keep` tells it of a row that was just written, and what that is.
 */
export const remembering = <A, E>(read: (row: Row) => Either.Either<A, E>) => {
  const memory = makeMemory<{ readonly row: Row; readonly result: Either.Either<A, E> }>()
  return {
    keep: (row: Row & { readonly id: string }, result: A): void =>
      memory.keep(row.id, { row, result: Either.right(result) }, lengthOf(row)),
    read: (row: Row): Either.Either<A, E> => {
      if (!isRow(row)) return read(row)
      const before = memory.get(row.id)
      if (before !== undefined && isSame(row, before.row)) return before.result
      const result = read(row)
      if (Either.isRight(result)) memory.keep(row.id, { row, result }, lengthOf(row))
      return result
    }
  }
}
