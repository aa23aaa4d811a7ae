import { AgentsClient } from "./Sdk/Agents.ts"
import { ApprovalsClient } from "./Sdk/Approvals.ts"
import { AuditClient } from "./Sdk/Audit.ts"
import { BudgetsClient } from "./Sdk/Budgets.ts"
import { type ClientOptions, Connection } from "./Sdk/Connection.ts"
import { DeliveriesClient } from "./Sdk/Deliveries.ts"
import { FilesClient } from "./Sdk/Files.ts"
import { KeysClient } from "./Sdk/Keys.ts"
import { RunsClient } from "./Sdk/Runs.ts"
import { ScheduleClient } from "./Sdk/Schedule.ts"

/**
 * A client of the service whose calls are promises. Requests may have their keys in camelCase or snake_case; answers are
 * the API's own records. A call that fails is rejected with a {@link SymbiontError}.
 */
export class SymbiontClient {
  readonly schedule: ScheduleClient
  readonly runs: RunsClient
  readonly approvals: ApprovalsClient
  readonly deliveries: DeliveriesClient
  readonly agents: AgentsClient
  readonly budgets: BudgetsClient
  readonly audit: AuditClient
  readonly keys: KeysClient
  readonly files: FilesClient

  constructor(options: ClientOptions) {
    const connection = new Connection(options)
    this.runs = new RunsClient(connection)
    this.schedule = new ScheduleClient(connection, this.runs)
    this.approvals = new ApprovalsClient(connection)
    this.deliveries = new DeliveriesClient(connection)
    this.agents = new AgentsClient(connection)
    this.budgets = new BudgetsClient(connection)
    this.audit = new AuditClient(connection)
    this.keys = new KeysClient(connection)
    this.files = new FilesClient(connection)
  }
}

export { type Client as EffectClient, makeClient } from "./Client.ts"
export type { AnyCase } from "./Sdk/Casing.ts"
export type { CallOptions, ClientOptions } from "./Sdk/Connection.ts"
export { type ErrorDetail, SymbiontError } from "./Sdk/Failure.ts"
export type * from "./Sdk/Records.ts"
export type { WaitOptions } from "./Sdk/Runs.ts"
export type { RunOptions } from "./Sdk/Schedule.ts"
