import * as Schema from "effect/Schema"
import { ApiKey, CreatedKey, KeyRequest } from "../Domain/Key.ts"
import type { AnyCase } from "./Casing.ts"
import type { CallOptions, Connection } from "./Connection.ts"
import type * as Records from "./Records.ts"
import { type Query, route } from "./Route.ts"

const list = route("keys", "list", { answer: Schema.Array(ApiKey) })
const create = route("keys", "create", { body: KeyRequest, answer: CreatedKey })
const revoke = route("keys", "revoke", { answer: ApiKey })

/** API keys; all of it needs the scope `admin`. */
export class KeysClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The stored keys; with `all`, revoked ones too. */
  list(filter?: Query<"keys", "list">, call?: CallOptions): Promise<ReadonlyArray<Records.ApiKey>> {
    return this.#connection.call(list, { query: filter }, call)
  }

  /** Creates a key; only this answer has its `secret`. */
  create(key: AnyCase<typeof KeyRequest.Encoded>, call?: CallOptions): Promise<Records.CreatedKey> {
    return this.#connection.call(create, { body: key }, call)
  }

  /** Revokes a key, by its id or name. */
  revoke(key: string, call?: CallOptions): Promise<Records.ApiKey> {
    return this.#connection.call(revoke, { path: { key } }, call)
  }
}
