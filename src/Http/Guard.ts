import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import { Forbidden } from "../Api.ts"

const loopback = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/

const hostOf = (url: string): URL | undefined => (URL.canParse(url) ? new URL(url) : undefined)

/** Why a request may not be answered, if so. */
const objection = (request: HttpServerRequest.HttpServerRequest): Forbidden | undefined => {
  const { host, origin } = request.headers
  const named = host === undefined ? undefined : hostOf(`http://${host}`)
  if (host !== undefined && (named === undefined || !loopback.test(named.hostname))) {
    return new Forbidden({
      code: "FORBIDDEN_HOST",
      message: `this service answers only under a loopback name such as localhost, not as "${host.slice(0, 100)}"`,
      details: []
    })
  }
  if (origin !== undefined && (named === undefined || hostOf(origin)?.host !== named.host)) {
    return new Forbidden({
      code: "FORBIDDEN_ORIGIN",
      message: "requests from pages of other sites are refused",
      details: []
    })
  }
  return undefined
}

/** Refuses foreign host names (DNS rebinding) and pages of other sites, since the open loopback mode knows no keys. */
export const guard = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E | Forbidden, R> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request): HttpApp.Default<E | Forbidden, R> => {
    const refusal = objection(request)
    return refusal === undefined ? app : Effect.fail(refusal)
  })
