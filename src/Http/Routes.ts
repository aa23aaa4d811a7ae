import * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import type * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { Api, type HttpError, RequiredScope } from "../Api.ts"
import { decoderOf, encoderOf } from "../Codec.ts"
import type { Principal, Scope } from "../Domain/Key.ts"
import { Answer, json, WithHeaders, whole } from "./Answer.ts"
import { queryOf } from "./Router.ts"

type Groups = (typeof Api)["groups"][string]
/** Names of the groups of routes. */
export type GroupName = HttpApiGroup.HttpApiGroup.Name<Groups>
type Endpoints<Name extends GroupName> = HttpApiGroup.HttpApiGroup.EndpointsWithName<Groups, Name>

/** Who asks, and for what. */
interface Asker {
  readonly principal: Principal
  /** The target of the request: its path and its query. */
  readonly url: string
}

type Asked<E extends HttpApiEndpoint.HttpApiEndpoint.Any> = Omit<
  HttpApiEndpoint.HttpApiEndpoint.Request<E>,
  "request"
> &
  Asker

type Given<A> = A | WithHeaders<A> | Answer

type Handler<E extends HttpApiEndpoint.HttpApiEndpoint.Any> = (
  asked: Asked<E>
) => Effect.Effect<Given<HttpApiEndpoint.HttpApiEndpoint.Success<E>>, HttpError>

/** What answers the routes of a group: by their names, what each does with a request that is valid. */
export type Handlers<Name extends GroupName> = {
  readonly [Route in HttpApiEndpoint.HttpApiEndpoint.Name<Endpoints<Name>>]: Handler<
    HttpApiEndpoint.HttpApiEndpoint.WithName<Endpoints<Name>, Route>
  >
}

/** Gives the handlers of a group their types. */
export const handlersOf = <Name extends GroupName>(_name: Name, handlers: Handlers<NoInfer<Name>>): Handlers<Name> =>
  handlers

/** All that answers the API, by group. */
export type AllHandlers = { readonly [Name in GroupName]: Handlers<Name> }

/** The parts of a request that a route reads. */
export interface Parts {
  readonly params: Readonly<Record<string, string>>
  readonly payload: unknown
  readonly headers: Readonly<Record<string, unknown>>
  readonly url: string
  readonly principal: Principal
}

/** A route of the API, ready to answer. */
export interface Route {
  readonly method: string
  /** A template such as `/api/v1/schedule/:job_id`. */
  readonly path: string
  readonly scope: Scope | "nothing"
  readonly readsBody: boolean
  /** What the handler makes of a request, or the first part of it that is not valid. */
  readonly handle: (parts: Parts) => Either.Either<Effect.Effect<unknown, unknown>, ParseResult.ParseIssue>
  /** What the handler gave, as an answer. Throws at what the API does not know. */
  readonly answer: (given: unknown) => Answer
}

type Endpoint = HttpApiEndpoint.HttpApiEndpoint<
  string,
  "GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "HEAD" | "OPTIONS"
>

interface Decoder {
  readonly name: "path" | "payload" | "headers" | "urlParams"
  readonly decode: (parts: Parts) => Either.Either<unknown, ParseResult.ParseIssue>
}

const decoder = <A>(
  name: Decoder["name"],
  schema: Option.Option<Schema.Schema<A, unknown>>,
  input: (parts: Parts) => unknown
): ReadonlyArray<Decoder> =>
  Option.match(schema, {
    onNone: () => [],
    onSome: (some) => {
      const decode = decoderOf(some)
      return [{ name, decode: (parts) => decode(input(parts)) }]
    }
  })

const decodersOf = ({
  headersSchema,
  pathSchema,
  payloadSchema,
  urlParamsSchema
}: Endpoint): ReadonlyArray<Decoder> => [
  ...decoder("path", pathSchema, ({ params }) => params),
  ...decoder("payload", payloadSchema, ({ payload }) => payload),
  ...decoder("headers", headersSchema, ({ headers }) => headers),
  ...decoder("urlParams", urlParamsSchema, ({ url }) => queryOf(url))
]

