import type { Source, Span } from "./Source.ts"

/** Where a field was written. */
export interface Place {
  readonly key: Span
  readonly value: Span
}

/** Up to so many paths are found without an index. */
const fewPaths = 16

/**
 * The places of a file's blocks, one block after the other, as numbers: a large file has as many places as keys, and is
 * asked for the few that something is said about.
 */
export class PlaceTable {
  readonly source: Source
  readonly paths: Array<string> = []
  /** Of each path the offset and the length of its key and of its value. */
  readonly numbers: Array<number> = []

  constructor(source: Source) {
    this.source = source
  }
}

/** Where each field of a block was written, by its path (`cron_expr`, `policy.allowed_hours`). */
export class Places {
  readonly #table: PlaceTable
  readonly #from: number
  #to: number
  #index: Map<string, number> | undefined

  /** Those of the next block: only the last that was made takes more. */
  constructor(table: PlaceTable) {
    this.#table = table
    this.#from = table.paths.length
    this.#to = this.#from
  }

  #at(path: string): number {
    const { paths } = this.#table
    if (this.#to - this.#from > fewPaths) {
      this.#index ??= new Map(this.paths().map((one, index) => [one, this.#from + index]))
      return this.#index.get(path) ?? -1
    }
    for (let at = this.#from; at < this.#to; at++) if (paths[at] === path) return at
    return -1
  }

  #span(at: number): Span {
    const { numbers, source } = this.#table
    const start = numbers[at] ?? 0
    return source.span(start, start + (numbers[at + 1] ?? 0))
  }

  /** Notes the place of a path that has none. */
  add(path: string, key: Span, value: Span): void {
    this.#index?.set(path, this.#to)
    this.#table.paths.push(path)
    this.#table.numbers.push(key.offset, key.length, value.offset, value.length)
    this.#to++
  }

  has(path: string): boolean {
    return this.#at(path) !== -1
  }

  get(path: string): Place | undefined {
    const at = this.#at(path)
    return at === -1 ? undefined : { key: this.#span(4 * at), value: this.#span(4 * at + 2) }
  }

  paths(): ReadonlyArray<string> {
    return this.#table.paths.slice(this.#from, this.#to)
  }
}
