import type { Source, Span } from "./Source.ts"

/** Where a field was written. */
export interface Place {
  readonly key: Span
  readonly value: Span
}

/** From so many paths on they are found by an index. */
const fewPaths = 16

/**
 * Where each field of a block was written, by its path (`cron_expr`, `policy.allowed_hours`). Kept as numbers: a large
 * file has as many places as keys, and is asked for the few that something is said about.
 */
export class Places {
  readonly #source: Source
  readonly #paths: Array<string> = []
  /** Of each path the offset and the length of its key and of its value. */
  readonly #numbers: Array<number> = []
  #index: Map<string, number> | undefined

  constructor(source: Source) {
    this.#source = source
  }

  #at(path: string): number {
    if (this.#paths.length < fewPaths) return this.#paths.indexOf(path)
    this.#index ??= new Map(this.#paths.map((one, index) => [one, index]))
    return this.#index.get(path) ?? -1
  }

  #span(at: number): Span {
    const start = this.#numbers[at] ?? 0
    return this.#source.span(start, start + (this.#numbers[at + 1] ?? 0))
  }

  /** Notes the place of a path that has none. */
  add(path: string, key: Span, value: Span): void {
    this.#index?.set(path, this.#paths.length)
    this.#paths.push(path)
    this.#numbers.push(key.offset, key.length, value.offset, value.length)
  }

  has(path: string): boolean {
    return this.#at(path) !== -1
  }

  get(path: string): Place | undefined {
    const at = this.#at(path)
    return at === -1 ? undefined : { key: this.#span(4 * at), value: this.#span(4 * at + 2) }
  }

  paths(): ReadonlyArray<string> {
    return this.#paths
  }
}
