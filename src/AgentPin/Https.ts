import { request } from "node:https"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type AddressRules, guardedLookup, publicOnly } from "../Network/PublicAddress.ts"
import { cut, Refusal } from "./Refusal.ts"

/** How documents are fetched: the port, the certificates and addresses that are trusted, and the time it may take. */
export interface Network extends AddressRules {
  readonly port: number
  /** PEM of the certificates to trust in place of the system's. */
  readonly ca: string | undefined
  readonly timeout: Duration.DurationInput
}

/** The network that documents come from: the open Internet, unless a layer says otherwise. */
export class DocumentNetwork extends Context.Reference<DocumentNetwork>()("symbiont/AgentPin/DocumentNetwork", {
  defaultValue: (): Network => ({ ...publicOnly, port: 443, ca: undefined, timeout: "5 seconds" })
}) {}

const maxBytes = 262_144

/**
 * The text at `https://DOMAIN/PATH`: status 200 and nothing else (no redirect is followed), at most 256 KiB, within the
 * time allowed, from a permitted address. `domain` is a host name, never an address.
 */
export const fetchDocument = (network: Network, domain: string, path: string): Effect.Effect<string, Refusal> => {
  const { ca, port, timeout, ...rules } = network
  const failed = (why: string) =>
    new Refusal({ code: "DISCOVERY_FETCH_FAILED", detail: `https://${domain}${path} cannot be had: ${cut(why)}` })
  const fetched = Effect.async<string, Refusal>((resume) => {
    const sent = request({
      host: domain,
      port,
      path,
      ca,
      agent: false,
      lookup: guardedLookup(rules),
      headers: { accept: "application/json" }
    })
    const give = (answer: Effect.Effect<string, Refusal>) => {
      sent.destroy()
      resume(answer)
    }
    const fail = (error: Error) => give(failed(error.message))
    sent.on("error", fail)
    sent.on("response", (response) => {
      response.on("error", fail)
      if (response.statusCode !== 200) return give(failed(`it answers with status ${response.statusCode}`))
      const chunks: Array<Uint8Array> = []
      let size = 0
      response.on("data", (chunk: Uint8Array) => {
        size += chunk.byteLength
        if (size > maxBytes) return give(failed(`it is longer than ${maxBytes} bytes`))
        chunks.push(chunk)
      })
      response.on("end", () => give(Effect.sync(() => Buffer.concat(chunks).toString("utf8"))))
    })
    sent.end()
    return Effect.sync(() => sent.destroy())
  })
  return Effect.timeoutFail(fetched, {
    duration: timeout,
    onTimeout: () => failed(`no answer within ${Duration.format(timeout)}`)
  })
}
