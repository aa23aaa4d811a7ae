import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { AgentId } from "../../src/Domain/Agent.ts"
import { Jobs } from "../../src/Jobs.ts"
import { scriptedAgent } from "../../src/testing.ts"
import { create, engine, runsOf } from "../support/Engine.ts"
import { answers, type Behaviour, httpReceiver } from "../support/HttpReceiver.ts"
import { jobWith, notes, routerWith, toWebhook } from "./webhooks.ts"

describe("the same delivery", () => {
  it.scopedLive("has one id over all attempts, and keeps its connection", () =>
    Effect.gen(function* () {
      const receiver = yield* httpReceiver([answers(500), answers(500), answers(200)])
      const job = jobWith({ webhook_url: receiver.url, agent_id: AgentId.make("probe") })
      yield* Effect.gen(function* () {
        yield* Effect.flip(toWebhook(job))
        yield* Effect.flip(toWebhook(job))
        yield* toWebhook(job)
      }).pipe(Effect.provide(routerWith({})))
      assert.deepStrictEqual(
        receiver.received.map(({ headers }) => headers["webhook-id"]),
        [notes.id, notes.id, notes.id]
      )
      assert.strictEqual(receiver.connections(), 1)
    })
  )
})

describe("the outbox", () => {
  /** Lets what the network and the store have begun go on, without a clock, until something is so. */
  const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
    Effect.flatMap(condition, (so) =>
      so
        ? Effect.void
        : Effect.zipRight(
            Effect.promise(() => new Promise<void>((go) => setImmediate(go))),
            until(condition)
          )
    )

  const deliveryOf = Effect.fnUntraced(function* (ref: string) {
    const [run] = yield* runsOf(ref)
    return run?.deliveries[0] ?? assert.fail("there is no delivery")
  })

  const outputs = { agent: scriptedAgent({ answers: "fine" }) }

  const delivered = (script: ReadonlyArray<Behaviour>) =>
    Effect.gen(function* () {
      const receiver = yield* httpReceiver(script)
      const jobs = yield* Jobs
      yield* create({ name: "told", every: "1d", delivery: ["webhook"], webhook_url: receiver.url })
      yield* jobs.runNow("told", { actor: "test" })
      const requests = (count: number) => until(Effect.sync(() => receiver.received.length === count))
      const settled = (attempts: number) =>
        until(Effect.map(deliveryOf("told"), (delivery) => delivery.attempts === attempts))
      yield* requests(1)
      yield* settled(1)
      return { receiver, requests, settled }
    })

  it.scoped("sends again what was answered 500, later each time, until it is taken", () =>
    Effect.gen(function* () {
      const { receiver, requests, settled } = yield* delivered([answers(500), answers(500), answers(200)])
      yield* TestClock.adjust("3900 millis")
      assert.lengthOf(receiver.received, 1)
      yield* TestClock.adjust("2200 millis")
      yield* requests(2)
      yield* settled(2)
      yield* TestClock.adjust("21 seconds")
      assert.lengthOf(receiver.received, 2)
      yield* TestClock.adjust("16 seconds")
      yield* requests(3)
      yield* settled(3)
      const delivery = yield* deliveryOf("told")
      assert.deepStrictEqual([delivery.state, delivery.error], ["delivered", null])
      const ids = receiver.received.map(({ headers }) => headers["webhook-id"])
      assert.deepStrictEqual(ids, [delivery.id, delivery.id, delivery.id])
    }).pipe(Effect.provide(engine(outputs, { router: routerWith({}) })))
  )

  it.scoped("does not send again what was refused for good", () =>
    Effect.gen(function* () {
      const { receiver } = yield* delivered([answers(400, "no such field"), answers(200)])
      yield* TestClock.adjust("2 hours")
      assert.lengthOf(receiver.received, 1)
      const { error, state } = yield* deliveryOf("told")
      assert.deepStrictEqual([state, error], ["failed", `127.0.0.1:${receiver.port} answered 400: no such field`])
      const [run] = yield* runsOf("told")
      assert.strictEqual(run?.status, "succeeded")
    }).pipe(Effect.provide(engine(outputs, { router: routerWith({}) })))
  )

  it.scoped("waits as long as the receiver asks", () =>
    Effect.gen(function* () {
      const { receiver, requests } = yield* delivered([answers(429, "", { "retry-after": "90" }), answers(200)])
      yield* TestClock.adjust("89 seconds")
      assert.lengthOf(receiver.received, 1)
      yield* TestClock.adjust("2 seconds")
      yield* requests(2)
    }).pipe(Effect.provide(engine(outputs, { router: routerWith({}) })))
  )
})
