import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"

type Paged<A> = readonly [ReadonlyArray<A>, HttpClientResponse.HttpClientResponse]

const nextCursor = (response: HttpClientResponse.HttpClientResponse): string | undefined => {
  const target = /^<([^>]+)>; rel="next"$/.exec(response.headers["link"] ?? "")?.[1]
  return target === undefined ? undefined : (new URL(target, "http://any").searchParams.get("cursor") ?? undefined)
}

/** All items of a list, page after page, as its `Link` headers lead. */
export const allPages = <A, E, R>(
  page: (cursor: { readonly cursor?: string }) => Effect.Effect<Paged<A>, E, R>
): Effect.Effect<ReadonlyArray<A>, E, R> =>
  Effect.gen(function* () {
    const items: Array<A> = []
    let cursor: string | undefined
    do {
      const [rows, response] = yield* page(cursor === undefined ? {} : { cursor })
      items.push(...rows)
      cursor = nextCursor(response)
    } while (cursor !== undefined)
    return items
  })
