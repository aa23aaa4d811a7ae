import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import { Api, toHttp } from "../Api.ts"
import { DeliveryDesk } from "../Delivery.ts"
import { actor } from "./Actor.ts"
import { setNext } from "./ResponseHeaders.ts"

/** The routes about deliveries. */
export const DeliveriesHttp = HttpApiBuilder.group(Api, "deliveries", (handlers) =>
  Effect.gen(function* () {
    const desk = yield* DeliveryDesk

    return handlers
      .handle("list", ({ urlParams }) =>
        desk.list({ ...urlParams, limit: urlParams.limit ?? 100 }).pipe(
          Effect.tap(({ next }) => setNext(next)),
          Effect.map(({ items }) => items),
          Effect.mapError(toHttp)
        )
      )
      .handle("get", ({ path }) => Effect.mapError(desk.find(path.delivery_id), toHttp))
      .handle("redeliver", ({ path }) =>
        actor.pipe(
          Effect.flatMap((who) => desk.redeliver(path.delivery_id, who)),
          Effect.mapError(toHttp)
        )
      )
      .handle("redeliverAll", ({ payload }) =>
        actor.pipe(
          Effect.flatMap((who) => desk.redeliverAll(payload, who)),
          Effect.map((count) => ({ count })),
          Effect.mapError(toHttp)
        )
      )
  })
)
