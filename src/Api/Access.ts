import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import type { Scope } from "../Domain/Key.ts"
import { answers } from "./Errors.ts"

/** The scope that a route asks of a key: an annotation that every route has. */
export class RequiredScope extends Context.Tag("symbiont/Api/RequiredScope")<RequiredScope, Scope | "nothing">() {}

/** Lets in who has the route's scope, within the limits of the key. Every group of routes has it. */
export class Authorized extends HttpApiMiddleware.Tag<Authorized>()("symbiont/Api/Authorized", {
  failure: Schema.Union(
    answers.invalid,
    answers.unauthorized,
    answers.forbidden,
    answers.tooManyRequests,
    answers.internal
  )
}) {}

/** The two ways to send a key, as OpenAPI tells them. */
export const securitySchemes = {
  bearer: { type: "http", scheme: "bearer", description: "An API key. Not asked for while the service has none." },
  header: { type: "apiKey", in: "header", name: "X-API-Key", description: "The same key in a header of its own." }
} as const

/** What a route asks for, where it is enforced and where it is described. */
export const needs = (scope: Scope | "nothing"): Context.Context<RequiredScope | OpenApi.Override> =>
  Context.make(RequiredScope, scope).pipe(
    Context.add(OpenApi.Override, {
      security: scope === "nothing" ? [] : Object.keys(securitySchemes).map((name) => ({ [name]: [] })),
      "x-required-scope": scope
    })
  )
