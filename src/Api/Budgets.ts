import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { BudgetLine } from "../Domain/Budget.ts"
import { Authorized, needs } from "./Access.ts"

/** What may be spent, and what is. */
export class BudgetsApi extends HttpApiGroup.make("budgets")
  .add(
    HttpApiEndpoint.get("list", "/budgets")
      .addSuccess(Schema.Array(BudgetLine))
      .annotateContext(needs("read"))
      .annotate(
        OpenApi.Summary,
        "List how far budgets are spent: the service's, all agents', and those of jobs that spent something lately"
      )
  )
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Budgets") {}
