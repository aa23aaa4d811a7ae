import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Jobs } from "../../src/Jobs.ts"
import { create, engine, runsOf } from "../support/Engine.ts"

describe("a run that is cancelled while it starts", () => {
  it.effect("is cancelled, at whatever step of its start the cancel comes", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      for (let pauses = 0; pauses < 40; pauses++) {
        const name = `job-${pauses}`
        yield* create({ name, every: "100d" })
        const asking = yield* Effect.fork(jobs.runNow(name, { actor: "test" }))
        const [run] = yield* Effect.repeat(Effect.zipRight(Effect.yieldNow(), runsOf(name)), {
          until: (runs) => runs.length > 0
        })
        yield* Effect.repeatN(Effect.yieldNow(), pauses)
        const cancelled = yield* jobs.cancelRun(run?.id ?? "", "ada")
        assert.strictEqual(cancelled.status, "cancelled", `after ${pauses} pauses`)
        yield* Fiber.join(asking)
      }
    }).pipe(Effect.provide(engine({ agent: () => Effect.never })))
  )
})
