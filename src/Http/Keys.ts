import * as Effect from "effect/Effect"
import { Access } from "../Access.ts"
import { toHttp } from "../Api.ts"
import { handlersOf } from "./Routes.ts"

/** The routes about API keys. */
export const KeysHttp = Effect.gen(function* () {
  const access = yield* Access

  return handlersOf("keys", {
    list: ({ urlParams }) => access.list(urlParams.all === true),
    create: ({ payload, principal }) => Effect.mapError(access.create(payload, principal), toHttp),
    revoke: ({ path, principal }) => Effect.mapError(access.revoke(path.key, principal), toHttp)
  })
})
