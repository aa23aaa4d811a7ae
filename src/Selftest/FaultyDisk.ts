import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import { Failpoints } from "../Failpoints.ts"

/** Pragmas that make SQLite refuse writes as a disk does that is full or read-only, and those that undo it. */
const pragmas = {
  // No smaller than what is there: every further page is refused. The default: sqlite.org/limits.html
  full: ["PRAGMA max_page_count = 1", "PRAGMA max_page_count = 4294967294"],
  read_only: ["PRAGMA query_only = 1", "PRAGMA query_only = 0"]
} as const

/** For a process of its own: SIGUSR2 makes the disk of its database full or read-only, and the next one well again. */
export const faultyDisk = (kind: keyof typeof pragmas): Layer.Layer<Failpoints> =>
  Layer.succeed(Failpoints, {
    hit: () => Effect.void,
    opened: (sql) =>
      Effect.map(Effect.runtime(), (runtime) => {
        let isFaulty = false
        process.on("SIGUSR2", () => {
          isFaulty = !isFaulty
          Runtime.runFork(runtime)(sql.unsafe(pragmas[kind][isFaulty ? 0 : 1]))
        })
      })
  })
