import * as HttpApi from "@effect/platform/HttpApi"
import * as OpenApi from "@effect/platform/OpenApi"
import { AgentsApi } from "./Api/Agents.ts"
import { ApprovalsApi } from "./Api/Approvals.ts"
import { AuditApi } from "./Api/Audit.ts"
import { BudgetsApi } from "./Api/Budgets.ts"
import { CompatApi } from "./Api/Compat.ts"
import { DeliveriesApi } from "./Api/Deliveries.ts"
import { trueDescription } from "./Api/Description.ts"
import { answers } from "./Api/Errors.ts"
import { FilesApi } from "./Api/Files.ts"
import { KeysApi } from "./Api/Keys.ts"
import { LogsApi } from "./Api/Logs.ts"
import { RunsApi } from "./Api/Runs.ts"
import { ScheduleApi } from "./Api/Schedule.ts"
import { HealthApi, MetaApi } from "./Api/Service.ts"
import { SessionsApi } from "./Api/Sessions.ts"
import { version } from "./Version.ts"

/** The HTTP API, as data: handlers, client, CLI and OpenAPI all come from it. */
export class Api extends HttpApi.make("symbiont")
  .add(ScheduleApi)
  .add(RunsApi)
  .add(SessionsApi)
  .add(ApprovalsApi)
  .add(DeliveriesApi)
  .add(BudgetsApi)
  .add(AgentsApi)
  .add(FilesApi)
  .add(AuditApi)
  .add(KeysApi)
  .add(CompatApi)
  .add(LogsApi)
  .add(HealthApi)
  .add(MetaApi)
  .addError(answers.invalid)
  .addError(answers.unauthorized)
  .addError(answers.forbidden)
  .addError(answers.notFound)
  .addError(answers.methodNotAllowed)
  .addError(answers.tooLarge)
  .addError(answers.unsupportedMediaType)
  .addError(answers.tooManyRequests)
  .addError(answers.internal)
  .addError(answers.unavailable)
  .addError(answers.storageFull)
  .annotate(OpenApi.Title, "Symbiont Scheduler")
  .annotate(OpenApi.Version, version)
  .annotate(OpenApi.Transform, trueDescription)
  .annotate(OpenApi.Description, "Runs AI agents on schedules, durably.") {}

export { Authorized, needs, RequiredScope } from "./Api/Access.ts"
export { Verdict } from "./Api/Approvals.ts"
export { AuditVerification, maxCheckpoints } from "./Api/Audit.ts"
export {
  type CompatCreate,
  CompatDetail,
  CompatRun,
  CompatSummary,
  type CompatUpdate
} from "./Api/Compat.ts"
export { Redelivered, RedeliverRequest } from "./Api/Deliveries.ts"
export * from "./Api/Errors.ts"
export { firstIssues, issuesOf, issueText, readableIssues } from "./Api/Issues.ts"
export { strict } from "./Api/Params.ts"
export { Deleted, NextRun, PreviewAnswer, PreviewRequest, RunRequest } from "./Api/Schedule.ts"
export { Live } from "./Api/Service.ts"
