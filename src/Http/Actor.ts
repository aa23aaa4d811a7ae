import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import type { Actor } from "../Domain/Audit.ts"

/** Who asks: the CLI says so in a header. */
export const actor: Effect.Effect<Actor, never, HttpServerRequest.HttpServerRequest> = Effect.map(
  HttpServerRequest.HttpServerRequest,
  (request) => (request.headers["x-symbi-client"] === "cli" ? "cli" : "api")
)
