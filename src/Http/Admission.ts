import type { IncomingMessage } from "node:http"
import * as Either from "effect/Either"
import type { Access } from "../Access.ts"
import { Forbidden, type HttpError, InvalidRequest, toHttp, Unauthorized } from "../Api.ts"
import { allows, type Principal, type Scope } from "../Domain/Key.ts"

/** Why a request is not answered otherwise, and headers that say what to do. */
export class Refusal {
  readonly error: HttpError
  readonly headers: Readonly<Record<string, string>>

  constructor(error: HttpError, headers: Readonly<Record<string, string>> = {}) {
    this.error = error
    this.headers = headers
  }
}

const nobody: Principal = { mode: "keyed", actor: "api", name: null, scopes: [] }

const challenge = { "www-authenticate": `Bearer realm="symbiont"` }

const twoCredentials = new Refusal(
  new InvalidRequest({
    code: "TWO_CREDENTIALS",
    message: "Authorization and X-API-Key hold different keys; send one of them",
    details: []
  })
)

const keyNeeded = new Refusal(
  new Unauthorized({
    code: "UNAUTHORIZED",
    message: "an API key is needed: Authorization: Bearer KEY",
    details: []
  }),
  challenge
)

/** The key of a request; undefined where it has none. */
const keyOf = ({ headers }: IncomingMessage): string | undefined | Refusal => {
  const bearer = headers.authorization === undefined ? undefined : /^Bearer +(\S+) *$/i.exec(headers.authorization)?.[1]
  const own = textOf(headers["x-api-key"])?.trim() || undefined
  return bearer !== undefined && own !== undefined && bearer !== own ? twoCredentials : (bearer ?? own)
}

const textOf = (header: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof header === "string" ? header : header?.join(", ")

const lacking = ({ name, scopes }: Principal, needed: Scope) =>
  new Refusal(
    new Forbidden({
      code: "FORBIDDEN_SCOPE",
      message: `this needs the scope ${needed}; the key${name === null ? "" : ` "${name}"`} has ${scopes.join(", ")}`,
      details: []
    })
  )

/** Who a request is by that needs a scope, at `now` in UTC ms. In the open mode, whoever it says. */
export const admitted = (
  access: Access,
  request: IncomingMessage,
  needed: Scope | "nothing",
  now: number
): Principal | Refusal => {
  if (needed === "nothing") return nobody
  const key = keyOf(request)
  if (key instanceof Refusal) return key
  if (access.isOpen()) return access.openFor(request.headers["x-symbi-client"] === "cli" ? "cli" : "api")
  if (key === undefined) return keyNeeded
  const judged = access.admit(key, request.socket.remoteAddress ?? "unknown", now)
  if (Either.isLeft(judged)) {
    const error = judged.left
    return new Refusal(
      toHttp(error),
      error._tag === "RateLimited" ? { "retry-after": String(error.retry_after) } : challenge
    )
  }
  return allows(judged.right.scopes, needed) ? judged.right : lacking(judged.right, needed)
}
