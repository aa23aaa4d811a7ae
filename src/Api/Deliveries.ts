import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { DeliveryChannel, DeliveryState, ListedDelivery } from "../Domain/Delivery.ts"
import { Authorized, needs } from "./Access.ts"
import { answers } from "./Errors.ts"
import { Cursor, DeliveryPath, Limit, strict } from "./Params.ts"

const channel = Schema.optionalWith(DeliveryChannel, { exact: true })
const job = Schema.optionalWith(Schema.NonEmptyString, { exact: true })

/** Which deliveries to list; `job` is a job's id or its name. */
export const DeliveryParams = Schema.Struct({
  state: Schema.optionalWith(DeliveryState, { exact: true }),
  channel,
  job,
  limit: Limit,
  cursor: Cursor
})

/** Which deliveries to send again, all at once: those that were refused, or those that ran out of attempts. */
export const RedeliverRequest = Schema.Struct({ state: Schema.Literal("failed", "dead"), channel, job }).annotations({
  identifier: "RedeliverRequest"
})

/** How many deliveries are sent again. */
export const Redelivered = Schema.Struct({ count: Schema.Int }).annotations({ identifier: "Redelivered" })

/** What is on its way to channels, what arrived, and what did not. */
export class DeliveriesApi extends HttpApiGroup.make("deliveries")
  .add(
    HttpApiEndpoint.get("list", "/deliveries")
      .setUrlParams(strict(DeliveryParams))
      .addSuccess(Schema.Array(ListedDelivery))
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "List deliveries, newest first")
  )
  .add(
    HttpApiEndpoint.get("get", "/deliveries/:delivery_id")
      .setPath(DeliveryPath)
      .addSuccess(ListedDelivery)
      .addError(answers.notFound)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Get a delivery")
  )
  .add(
    HttpApiEndpoint.post("redeliver", "/deliveries/:delivery_id/redeliver")
      .setPath(DeliveryPath)
      .addSuccess(ListedDelivery)
      .addError(answers.notFound)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Send a delivery again, under its id, with all its attempts before it")
  )
  .add(
    HttpApiEndpoint.post("redeliverAll", "/deliveries/redeliver")
      .setPayload(strict(RedeliverRequest))
      .addSuccess(Redelivered)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Send all deliveries again that failed, or that are dead")
  )
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Deliveries") {}
