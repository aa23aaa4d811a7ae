import * as Schema from "effect/Schema"
import { RunRequest } from "../Api.ts"
import { AgentAnswer, AgentDefinition } from "../Domain/Agent.ts"
import type { CallOptions, Connection } from "./Connection.ts"
import type * as Records from "./Records.ts"
import { route } from "./Route.ts"

const list = route("agents", "list", { answer: Schema.Array(AgentDefinition) })
const get = route("agents", "get", { answer: AgentDefinition })
const run = route("agents", "run", { body: RunRequest, answer: AgentAnswer })

/** The agents that the service knows. */
export class AgentsClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** All agents. */
  list(call?: CallOptions): Promise<ReadonlyArray<Records.AgentDefinition>> {
    return this.#connection.call(list, {}, call)
  }

  /** An agent, by its name. */
  get(id: string, call?: CallOptions): Promise<Records.AgentDefinition> {
    return this.#connection.call(get, { path: { agent_id: id } }, call)
  }

  /**
   * Runs an agent by hand and waits for its answer, however long it takes unless `timeoutMs` is given; no job, no run is
   * stored. Node's own `fetch` waits for five minutes at most.
   */
  run(id: string, { input }: { readonly input?: string } = {}, call: CallOptions = {}): Promise<Records.AgentAnswer> {
    return this.#connection.call(run, { path: { agent_id: id }, body: { input } }, { timeoutMs: 0, ...call })
  }
}
