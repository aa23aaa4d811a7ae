import * as Schema from "effect/Schema"
import { Applied, ApplyRequest } from "../Domain/Apply.ts"
import type { AnyCase } from "./Casing.ts"
import type { CallOptions, Connection } from "./Connection.ts"
import type * as Records from "./Records.ts"
import { type Query, route } from "./Route.ts"

const apply = route("files", "apply", { body: ApplyRequest, answer: Applied })
const exported = route("files", "export", { answer: Schema.String })

/** Jobs as `.symbi` files. */
export class FilesClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Brings jobs in line with files, all of them or, with any error, nothing. */
  apply(files: AnyCase<typeof ApplyRequest.Encoded>, call?: CallOptions): Promise<Records.Applied> {
    return this.#connection.call(apply, { body: files }, call)
  }

  /** All jobs as the text of a `.symbi` file, or with `format: "json"` as a JSON array of definitions. */
  export(query?: Query<"files", "export">, call?: CallOptions): Promise<string> {
    return this.#connection.call(exported, { query }, call)
  }
}
