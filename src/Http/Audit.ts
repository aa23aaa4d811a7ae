import * as Effect from "effect/Effect"
import { AuditCheckpoints, AuditLog } from "../AuditLog.ts"
import { paged } from "./ResponseHeaders.ts"
import { handlersOf } from "./Routes.ts"

/** The routes about the audit log. */
export const AuditHttp = Effect.gen(function* () {
  const log = yield* AuditLog
  const checkpoints = yield* AuditCheckpoints

  return handlersOf("audit", {
    query: ({ url, urlParams }) =>
      Effect.map(log.query({ ...urlParams, limit: urlParams.limit ?? 100 }), ({ items, next }) =>
        paged(url, items, next)
      ),
    verify: () => checkpoints.verify([]),
    compare: ({ payload }) => checkpoints.verify(payload.checkpoints),
    checkpoint: () => checkpoints.make
  })
})
