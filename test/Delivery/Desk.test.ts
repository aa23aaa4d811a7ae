import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CurrentDelivery, DeliveryDesk, DeliveryRouter } from "../../src/Delivery.ts"
import { DeliveryFailure } from "../../src/Domain/Delivery.ts"
import { Jobs } from "../../src/Jobs.ts"
import { passTime, scriptedAgent } from "../../src/testing.ts"
import { Explanations } from "../../src/Why.ts"
import { audited } from "../support/Audit.ts"
import { create, engine, hour, until } from "../support/Engine.ts"

/** Channels that refuse (slack), do not answer (webhook), or take everything, until they are repaired. */
const makeChannels = () => {
  const arrived: Array<{ readonly id: string | undefined; readonly channel: string; readonly output: string }> = []
  let repaired = false
  const layer = Layer.succeed(DeliveryRouter, {
    route: (channel, _job, _run, output) =>
      Effect.gen(function* () {
        const current = yield* CurrentDelivery
        if (!repaired && channel === "webhook") {
          return yield* new DeliveryFailure({ channel, message: "connection refused", permanent: false })
        }
        if (!repaired && channel === "slack") {
          return yield* new DeliveryFailure({ channel, message: "channel_not_found", permanent: true })
        }
        arrived.push({ id: current?.id, channel, output })
      })
  })
  return {
    layer,
    arrived,
    repair: Effect.sync(() => {
      repaired = true
    })
  }
}

const withChannels = (channels: ReturnType<typeof makeChannels>) =>
  engine({ agent: scriptedAgent({ answers: "fine" }) }, { router: channels.layer })

const define = (name: string) =>
  create({
    name,
    every: "1h",
    delivery: ["webhook", "slack", "stdout"],
    webhook_url: "https://hooks.example.com/a",
    slack_channel: "#ops"
  })

describe("DeliveryDesk", () => {
  const first = makeChannels()
  it.effect("sends a dead delivery again, under its id and with all its attempts", () =>
    Effect.gen(function* () {
      const desk = yield* DeliveryDesk
      yield* define("report")
      yield* until(hour)
      yield* passTime("10 minutes")
      const { items } = yield* desk.list({ job: "report", state: "dead", limit: 10 })
      assert.lengthOf(items, 1)
      const [dead] = items
      assert.deepInclude(dead, {
        channel: "webhook",
        destination: "webhook hooks.example.com",
        job_name: "report",
        attempts: 4,
        error: "connection refused"
      })
      const id = dead?.id ?? ""

      const told = yield* Effect.flatMap(Explanations, (explanations) => explanations.job("report", undefined))
      assert.include(
        told.answer,
        "Not delivered: webhook hooks.example.com (connection refused), slack #ops (channel_not_found)."
      )
      assert.include(
        told.events.map(({ what }) => what),
        "output to webhook hooks.example.com dead, tried 4 times: connection refused"
      )
      assert.include(told.next_steps, `when the channel works again: symbi deliveries redeliver ${id}`)

      yield* first.repair
      const asked = yield* desk.redeliver(id, "key_ada")
      assert.deepStrictEqual([asked.id, asked.state, asked.attempts], [id, "pending", 0] as Array<unknown>)
      yield* passTime("1 second", "1 second")
      assert.deepStrictEqual(
        first.arrived.filter(({ channel }) => channel === "webhook"),
        [{ id, channel: "webhook", output: "fine" }]
      )
      assert.deepInclude(yield* desk.find(id), { state: "delivered", attempts: 1, error: null })
      const [entry] = yield* audited({ type: "DeliveryRequeued", limit: 5 })
      assert.deepStrictEqual<unknown>(
        [entry?.actor, entry?.job_name, entry?.run_id, entry?.before, entry?.after],
        [
          "key_ada",
          "report",
          dead?.run_id,
          { state: "dead", attempts: 4 },
          { delivery_id: id, channel: "webhook", state: "pending" }
        ]
      )
    }).pipe(Effect.provide(withChannels(first)))
  )

  const second = makeChannels()
  it.effect("sends all that failed again, of a channel or a job, and says how many", () =>
    Effect.gen(function* () {
      const desk = yield* DeliveryDesk
      yield* define("one")
      yield* define("two")
      yield* until(hour)
      yield* passTime("10 minutes")
      const failed = Effect.map(desk.list({ state: "failed", limit: 10 }), ({ items }) => items.length)
      assert.strictEqual(yield* failed, 2)
      yield* second.repair
      assert.strictEqual(yield* desk.redeliverAll({ state: "failed", channel: "email" }, "cli"), 0)
      assert.deepStrictEqual(yield* audited({ type: "DeliveryRequeued", limit: 5 }), [])
      assert.strictEqual(yield* desk.redeliverAll({ state: "failed", channel: "slack", job: "two" }, "cli"), 1)
      yield* passTime("1 second", "1 second")
      assert.deepStrictEqual(
        second.arrived.filter(({ channel }) => channel === "slack").map(({ output }) => output),
        ["fine"]
      )
      assert.strictEqual(yield* desk.redeliverAll({ state: "failed" }, "cli"), 1)
      yield* passTime("1 second", "1 second")
      assert.strictEqual(yield* failed, 0)
      const [entry] = yield* audited({ type: "DeliveryRequeued", limit: 1 })
      assert.deepInclude(entry, {
        actor: "cli",
        reason: "all failed deliveries are sent again (1)",
        after: { count: 1, channel: null, job: null, state: "pending" }
      })
    }).pipe(Effect.provide(withChannels(second)))
  )

  const third = makeChannels()
  it.effect("knows the deliveries of a deleted job by its id, and no job or delivery that never was", () =>
    Effect.gen(function* () {
      const desk = yield* DeliveryDesk
      const jobs = yield* Jobs
      const job = yield* define("gone")
      yield* until(hour)
      yield* jobs.remove("gone", "test")
      const found = yield* desk.list({ job: job.id, limit: 10 })
      assert.deepStrictEqual(
        found.items.map(({ channel, kind }) => `${channel} ${kind}`),
        ["log_file undelivered", "stdout output", "slack output", "webhook output"]
      )
      const page = yield* desk.list({ job: job.id, limit: 3 })
      assert.deepStrictEqual(page.items, found.items.slice(0, 3))
      const rest = yield* desk.list({ job: job.id, limit: 3, cursor: page.next ?? "" })
      assert.deepStrictEqual([rest.items, rest.next], [found.items.slice(3), null])
      assert.strictEqual((yield* Effect.flip(desk.list({ job: "gone", limit: 1 })))._tag, "JobNotFound")
      const unknown = yield* Effect.flip(desk.redeliver("dlv_nowhere", "test"))
      assert.strictEqual(unknown.message, 'no delivery with the id "dlv_nowhere"')
      assert.strictEqual((yield* Effect.flip(desk.find("dlv_nowhere")))._tag, "DeliveryNotFound")
    }).pipe(Effect.provide(withChannels(third)))
  )
})
