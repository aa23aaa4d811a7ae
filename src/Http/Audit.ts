import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import { Api } from "../Api.ts"
import { AuditCheckpoints, AuditLog } from "../AuditLog.ts"
import { setNext } from "./ResponseHeaders.ts"

/** The routes about the audit log. */
export const AuditHttp = HttpApiBuilder.group(Api, "audit", (handlers) =>
  Effect.gen(function* () {
    const log = yield* AuditLog
    const checkpoints = yield* AuditCheckpoints

    return handlers
      .handle("query", ({ urlParams }) =>
        log.query({ ...urlParams, limit: urlParams.limit ?? 100 }).pipe(
          Effect.tap((page) => setNext(page.next)),
          Effect.map((page) => page.items)
        )
      )
      .handle("verify", () => checkpoints.verify([]))
      .handle("compare", ({ payload }) => checkpoints.verify(payload.checkpoints))
      .handle("checkpoint", () => checkpoints.make)
  })
)
