import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { StorageHealth } from "../StorageHealth.ts"
import { Writer } from "./Writer.ts"

/** How often a disk that refused a write is tried again. */
const pace = "1 second"

/** Pages that a probe needs, in bytes: an update in place would succeed where nothing new has room. */
const probeBytes = 65_536

/** While the disk takes no writes, tries it until it does, so that the service goes on by itself. */
export const layerStorageProbe = Layer.scopedDiscard(
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const { accepted, troubled } = yield* StorageHealth
    const probe = writer.commit(
      Effect.zipRight(
        sql`INSERT INTO counters (name, value) VALUES ('storage probe ' || hex(zeroblob(${probeBytes / 2})), 0)`,
        sql`DELETE FROM counters WHERE name >= 'storage probe' AND name < 'storage probf'`
      )
    )
    const tried = Effect.matchCauseEffect(probe, { onFailure: () => Effect.void, onSuccess: () => accepted })
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(troubled, Effect.zipRight(Effect.sleep(pace), tried))))
  })
)