/** One of the answers that a route gives when it succeeds. */
interface Success {
  readonly schema: Schema.Schema<unknown, unknown>
  readonly answer: (encoded: unknown, headers: Readonly<Record<string, string>>) => Answer
}

const successOf = (member: Schema.Schema.Any): Success => {
  const schema = Schema.make<unknown, unknown>(member.ast)
  const status = HttpApiSchema.getStatusSuccess(schema)
  if (HttpApiSchema.isVoid(schema.ast)) return { schema, answer: (_, headers) => new Answer(status, headers, null) }
  const { contentType = "text/plain", kind } = HttpApiSchema.getEncoding(schema.ast)
  return {
    schema,
    answer: (encoded, headers) =>
      kind === "Json" ? json(status, encoded, headers) : whole(status, contentType, String(encoded), headers)
  }
}

/** Of several answers, the first that the value is a valid one of. */
const choosing = (name: string, successes: ReadonlyArray<Success>): Success["answer"] => {
  const all = successes.map(({ answer, schema }) => ({ answer, encode: ParseResult.encodeUnknownEither(schema) }))
  return (value, headers) => {
    for (const { answer, encode } of all) {
      const encoded = encode(value)
      if (Either.isRight(encoded)) return answer(encoded.right, headers)
    }
    throw new Error(`the answer of ${name} is not what the API says`)
  }
}

const answering = (name: string, successSchema: Schema.Schema.Any): Route["answer"] => {
  const members = new Set<Schema.Schema.Any>()
  HttpApiSchema.deunionize(members, successSchema)
  const [only, ...others] = Array.from(members, successOf)
  let answer = choosing(name, only === undefined ? [] : [only, ...others])
  if (only !== undefined && others.length === 0) {
    const encode = encoderOf(only.schema)
    answer = (value, headers) => only.answer(encode(value), headers)
  }
  return (given) => {
    if (given instanceof Answer) return given
    return given instanceof WithHeaders ? answer(given.value, given.headers) : answer(given, {})
  }
}

const routeOf = (
  endpoint: Endpoint,
  scope: Scope | "nothing",
  handler: (asked: never) => Effect.Effect<unknown, unknown>
): Route => {
  const decoders = decodersOf(endpoint)
  return {
    method: endpoint.method,
    path: endpoint.path,
    scope,
    readsBody: Option.isSome(endpoint.payloadSchema),
    handle: (parts) => {
      const asked: Record<string, unknown> = { principal: parts.principal, url: parts.url }
      for (const { decode, name } of decoders) {
        const decoded = decode(parts)
        if (Either.isLeft(decoded)) return Either.left(decoded.left)
        asked[name] = decoded.right
      }
      return Either.right(handler(asked as never))
    },
    answer: answering(endpoint.name, endpoint.successSchema)
  }
}

/** The routes of the API with what answers them. Every route says which scope it needs; dies of one that does not. */
export const routesOf = (all: AllHandlers): ReadonlyArray<Route> => {
  const handlers = new Map<string, (asked: never) => Effect.Effect<unknown, unknown>>()
  for (const [group, named] of Object.entries(all)) {
    for (const [name, handler] of Object.entries(named)) handlers.set(`${group}.${name}`, handler)
  }
  const routes: Array<Route> = []
  HttpApi.reflect(Api, {
    onGroup: () => undefined,
    onEndpoint: ({ endpoint, group, mergedAnnotations }) => {
      const name = `${group.identifier}.${endpoint.name}`
      const scope = Option.getOrThrowWith(
        Context.getOption(mergedAnnotations, RequiredScope),
        () => new Error(`the route ${name} does not say which scope it needs`)
      )
      const handler = handlers.get(name)
      if (handler === undefined) throw new Error(`nothing answers the route ${name}`)
      routes.push(routeOf(endpoint, scope, handler))
    }
  })
  return routes
}
