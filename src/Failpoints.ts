import type * as SqlClient from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Places where a crash must lose nothing: before, within and after each commit of a run's life, and of an upgrade. */
export const failpointNames = [
  "look.before",
  "look.claimed",
  "look.written",
  "look.committed",
  "spawn.before",
  "spawn.started",
  "finish.before",
  "finish.written",
  "finish.committed",
  "outbox.before",
  "outbox.written",
  "delivery.before",
  "delivery.sent",
  "delivery.written",
  "delivery.committed",
  "migration.before",
  "migration.statement",
  "migration.applied",
  "migration.committed"
] as const

/** One of {@link failpointNames}. */
export type FailpointName = (typeof failpointNames)[number]

const none = {
  hit: (_name: FailpointName): Effect.Effect<void> => Effect.void,
  /** Given the store's connection once, when its database is ready. */
  opened: (_sql: SqlClient.SqlClient): Effect.Effect<void> => Effect.void
}

/** Named places at which tests make the process die or fail; does nothing unless a layer says so. */
export class Failpoints extends Context.Reference<Failpoints>()("symbiont/Failpoints", {
  defaultValue: () => none
}) {}

/** The failpoint as plain code; nothing at all where nothing can happen at it. */
export const plainly = (
  { hit }: Failpoints["Type"],
  inTurn: (effect: Effect.Effect<void>) => void
): ((name: FailpointName) => void) => (hit === none.hit ? () => {} : (name) => inTurn(hit(name)))

/** Passes a failpoint. */
export const passing = (name: FailpointName): Effect.Effect<void> => Effect.flatMap(Failpoints, ({ hit }) => hit(name))
