import * as Schema from "effect/Schema"
import { Verdict } from "../Api.ts"
import { Approval } from "../Domain/Approval.ts"
import type { CallOptions, Connection } from "./Connection.ts"
import type * as Records from "./Records.ts"
import { type Query, route } from "./Route.ts"

const list = route("approvals", "list", { answer: Schema.Array(Approval) })
const get = route("approvals", "get", { answer: Approval })
const approve = route("approvals", "approve", { body: Verdict, answer: Approval })
const deny = route("approvals", "deny", { body: Verdict, answer: Approval })

/** Runs that wait for a person. Where an approval's id is asked for, its run's does as well. */
export class ApprovalsClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The newest approvals: those that wait, unless `state` says otherwise. */
  list(filter?: Query<"approvals", "list">, call?: CallOptions): Promise<ReadonlyArray<Records.Approval>> {
    return this.#connection.call(list, { query: filter }, call)
  }

  /** All approvals of a list, for `for await`. */
  listAll(filter?: Query<"approvals", "list">, call?: CallOptions): AsyncGenerator<Records.Approval, void, undefined> {
    return this.#connection.pages(list, { query: filter }, call)
  }

  /** An approval. */
  get(id: string, call?: CallOptions): Promise<Records.Approval> {
    return this.#connection.call(get, { path: { approval_id: id } }, call)
  }

  /** Lets the run go on. One that is decided already: `APPROVAL_CLOSED`. */
  approve(id: string, { reason }: { readonly reason?: string } = {}, call?: CallOptions): Promise<Records.Approval> {
    return this.#connection.call(approve, { path: { approval_id: id }, body: { reason } }, call)
  }

  /** Ends the run without calling its agent. */
  deny(id: string, { reason }: { readonly reason?: string } = {}, call?: CallOptions): Promise<Records.Approval> {
    return this.#connection.call(deny, { path: { approval_id: id }, body: { reason } }, call)
  }
}
