import * as Schema from "effect/Schema"
import { AuditVerification } from "../Api.ts"
import { AuditCheckpoint, AuditEvent, AuditVerdict } from "../Domain/Audit.ts"
import type { AnyCase } from "./Casing.ts"
import type { CallOptions, Connection } from "./Connection.ts"
import type * as Records from "./Records.ts"
import { type Query, route } from "./Route.ts"

const query = route("audit", "query", { answer: Schema.Array(AuditEvent) })
const verify = route("audit", "verify", { answer: AuditVerdict })
const compare = route("audit", "compare", { body: AuditVerification, answer: AuditVerdict })
const checkpoint = route("audit", "checkpoint", { answer: AuditCheckpoint })

/** What was done, and by whom. */
export class AuditClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The newest entries; `since` and `until` are days, instants as ISO 8601 text, or UTC ms. */
  query(filter?: Query<"audit", "query">, call?: CallOptions): Promise<ReadonlyArray<Records.AuditEvent>> {
    return this.#connection.call(query, { query: filter }, call)
  }

  /** All entries of a list, for `for await`. */
  queryAll(filter?: Query<"audit", "query">, call?: CallOptions): AsyncGenerator<Records.AuditEvent, void, undefined> {
    return this.#connection.pages(query, { query: filter }, call)
  }

  /** Whether the log is as it was written, also as far as checkpoints go that were kept elsewhere. */
  verify(
    { checkpoints }: Partial<AnyCase<typeof AuditVerification.Encoded>> = {},
    call?: CallOptions
  ): Promise<Records.AuditVerdict> {
    return checkpoints === undefined
      ? this.#connection.call(verify, {}, call)
      : this.#connection.call(compare, { body: { checkpoints } }, call)
  }

  /** Signs how far the log reaches now. */
  checkpoint(call?: CallOptions): Promise<Records.AuditCheckpoint> {
    return this.#connection.call(checkpoint, {}, call)
  }
}
