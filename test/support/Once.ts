import { cpSync } from "node:fs"
import { afterAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { folderWith } from "./Service.ts"

/** Makes something once for all tests of a file, as soon as one of them needs it; it goes when the last of them has ended. */
export const once = <A, E>(make: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> => {
  const scope = Effect.runSync(Scope.make())
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return Effect.runSync(Effect.cached(Scope.extend(make, scope)))
}

/** A copy of a folder that is made once, for each test that asks; it goes with the scope. */
export const copiesOf = <E>(make: Effect.Effect<string, E, Scope.Scope>) => {
  const original = once(make)
  return Effect.gen(function* () {
    const from = yield* original
    const folder = yield* folderWith({})
    yield* Effect.sync(() => cpSync(from, folder, { recursive: true, preserveTimestamps: true }))
    return folder
  })
}
