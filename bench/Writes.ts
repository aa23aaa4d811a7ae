import * as Effect from "effect/Effect"
import { AuditLog } from "../src/AuditLog.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { databaseFile, medianOf, type Size, timed } from "./Measure.ts"

/** Durable writes per second: each alone, and from a hundred fibers that share transactions. */
export const groupCommit = ({ quick, rounds }: Size) =>
  Effect.gen(function* () {
    const file = yield* databaseFile
    const writes = (count: number, concurrency: number) =>
      Effect.gen(function* () {
        const log = yield* AuditLog
        const write = log.append([{ type: "ClockJumped", actor: "bench" }], 0)
        const millis = yield* timed(
          Effect.forEach(Array.from({ length: count }), () => write, { concurrency, discard: true })
        )
        return (count * 1_000) / millis
      })
    return yield* Effect.gen(function* () {
      yield* writes(500, 100)
      const alone = yield* medianOf(rounds, writes(quick ? 500 : 2_000, 1))
      const shared = yield* medianOf(rounds, writes(quick ? 5_000 : 20_000, 100))
      return [
        { name: "durable writes, one by one", value: alone, unit: "writes/s" },
        { name: "durable writes, 100 fibers", value: shared, unit: "writes/s" },
        { name: "group commit, gain", value: shared / alone, unit: "x" }
      ]
    }).pipe(Effect.provide(layerSqlite(file)))
  })
