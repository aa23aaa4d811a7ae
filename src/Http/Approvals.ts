import * as Effect from "effect/Effect"
import { toHttp } from "../Api.ts"
import { Approvals } from "../Approvals.ts"
import type { Principal } from "../Domain/Key.ts"
import { paged } from "./ResponseHeaders.ts"
import { handlersOf } from "./Routes.ts"

interface Decision {
  readonly path: { readonly approval_id: string }
  readonly payload: { readonly reason?: string }
  readonly principal: Principal
}

/** The routes about approvals. */
export const ApprovalsHttp = Effect.gen(function* () {
  const approvals = yield* Approvals

  const decide =
    (verdict: "approve" | "deny") =>
    ({ path, payload, principal: { actor, name } }: Decision) =>
      Effect.mapError(approvals[verdict](path.approval_id, { actor, name }, payload.reason ?? null), toHttp)

  return handlersOf("approvals", {
    list: ({ url, urlParams: { state = "pending", ...page } }) =>
      Effect.map(
        approvals.list({ ...page, limit: page.limit ?? 100, state: state === "all" ? undefined : state }),
        ({ items, next }) => paged(url, items, next)
      ),
    get: ({ path }) => Effect.mapError(approvals.get(path.approval_id), toHttp),
    approve: decide("approve"),
    deny: decide("deny")
  })
})
