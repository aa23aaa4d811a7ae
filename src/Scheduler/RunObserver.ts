import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { RunId } from "../Domain/Ids.ts"

/** The stages of a run, in the order of the guide. */
export type Stage =
  | "concurrency"
  | "jitter"
  | "session"
  | "policy"
  | "execution"
  | "delivery"
  | "session_cleanup"
  | "record"

/** Where nobody listens. */
export const unobserved = (_run: RunId, _stage: Stage): Effect.Effect<void> => Effect.void

/** Hears of each stage that a run enters; does nothing unless a layer says so. */
export class RunObserver extends Context.Reference<RunObserver>()("symbiont/RunObserver", {
  defaultValue: () => ({ entered: unobserved })
}) {}
