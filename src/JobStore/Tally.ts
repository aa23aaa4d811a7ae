import * as Effect from "effect/Effect"

/**
 * What is to be counted once the transaction that is open has committed. One writer fiber runs all transactions, so
 * what is noted belongs to the one that is open; one that is rolled back, and perhaps done again, counts nothing.
 */
export class Tally extends Effect.Service<Tally>()("symbiont/JobStore/Tally", {
  sync: () => {
    let noted: Array<Effect.Effect<void>> = []
    return {
      note: (record: Effect.Effect<void>): void => {
        noted.push(record)
      },
      publish: Effect.suspend(() => {
        if (noted.length === 0) return Effect.void
        const records = noted
        noted = []
        return Effect.forEach(records, (record) => record, { discard: true })
      }),
      discard: (): void => {
        noted = []
      }
    } as const
  }
}) {}
