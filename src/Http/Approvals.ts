import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import { Api, CurrentPrincipal, toHttp } from "../Api.ts"
import { Approvals } from "../Approvals.ts"
import { setNext } from "./ResponseHeaders.ts"

/** The routes about approvals. */
export const ApprovalsHttp = HttpApiBuilder.group(Api, "approvals", (handlers) =>
  Effect.gen(function* () {
    const approvals = yield* Approvals

    const decide =
      (verdict: "approve" | "deny") =>
      (request: { readonly path: { readonly approval_id: string }; readonly payload: { readonly reason?: string } }) =>
        CurrentPrincipal.pipe(
          Effect.flatMap(({ actor, name }) =>
            approvals[verdict](request.path.approval_id, { actor, name }, request.payload.reason ?? null)
          ),
          Effect.mapError(toHttp)
        )

    return handlers
      .handle("list", ({ urlParams: { state = "pending", ...page } }) =>
        approvals.list({ ...page, limit: page.limit ?? 100, state: state === "all" ? undefined : state }).pipe(
          Effect.tap(({ next }) => setNext(next)),
          Effect.map(({ items }) => items)
        )
      )
      .handle("get", ({ path }) => Effect.mapError(approvals.get(path.approval_id), toHttp))
      .handle("approve", decide("approve"))
      .handle("deny", decide("deny"))
  })
)
