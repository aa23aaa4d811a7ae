import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { DiscoveryDocument, MakerDocuments, RevocationDocument, TrustBundle } from "../Domain/AgentPin.ts"
import type { Makers } from "./Delegation.ts"
import { type Checked, cut, quote, refuse } from "./Refusal.ts"

const parserOf = <A, I>(schema: Schema.Schema<A, I>, what: string) => {
  const decode = Schema.decodeUnknownEither(schema)
  const invalid = (detail: string) => refuse("DISCOVERY_INVALID", `the ${what} is not valid: ${cut(detail)}`)
  return (text: string): Checked<A> => {
    const json = Either.try((): unknown => JSON.parse(text))
    if (Either.isLeft(json)) return invalid("it is no JSON")
    return Either.orElse(decode(json.right), (error) => {
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
      const path = issue?.path.map(String).join(".") ?? ""
      return invalid(path === "" ? (issue?.message ?? "") : `${path}: ${issue?.message ?? ""}`)
    })
  }
}

const parseAnyDiscovery = parserOf(DiscoveryDocument, "discovery document")
const parseAnyRevocations = parserOf(RevocationDocument, "revocation document")

/** Reads the discovery document of a domain. */
export const parseDiscovery = (text: string, domain: string): Checked<DiscoveryDocument> =>
  Either.flatMap(parseAnyDiscovery(text), (document) =>
    document.entity === domain
      ? Either.right(document)
      : refuse("DOMAIN_MISMATCH", `the discovery document is of ${quote(document.entity)}, not of ${domain}`)
  )

/** Reads the revocation document of a domain. */
export const parseRevocations = (text: string, domain: string): Checked<RevocationDocument> =>
  Either.flatMap(parseAnyRevocations(text), (document) =>
    document.entity === domain
      ? Either.right(document)
      : refuse("DISCOVERY_INVALID", `the revocation document is of ${quote(document.entity)}, not of ${domain}`)
  )

/** Reads a trust bundle. */
export const parseBundle: (text: string) => Checked<TrustBundle> = parserOf(TrustBundle, "trust bundle")

const parseMakerDocuments = parserOf(MakerDocuments, "file of makers")

/** Reads a JSON object of makers' discovery documents by domain. */
export const parseMakers = (text: string): Checked<Makers> =>
  Either.map(
    parseMakerDocuments(text),
    (documents): Makers =>
      new Map(Object.entries(documents).map(([domain, document]) => [domain, { document, revocation: "unknown" }]))
  )

/** The makers of a trust bundle: every domain in it. */
export const makersOf = ({ documents, revocations }: TrustBundle): Makers =>
  new Map(
    documents.map((document) => {
      const revocation = revocations.find(({ entity }) => entity === document.entity) ?? null
      return [document.entity, { document, revocation }]
    })
  )
