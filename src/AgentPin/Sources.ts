import * as Effect from "effect/Effect"
import type { DiscoveryDocument, RevocationDocument, TrustBundle } from "../Domain/AgentPin.ts"
import { cachedDocument } from "./Cache.ts"
import type { Makers } from "./Delegation.ts"
import { makersOf, parseBundle, parseDiscovery, parseMakers, parseRevocations } from "./Documents.ts"
import { watchedFile } from "./Files.ts"
import { DocumentNetwork, fetchDocument } from "./Https.ts"
import type { Refusal } from "./Refusal.ts"

/** Where documents are taken from: absolute paths of files. What no file holds comes from the domain by HTTPS. */
export interface DocumentPlaces {
  readonly domain: string
  readonly discovery: string | undefined
  readonly revocations: string | undefined
  readonly bundle: string | undefined
  readonly makers: string | undefined
}

/** How long fetched documents are kept, in ms. */
const discoveryTtl = 3_600_000
const revocationTtl = 300_000

const noBundle: TrustBundle = { agentpin_bundle_version: "0.1", documents: [], revocations: [] }

/**
 * The documents of a domain and of its makers: of the bundle, else of the files, else by HTTPS from the domain itself.
 * `check` reads every configured file, and tells of each with its key under `[agentpin]`.
 */
export const makeSources = Effect.fnUntraced(function* (places: DocumentPlaces) {
  const { domain } = places
  const network = yield* DocumentNetwork
  const fileOf = <A>(file: string | undefined, parse: Parameters<typeof watchedFile<A>>[1]) =>
    file === undefined ? Effect.succeed(undefined) : watchedFile(file, parse)
  const fetched = <A>(path: string, parse: (text: string, domain: string) => Effect.Effect<A, Refusal>, ttl: number) =>
    cachedDocument(
      Effect.flatMap(fetchDocument(network, domain, path), (text) => parse(text, domain)),
      ttl
    )

  const discoveryFile = yield* fileOf(places.discovery, (text) => parseDiscovery(text, domain))
  const revocationFile = yield* fileOf(places.revocations, (text) => parseRevocations(text, domain))
  const bundleFile = yield* fileOf(places.bundle, parseBundle)
  const makersFile = yield* fileOf(places.makers, parseMakers)
  const discoveryByHttps = yield* fetched("/.well-known/agent-identity.json", parseDiscovery, discoveryTtl)
  const revocationByHttps = yield* fetched(
    "/.well-known/agent-identity-revocations.json",
    parseRevocations,
    revocationTtl
  )
  const bundle = bundleFile ?? Effect.succeed(noBundle)

  const discovery = Effect.fnUntraced(function* (kid: string) {
    const { documents } = yield* bundle
    const bundled: DiscoveryDocument | undefined = documents.find(({ entity }) => entity === domain)
    if (bundled !== undefined) return bundled
    if (discoveryFile !== undefined) return yield* discoveryFile
    return yield* discoveryByHttps.getUnless(({ public_keys }) => !public_keys.some((key) => key.kid === kid))
  })

  const revocation = Effect.gen(function* () {
    const { revocations } = yield* bundle
    const bundled: RevocationDocument | undefined = revocations.find(({ entity }) => entity === domain)
    return bundled ?? (yield* revocationFile ?? revocationByHttps.get)
  })

  const makers = Effect.gen(function* () {
    const bundled = makersOf(yield* bundle)
    const configured: Makers = makersFile === undefined ? new Map() : yield* makersFile
    // The file of makers says nothing of what they revoked; the bundle may.
    const both = [...configured].map(
      ([maker, { document }]) => [maker, { document, revocation: bundled.get(maker)?.revocation ?? "unknown" }] as const
    )
    return new Map([...bundled, ...both])
  })

  const checked = (key: string, file: Effect.Effect<unknown, Refusal> | undefined) =>
    file === undefined ? Effect.void : Effect.asVoid(Effect.mapError(file, ({ detail }) => ({ key, detail })))
  const check = Effect.all([
    checked("bundle", bundleFile),
    checked("discovery", discoveryFile),
    checked("revocations", revocationFile),
    checked("makers", makersFile)
  ])

  return { discovery, revocation, makers, check } as const
})
