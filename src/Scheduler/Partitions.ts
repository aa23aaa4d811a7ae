import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * Which partitions of the jobs this node works on; null for all, which is the default. On several machines a layer
 * hands each node its share.
 */
export class Partitions extends Context.Reference<Partitions>()("symbiont/Partitions", {
  defaultValue: (): { readonly owned: Effect.Effect<ReadonlyArray<number> | null> } => ({
    owned: Effect.succeed(null)
  })
}) {}
