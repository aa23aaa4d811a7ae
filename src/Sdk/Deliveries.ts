import * as Schema from "effect/Schema"
import { Redelivered, RedeliverRequest } from "../Api.ts"
import { ListedDelivery } from "../Domain/Delivery.ts"
import type { AnyCase } from "./Casing.ts"
import type { CallOptions, Connection } from "./Connection.ts"
import type * as Records from "./Records.ts"
import { type Query, route } from "./Route.ts"

const list = route("deliveries", "list", { answer: Schema.Array(ListedDelivery) })
const get = route("deliveries", "get", { answer: ListedDelivery })
const redeliver = route("deliveries", "redeliver", { answer: ListedDelivery })
const redeliverAll = route("deliveries", "redeliverAll", { body: RedeliverRequest, answer: Redelivered })

/** What is on its way to channels, what arrived, and what did not. */
export class DeliveriesClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The newest deliveries. */
  list(filter?: Query<"deliveries", "list">, call?: CallOptions): Promise<ReadonlyArray<Records.Delivery>> {
    return this.#connection.call(list, { query: filter }, call)
  }

  /** All deliveries of a list, for `for await`. */
  listAll(filter?: Query<"deliveries", "list">, call?: CallOptions): AsyncGenerator<Records.Delivery, void, undefined> {
    return this.#connection.pages(list, { query: filter }, call)
  }

  /** A delivery. */
  get(id: string, call?: CallOptions): Promise<Records.Delivery> {
    return this.#connection.call(get, { path: { delivery_id: id } }, call)
  }

  /** Sends a delivery again, under its id. */
  redeliver(id: string, call?: CallOptions): Promise<Records.Delivery> {
    return this.#connection.call(redeliver, { path: { delivery_id: id } }, call)
  }

  /** Sends all deliveries again that failed, or that are dead. */
  redeliverAll(which: AnyCase<typeof RedeliverRequest.Encoded>, call?: CallOptions): Promise<Records.Redelivered> {
    return this.#connection.call(redeliverAll, { body: which }, call)
  }
}
