import type { Job } from "../Domain/Job.ts"
import { WithHeaders } from "./Answer.ts"

/** A job's version as the `ETag` of its answers. */
export const etagOf = ({ version }: Pick<Job, "version">): string => `"${version}"`

/** The version of an `If-Match`; none for `*`; one that no job has for anything but a version of ours. */
export const versionOf = (ifMatch: string | undefined): number | undefined => {
  if (ifMatch === undefined || ifMatch.trim() === "*") return undefined
  const version = /^\s*"(\d{1,15})"\s*$/.exec(ifMatch)?.[1]
  return version === undefined ? -1 : Number(version)
}

/** Adds `Location`. */
export const withLocation = <A>(value: A, path: string): WithHeaders<A> => new WithHeaders(value, { location: path })

/** A page, and a `Link` to the next one: the same request with the cursor set. */
export const paged = <A>(url: string, items: A, next: string | null): WithHeaders<A> => {
  if (next === null) return new WithHeaders(items, {})
  const [path = "", query = ""] = url.split("?")
  const params = new URLSearchParams(query)
  params.set("cursor", next)
  return new WithHeaders(items, { link: `<${path}?${params}>; rel="next"` })
}
