import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Access } from "../Access.ts"
import {
  Api,
  Authorized,
  Forbidden,
  InternalError,
  InvalidRequest,
  RequiredScope,
  toHttp,
  Unauthorized
} from "../Api.ts"
import { allows, type KeyUnknown, type Principal, type RateLimited, type Scope } from "../Domain/Key.ts"
import { routed } from "./Measured.ts"
import { setHeader } from "./ResponseHeaders.ts"

const scopes = new Map<string, Scope | "nothing">()

HttpApi.reflect(Api, {
  onGroup: () => undefined,
  onEndpoint: ({ endpoint, mergedAnnotations }) => {
    const scope = Context.getOption(mergedAnnotations, RequiredScope)
    if (Option.isSome(scope)) scopes.set(`${endpoint.method} ${endpoint.path}`, scope.value)
  }
})

const nobody: Principal = { mode: "keyed", actor: "api", name: null, scopes: [] }

/** The key of a request; none where it has none. */
const keyOf = ({ headers }: HttpServerRequest.HttpServerRequest) => {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers["authorization"] ?? "")?.[1]
  const own = headers["x-api-key"]?.trim() || undefined
  if (bearer !== undefined && own !== undefined && bearer !== own) {
    return new InvalidRequest({
      code: "TWO_CREDENTIALS",
      message: "Authorization and X-API-Key hold different keys; send one of them",
      details: []
    })
  }
  return Effect.succeed(bearer ?? own)
}

const challenge = setHeader("www-authenticate", `Bearer realm="symbiont"`)

const keyNeeded = Effect.zipRight(
  challenge,
  new Unauthorized({
    code: "UNAUTHORIZED",
    message: "an API key is needed: Authorization: Bearer KEY",
    details: []
  })
)

const refused = (error: KeyUnknown | RateLimited) =>
  Effect.zipRight(
    error._tag === "RateLimited" ? setHeader("retry-after", String(error.retry_after)) : challenge,
    Effect.fail(toHttp(error))
  )

const lacking = ({ name, scopes }: Principal, needed: Scope) =>
  new Forbidden({
    code: "FORBIDDEN_SCOPE",
    message: `this needs the scope ${needed}; the key${name === null ? "" : ` "${name}"`} has ${scopes.join(", ")}`,
    details: []
  })

/** Admits each request by its key; in the open mode, without any. */
export const AuthorizedLive = Layer.effect(
  Authorized,
  Effect.map(Access, (access) =>
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const { route } = yield* HttpRouter.RouteContext
      yield* routed(request, route.path)
      const needed = scopes.get(`${route.method} ${route.path}`)
      if (needed === undefined) {
        yield* Effect.logError(`the route ${route.method} ${route.path} does not say which scope it needs`)
        return yield* new InternalError({ code: "INTERNAL", message: "nobody may ask for this", details: [] })
      }
      if (needed === "nothing") return nobody
      const key = yield* keyOf(request)
      if (yield* access.isOpen) return access.openFor(request.headers["x-symbi-client"] === "cli" ? "cli" : "api")
      if (key === undefined) return yield* keyNeeded
      const address = Option.getOrElse(request.remoteAddress, () => "unknown")
      const principal = yield* Effect.catchAll(access.admit(key, address), refused)
      return allows(principal.scopes, needed) ? principal : yield* lacking(principal, needed)
    })
  )
)
