import * as Schema from "effect/Schema"
import { BudgetLine } from "../Domain/Budget.ts"
import type { CallOptions, Connection } from "./Connection.ts"
import type * as Records from "./Records.ts"
import { route } from "./Route.ts"

const list = route("budgets", "list", { answer: Schema.Array(BudgetLine) })

/** What may be spent, and what is. */
export class BudgetsClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** How far budgets are spent. */
  list(call?: CallOptions): Promise<ReadonlyArray<Records.BudgetLine>> {
    return this.#connection.call(list, {}, call)
  }
}
