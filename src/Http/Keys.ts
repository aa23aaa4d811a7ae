import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import { Access } from "../Access.ts"
import { Api, CurrentPrincipal, toHttp } from "../Api.ts"

/** The routes about API keys. */
export const KeysHttp = HttpApiBuilder.group(Api, "keys", (handlers) =>
  Effect.gen(function* () {
    const access = yield* Access

    return handlers
      .handle("list", ({ urlParams }) => access.list(urlParams.all === true))
      .handle("create", ({ payload }) =>
        CurrentPrincipal.pipe(
          Effect.flatMap((principal) => access.create(payload, principal)),
          Effect.mapError(toHttp)
        )
      )
      .handle("revoke", ({ path }) =>
        CurrentPrincipal.pipe(
          Effect.flatMap((principal) => access.revoke(path.key, principal)),
          Effect.mapError(toHttp)
        )
      )
  })
)
