import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type { Job } from "../Domain/Job.ts"

/** Adds a header to the answer, whatever it will be. */
export const setHeader = (name: string, value: string) =>
  HttpApp.appendPreResponseHandler((_, response) => Effect.succeed(HttpServerResponse.setHeader(response, name, value)))

/** A job's version as the `ETag` of its answers. */
export const etagOf = ({ version }: Pick<Job, "version">): string => `"${version}"`

/** Adds {@link etagOf}. */
export const withETag = <J extends Pick<Job, "version">, E, R>(job: Effect.Effect<J, E, R>) =>
  Effect.tap(job, (of) => setHeader("etag", etagOf(of)))

/** The version of an `If-Match`; none for `*`; one that no job has for anything but a version of ours. */
export const versionOf = (ifMatch: string | undefined): number | undefined => {
  if (ifMatch === undefined || ifMatch.trim() === "*") return undefined
  const version = /^\s*"(\d{1,15})"\s*$/.exec(ifMatch)?.[1]
  return version === undefined ? -1 : Number(version)
}

/** Adds `Location`. */
export const setLocation = (path: string) => setHeader("location", path)

/** Adds `Link` to the next page: the same request with the cursor set. */
export const setNext = Effect.fnUntraced(function* (next: string | null) {
  if (next === null) return
  const { url } = yield* HttpServerRequest.HttpServerRequest
  const [path = "", query = ""] = url.split("?")
  const params = new URLSearchParams(query)
  params.set("cursor", next)
  yield* setHeader("link", `<${path}?${params}>; rel="next"`)
})
