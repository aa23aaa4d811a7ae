import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  type ChannelHandler,
  CurrentDelivery,
  CustomChannels,
  DeliveryDesk,
  type DeliveryNotes
} from "../../src/index.ts"
import { finishedRun, jobNamed } from "./fixtures.ts"

describe("a channel written with what the package exports", () => {
  it.effect("can tell the delivery that it is asked for", () => {
    const told: Array<DeliveryNotes | null> = []
    const pager: ChannelHandler = () => Effect.map(CurrentDelivery, (notes) => void told.push(notes))
    const notes: DeliveryNotes = { id: "dlv_1", kind: "dead_letter", subject: "it died" }
    return Effect.gen(function* () {
      const handler = (yield* CustomChannels).get("pager") ?? assert.fail("there is no pager")
      yield* Effect.provideService(handler(jobNamed("a"), finishedRun(), "x"), CurrentDelivery, notes)
      assert.deepStrictEqual(told, [notes])
      assert.isDefined(DeliveryDesk.Default)
    }).pipe(Effect.provide(CustomChannels.layer({ pager })))
  })
})
