import * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import type * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import type * as HttpMethod from "@effect/platform/HttpMethod"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { Api } from "../Api.ts"
import { type AnyCase, toSnakeKeys } from "./Casing.ts"
import type { OnWire } from "./Records.ts"

type Groups = typeof Api extends HttpApi.HttpApi<infer _Id, infer Groups, infer _E, infer _R> ? Groups : never
type GroupName = HttpApiGroup.HttpApiGroup.Name<Groups>
type Endpoints<Group extends string> = HttpApiGroup.HttpApiGroup.EndpointsWithName<Groups, Group>
type EndpointName<Group extends string> = HttpApiEndpoint.HttpApiEndpoint.Name<Endpoints<Group>>
type Endpoint<Group extends string, Name extends string> = HttpApiEndpoint.HttpApiEndpoint.WithName<
  Endpoints<Group>,
  Name
>

type Parameter<T> = number extends T ? T | string : T
type Parameters<T> = { readonly [Key in keyof T]: Parameter<T[Key]> }

/** The query of a route: numbers, switches and texts; instants as ISO 8601 text or in UTC ms. */
export type Query<Group extends GroupName, Name extends EndpointName<Group>> = AnyCase<
  Parameters<HttpApiEndpoint.HttpApiEndpoint.UrlParams<Endpoint<Group, Name>>>
>

/** One route of the API: how to ask, and what an answer of it is. */
export interface Route<Q, Body, A> {
  readonly method: HttpMethod.HttpMethod
  /** Such as `/api/v1/runs/:run_id`. */
  readonly path: string
  /** Statuses of answers that are no errors. */
  readonly statuses: ReadonlySet<number>
  /** Whether an answer is plain text in place of JSON. */
  readonly isText: boolean
  readonly search: (query: Q) => Readonly<Record<string, string>>
  readonly write: (body: Body) => unknown
  readonly read: (answer: unknown) => A
}

interface Known {
  readonly method: HttpMethod.HttpMethod
  readonly path: string
  readonly query: AST.AST
  readonly statuses: ReadonlySet<number>
}

const noFields = Schema.Struct({}).ast

const known = new Map<string, Known>()
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint, group, successes }) =>
    void known.set(`${group.identifier}.${endpoint.name}`, {
      method: endpoint.method,
      path: endpoint.path,
      query: Option.match(endpoint.urlParamsSchema, { onNone: () => noFields, onSome: ({ ast }) => ast }),
      statuses: new Set(successes.keys())
    })
})

const knownAs = (name: string): Known => {
  const found = known.get(name)
  if (found === undefined) throw new Error(`the API has no route ${name}`)
  return found
}

const writeParameter = (ast: AST.AST, key: string, value: unknown): string => {
  if (typeof value === "string") return value
  const field = AST.getPropertySignatures(ast).find(({ name }) => name === key)
  const written = field === undefined ? undefined : Schema.encodeUnknownOption(Schema.make(field.type))(value)
  // What cannot be, the service refuses with its reason.
  return String(written !== undefined && Option.isSome(written) ? written.value : value)
}

type Success<Group extends string, Name extends string> = HttpApiEndpoint.HttpApiEndpoint.Success<Endpoint<Group, Name>>
type Payload<Group extends string, Name extends string> = HttpApiEndpoint.HttpApiEndpoint.Payload<Endpoint<Group, Name>>

/**
 * A route by its place in the API. The schemas say what its texts are on the wire; that they are the route's is checked
 * by their types.
 */
export const route = <
  const Group extends GroupName,
  const Name extends EndpointName<Group>,
  AnswerEncoded,
  BodyEncoded = never
>(
  group: Group,
  name: Name,
  schemas: {
    readonly answer: Schema.Schema<Success<Group, Name>, AnswerEncoded>
    readonly body?: Schema.Schema<Payload<Group, Name>, BodyEncoded>
  }
): Route<Query<Group, Name>, AnyCase<NonNullable<BodyEncoded>>, OnWire<Success<Group, Name>, AnswerEncoded>> => {
  const { method, path, query, statuses } = knownAs(`${group}.${name}`)
  const { body } = schemas
  return {
    method,
    path,
    statuses,
    isText: AST.isStringKeyword(schemas.answer.ast),
    search: (given) =>
      Object.fromEntries(
        Object.entries(toSnakeKeys(query, given) as Readonly<Record<string, unknown>>)
          .filter(([, value]) => value !== undefined)
          .map(([key, value]) => [key, writeParameter(query, key, value)])
      ),
    write: (given) => (body === undefined ? given : toSnakeKeys(body.ast, given)),
    read: (answer) => answer as OnWire<Success<Group, Name>, AnswerEncoded>
  }
}
