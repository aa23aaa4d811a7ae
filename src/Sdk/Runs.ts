import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { isTerminal, Run } from "../Domain/Run.ts"
import { Why } from "../Domain/Why.ts"
import type { CallOptions, Connection } from "./Connection.ts"
import { SymbiontError } from "./Failure.ts"
import type * as Records from "./Records.ts"
import { route } from "./Route.ts"

const get = route("runs", "get", { answer: Run })
const log = route("runs", "log", { answer: Schema.String })
const cancel = route("runs", "cancel", { answer: Run })
const why = route("runs", "why", { answer: Why })

/** How to wait for the end of a run. */
export interface WaitOptions {
  /** How long from one look to the next, in ms: 500 unless given. */
  readonly pollMs?: number | undefined
  /** How long to wait at most, in ms; without it, as long as it takes. Then: `TIMEOUT`, and the run goes on. */
  readonly timeoutMs?: number | undefined
}

/** Single runs. */
export class RunsClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** A run, whole. */
  get(id: string, call?: CallOptions): Promise<Records.Run> {
    return this.#connection.call(get, { path: { run_id: id } }, call)
  }

  /** What a run has logged until now. */
  log(id: string, call?: CallOptions): Promise<string> {
    return this.#connection.call(log, { path: { run_id: id } }, call)
  }

  /** Cancels a run. One that has ended: `RUN_ENDED`. */
  cancel(id: string, call?: CallOptions): Promise<Records.Run> {
    return this.#connection.call(cancel, { path: { run_id: id } }, call)
  }

  /** Why a run ran, did not, waits, failed or was not delivered. */
  why(id: string, call?: CallOptions): Promise<Records.Why> {
    return this.#connection.call(why, { path: { run_id: id } }, call)
  }

  /** The run when it has ended, however it did. One that awaits approval has not. */
  async wait(id: string, { pollMs = 500, timeoutMs }: WaitOptions = {}, call?: CallOptions): Promise<Records.Run> {
    const look = Effect.map(this.#connection.ask(get, { path: { run_id: id } }, call), ({ answer }) => answer)
    const ended: typeof look = Effect.flatMap(look, (run) =>
      isTerminal(run.status) ? Effect.succeed(run) : Effect.delay(ended, pollMs)
    )
    const inTime =
      timeoutMs === undefined
        ? ended
        : Effect.timeoutFail(ended, {
            duration: timeoutMs,
            onTimeout: () =>
              new SymbiontError({ code: "TIMEOUT", message: `run ${id} has not ended within ${timeoutMs} ms` })
          })
    return await this.#connection.run(inTime, call)
  }
}
