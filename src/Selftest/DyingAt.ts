import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type FailpointName, Failpoints } from "../Failpoints.ts"

/** Makes this process die at the given hit (from 1) of a failpoint as by `kill -9`: nothing of its own is cleaned up. */
export const dyingAt = (failpoint: FailpointName, hit: number): Layer.Layer<Failpoints> =>
  Layer.sync(Failpoints, () => {
    let left = hit
    return {
      opened: () => Effect.void,
      hit: (name) =>
        Effect.sync(() => {
          if (name === failpoint && --left === 0) process.kill(process.pid, "SIGKILL")
        })
    }
  })
