import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Api } from "./Api.ts"

/** The object with each value made of another's when it is first asked for. */
const lazily = <A, B>(
  values: Readonly<Record<string, A>>,
  make: (name: string, value: A) => B
): Readonly<Record<string, B>> => {
  const made = new Map<string, B>()
  const get = (name: string, value: A): B => {
    const known = made.get(name) ?? make(name, value)
    made.set(name, known)
    return known
  }
  const properties = Object.entries(values).map(
    ([name, value]) => [name, { enumerable: true, get: () => get(name, value) }] as const
  )
  return Object.defineProperties({}, Object.fromEntries(properties))
}

const groups: Readonly<Record<string, { readonly endpoints: Readonly<Record<string, unknown>> }>> = Api.groups

/** `HttpApiClient.make` compiles all endpoints, which takes longer than a short command does; here each by itself. */
const byEndpoint = (httpClient: HttpClient.HttpClient, baseUrl: string): Client =>
  lazily(groups, (group, { endpoints }) =>
    lazily(endpoints, (endpoint) =>
      Effect.runSync(
        // Only the types tell one from the other.
        HttpApiClient.endpoint(Api, { group: group as "schedule", endpoint: endpoint as "list", httpClient, baseUrl })
      )
    )
  ) as unknown as Client

/** A typed client of the HTTP API; `client` is who it says it is, for the audit log. */
export const makeClient = (options: {
  readonly baseUrl: string
  readonly apiKey?: Redacted.Redacted | undefined
  readonly client?: "cli" | undefined
}): Effect.Effect<Client, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (httpClient) =>
    byEndpoint(
      // Commands are no part of a trace that anybody exports.
      HttpClient.mapRequest(HttpClient.withTracerPropagation(httpClient, options.client !== "cli"), (request) => {
        const named =
          options.client === undefined
            ? request
            : HttpClientRequest.setHeader(request, "x-symbi-client", options.client)
        return options.apiKey === undefined
          ? named
          : HttpClientRequest.bearerToken(named, Redacted.value(options.apiKey))
      }),
      options.baseUrl.replace(/\/+$/, "")
    )
  )

const wholeClient = () => HttpApiClient.make(Api)

/** See {@link makeClient}. */
export type Client = Effect.Effect.Success<ReturnType<typeof wholeClient>>

/** The cursor of the next page, from the `Link` header of a page. */
export const nextCursor = (link: string | undefined): string | undefined => {
  const target = /^<([^>]+)>; rel="next"$/.exec(link ?? "")?.[1]
  return target === undefined ? undefined : (new URL(target, "http://any").searchParams.get("cursor") ?? undefined)
}
