import * as Effect from "effect/Effect"
import { toHttp } from "../Api.ts"
import { DeliveryDesk } from "../Delivery.ts"
import { paged } from "./ResponseHeaders.ts"
import { handlersOf } from "./Routes.ts"

/** The routes about deliveries. */
export const DeliveriesHttp = Effect.gen(function* () {
  const desk = yield* DeliveryDesk

  return handlersOf("deliveries", {
    list: ({ url, urlParams }) =>
      Effect.mapBoth(desk.list({ ...urlParams, limit: urlParams.limit ?? 100 }), {
        onFailure: toHttp,
        onSuccess: ({ items, next }) => paged(url, items, next)
      }),
    get: ({ path }) => Effect.mapError(desk.find(path.delivery_id), toHttp),
    redeliver: ({ path, principal }) => Effect.mapError(desk.redeliver(path.delivery_id, principal.actor), toHttp),
    redeliverAll: ({ payload, principal }) =>
      Effect.mapBoth(desk.redeliverAll(payload, principal.actor), {
        onFailure: toHttp,
        onSuccess: (count) => ({ count })
      })
  })
})
