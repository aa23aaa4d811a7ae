import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import { nextCursor } from "../Client.ts"

type Paged<A> = readonly [ReadonlyArray<A>, HttpClientResponse.HttpClientResponse]

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
      cursor = nextCursor(response.headers["link"])
    } while (cursor !== undefined)
    return items
  })
