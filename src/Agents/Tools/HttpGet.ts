import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Tool } from "../../Domain/Tool.ts"
import type { Answer, GuardedClient, RequestFailed } from "../../Network/GuardedRequest.ts"
import { type HostPattern, namesHost, parseHostPattern } from "../../Network/HostPattern.ts"
import { version } from "../../Version.ts"
import { type Outcome, objectSchema, type ReadyTool, refused } from "./Outcome.ts"

const maxUrlLength = 8_192

/** What an HTTP tool needs of its agent and its service. */
export interface HttpGetParts {
  readonly client: GuardedClient
  /** Sent with each request, resolved. */
  readonly headers: Readonly<Record<string, string>>
  readonly secrets: ReadonlyArray<string>
}

interface Rules {
  /** As they are written. */
  readonly hosts: ReadonlyArray<string>
  readonly patterns: ReadonlyArray<HostPattern>
  /** Whether plain http is only for hosts whose port is named. */
  readonly secure: boolean
}

/** The address that is asked for; left tells the model why it may not be. */
const permitted = (value: unknown, { hosts, patterns, secure }: Rules) =>
  Either.gen(function* () {
    if (typeof value !== "string") return yield* Either.left(`"url" must be a string`)
    if (value.length > maxUrlLength) return yield* Either.left(`"url" is longer than ${maxUrlLength} characters`)
    // Parsers disagree about these: none of them belongs into a URL as it is.
    if (/[\s\\\p{Cc}]/u.test(value) || !/^https?:\/\/[^/?#]/i.test(value) || !URL.canParse(value)) {
      return yield* Either.left(`"url" must be an http or https URL without blanks and backslashes`)
    }
    const url = new URL(value)
    if (url.username !== "" || url.password !== "" || /^[^/]*\/\/[^/?#]*@/.test(value)) {
      return yield* Either.left(`"url" must name no user`)
    }
    const naming = patterns.filter((pattern) => namesHost(pattern, url))
    if (naming.length === 0) {
      return yield* Either.left(`${url.host} is not allowed; allowed are ${hosts.join(", ")}`)
    }
    if (secure && url.protocol === "http:" && naming.every(({ port }) => port === undefined)) {
      return yield* Either.left(`${url.host} is allowed by https only, as this tool sends headers; ask by https`)
    }
    url.hash = ""
    return url.href
  })

const answerOutcome = ({ body, complete, headers, status }: Answer, bytes: number): Outcome => {
  const type = headers["content-type"]
  const more = !complete
  const head = [`HTTP ${status}`, ...(type === undefined ? [] : [`content-type: ${type}`])]
  const location = status >= 300 && status < 400 ? headers["location"] : undefined
  if (location !== undefined) {
    head.push(`location: ${location}`, "(redirects are not followed; ask for that URL if its host is allowed)")
  }
  const isCut = more && Buffer.byteLength(body) < bytes - 4
  if (isCut) head.push("(the answer broke off)")
  const text = body.includes("\0") ? "(binary; not shown)" : body
  return { text: `${head.join("\n")}\n\n${text}`, more: more && !isCut, error: undefined }
}

const failureOutcome = ({ message, reason }: RequestFailed): Outcome =>
  refused(
    reason === "refused" ? `${message}; the service connects to public addresses and to its allow_hosts only` : message
  )

/**
 * HTTP GET of the hosts that are listed, at addresses to which the service connects at all. A tool with headers sends
 * them by https only, but to hosts whose port is written in the list: nobody else shall read what is secret in them.
 */
export const httpGetTool = (
  hosts: ReadonlyArray<string>,
  { description }: Pick<Tool, "description">,
  { client, headers, secrets }: HttpGetParts
): ReadyTool => {
  const patterns = hosts.flatMap((host) => {
    const parsed = parseHostPattern(host)
    return Either.isRight(parsed) ? [parsed.right] : []
  })
  const rules: Rules = { hosts, patterns, secure: Object.keys(headers).length > 0 }
  const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return {
    spec: {
      description: description ?? `Fetches a URL by HTTP GET. Allowed hosts: ${hosts.join(", ")}`,
      parameters: objectSchema({ url: { type: "string", description: "An http or https URL" } })
    },
    secrets,
    run: (given, { bytes, time }) =>
      Either.match(permitted(given.get("url"), rules), {
        onLeft: (problem) => Effect.succeed(refused(problem)),
        onRight: (url) =>
          client
            .send({
              method: "GET",
              url,
              headers: {
                accept: "*/*",
                "accept-encoding": "identity",
                "user-agent": `symbiont-scheduler/${version}`,
                ...own
              },
              timeout: time,
              maxBytes: bytes
            })
            .pipe(Effect.match({ onSuccess: (answer) => answerOutcome(answer, bytes), onFailure: failureOutcome }))
      })
  }
}
