import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Api } from "./Api.ts"

/** A typed client of the HTTP API; `client` is who it says it is, for the audit log. */
export const makeClient = (options: {
  readonly baseUrl: string
  readonly apiKey?: Redacted.Redacted | undefined
  readonly client?: "cli" | undefined
}) =>
  HttpApiClient.make(Api, {
    baseUrl: options.baseUrl.replace(/\/+$/, ""),
    transformClient: HttpClient.mapRequest((request) => {
      const named =
        options.client === undefined ? request : HttpClientRequest.setHeader(request, "x-symbi-client", options.client)
      return options.apiKey === undefined ? named : HttpClientRequest.bearerToken(named, Redacted.value(options.apiKey))
    })
  })

/** See {@link makeClient}. */
export type Client = Effect.Effect.Success<ReturnType<typeof makeClient>>
