import { assert, describe, it } from "@effect/vitest"
import {
  addRevokedAgent,
  addRevokedCredential,
  addRevokedKey,
  buildRevocationDocument,
  Capability,
  createAttestation
} from "agentpin"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { CompactSign, importPKCS8 } from "jose"
import { makeIssuer, makeKey, payloadOf } from "./issuer.ts"
import { codeOf, verdict } from "./judge.ts"

const issuer = makeIssuer()
const now = Date.now()
const usual = issuer.judgement(now)
const withAgent = (change: object) => ({
  ...usual,
  discovery: issuer.document({ agents: [{ ...issuer.agent, ...change }] })
})

describe("credentials issued by the npm package", () => {
  it.effect("are accepted, and prove the agent, the key and the capabilities", () =>
    Effect.gen(function* () {
      const token = issuer.issue({ aud: "scheduler.example.com" })
      const outcome = yield* verdict(token, {
        ...usual,
        audience: "scheduler.example.com",
        capabilities: ["read:reports.daily", "deployment"]
      })
      const { exp, iat, jti } = payloadOf(token)
      assert.deepStrictEqual(
        outcome,
        Either.right({
          domain: issuer.domain,
          agent_id: issuer.agent_id,
          kid: issuer.key.kid,
          jti: String(jti),
          iat: Number(iat) * 1_000,
          exp: Number(exp) * 1_000,
          capabilities: ["read:reports"]
        })
      )
    })
  )

  it.effect("are accepted a hundred times over: signatures are of several lengths", () =>
    Effect.gen(function* () {
      const lengths = new Set<number>()
      for (let i = 0; i < 100; i++) {
        const token = issuer.issue()
        lengths.add(Buffer.from(token.split(".")[2] ?? "", "base64url").length)
        assert.strictEqual(yield* codeOf(token, usual), "ok")
      }
      assert.isAbove(lengths.size, 1)
    })
  )

  const expiry = (seconds: number) => ({ ...usual, now: now + seconds * 1_000 })
  const revoked = (change: (document: ReturnType<typeof buildRevocationDocument>) => void) => {
    const revocation = buildRevocationDocument(issuer.domain)
    change(revocation)
    return { ...usual, revocation }
  }
  const stranger = makeKey(issuer.key.kid)
  const cases: Record<string, () => Effect.Effect<readonly [got: string, want: string]>> = Object.fromEntries(
    (
      [
        ["expired", () => [issuer.issue(), expiry(3_700), "CREDENTIAL_EXPIRED"]],
        ["for too long", () => [issuer.issue({ ttl: 86_401 }), usual, "CREDENTIAL_EXPIRED"]],
        [
          "for longer than declared",
          () => [issuer.issue(), withAgent({ credential_ttl_max: 3_599 }), "CREDENTIAL_EXPIRED"]
        ],
        ["by another key of that name", () => [issuer.issue({ key: stranger }), usual, "SIGNATURE_INVALID"]],
        ["by an unknown key", () => [issuer.issue({ key: makeKey() }), usual, "KEY_NOT_FOUND"]],
        ["of another domain", () => [makeIssuer("evil.example.org").issue(), usual, "DOMAIN_MISMATCH"]],
        [
          "for an agent of another domain",
          () => [issuer.issue({ agent_id: "urn:agentpin:evil.example.org:worker" }), usual, "DOMAIN_MISMATCH"]
        ],
        ["for an unknown agent", () => [issuer.issue({ agent_id: `${issuer.agent_id}-2` }), usual, "AGENT_NOT_FOUND"]],
        ["for another job's agent", () => [issuer.issue(), { ...usual, agent: "other" }, "AGENT_MISMATCH"]],
        ["of a suspended agent", () => [issuer.issue(), withAgent({ status: "suspended" }), "AGENT_INACTIVE"]],
        [
          "beyond the declaration",
          () => [issuer.issue({ capabilities: ["delete:all"] }), usual, "CAPABILITY_EXCEEDED"]
        ],
        [
          "short of what the job needs",
          () => [issuer.issue(), { ...usual, capabilities: ["write:report"] }, "CAPABILITY_EXCEEDED"]
        ],
        [
          "for another verifier",
          () => [issuer.issue({ aud: "b.example.com" }), { ...usual, audience: "a.example.com" }, "AUDIENCE_MISMATCH"]
        ],
        [
          "without a known revocation document",
          () => [issuer.issue(), { ...usual, revocation: null }, "DISCOVERY_FETCH_FAILED"]
        ],
        [
          "of a revoked agent",
          () => [
            issuer.issue(),
            revoked((document) => addRevokedAgent(document, issuer.agent_id, "policy_violation")),
            "AGENT_INACTIVE"
          ]
        ],
        [
          "by a revoked key",
          () => [
            issuer.issue(),
            revoked((document) => addRevokedKey(document, issuer.key.kid, "key_compromise")),
            "KEY_REVOKED"
          ]
        ],
        [
          "that were revoked",
          () => {
            const token = issuer.issue()
            return [
              token,
              revoked((document) => addRevokedCredential(document, String(payloadOf(token)["jti"]), "superseded")),
              "CREDENTIAL_REVOKED"
            ]
          }
        ]
      ] satisfies ReadonlyArray<readonly [string, () => readonly [string, Parameters<typeof codeOf>[1], string]]>
    ).map(([name, make]) => [
      name,
      () =>
        Effect.suspend(() => {
          const [token, judgement, want] = make()
          return Effect.map(codeOf(token, judgement), (got) => [got, want] as const)
        })
    ])
  )
  for (const [name, run] of Object.entries(cases)) {
    it.effect(`are refused ${name}`, () => Effect.map(run(), ([got, want]) => assert.strictEqual(got, want)))
  }

  it.effect("are accepted as RFC 7518 writes the signature, signed by jose", () =>
    Effect.gen(function* () {
      const [head = "", body = ""] = issuer.issue().split(".")
      const key = yield* Effect.promise(() => importPKCS8(issuer.key.privateKeyPem, "ES256"))
      const token = yield* Effect.promise(() =>
        new CompactSign(Buffer.from(body, "base64url"))
          .setProtectedHeader(JSON.parse(Buffer.from(head, "base64url").toString()))
          .sign(key)
      )
      assert.strictEqual(Buffer.from(token.split(".")[2] ?? "", "base64url").length, 64)
      assert.strictEqual(yield* codeOf(token, usual), "ok")
      assert.strictEqual(
        yield* codeOf(token.replace(body, issuer.issue().split(".")[1] ?? ""), usual),
        "SIGNATURE_INVALID"
      )
    })
  )
})

describe("delegation", () => {
  const maker = makeIssuer("maker.example.net")
  const root = makeIssuer("root.example.net")
  const capabilities = [new Capability("read:reports")]
  const attest = (by: typeof maker, to: { domain: string; agent_id: string }, role = "maker", caps = capabilities) =>
    createAttestation(by.key.privateKeyPem, by.key.kid, by.domain, role, by.agent_id, to.domain, to.agent_id, caps)
  const depth = (n: number, of: typeof maker) => of.document({ max_delegation_depth: n })
  const makers = { [maker.domain]: maker.document(), [root.domain]: root.document() }
  const judged = { ...usual, makers }
  const code = (chain: ReadonlyArray<object>, judgement: Parameters<typeof codeOf>[1] = judged) =>
    codeOf(issuer.issue({ chain }), judgement)

  it.effect("is accepted from a configured maker, in standard base64 and in base64url", () =>
    Effect.gen(function* () {
      const entry = attest(maker, issuer)
      assert.strictEqual(yield* code([entry]), "ok")
      const attestation = Buffer.from(entry.attestation, "base64").toString("base64url")
      assert.strictEqual(yield* code([{ ...entry, attestation }]), "ok")
    })
  )

  it.effect("is accepted over two makers, the outermost first", () =>
    Effect.gen(function* () {
      const chain = [attest(root, maker), attest(maker, issuer)]
      const two = {
        ...usual,
        discovery: depth(2, issuer),
        makers: { [maker.domain]: depth(2, maker), [root.domain]: depth(3, root) }
      }
      assert.strictEqual(yield* code(chain, two), "ok")
      assert.strictEqual(yield* code([...chain].reverse(), two), "DELEGATION_INVALID")
      assert.strictEqual(yield* code(chain, { ...two, discovery: depth(1, issuer) }), "DELEGATION_DEPTH_EXCEEDED")
      const shallow = { ...two, makers: { ...two.makers, [maker.domain]: depth(1, maker) } }
      assert.strictEqual(yield* code(chain, shallow), "DELEGATION_DEPTH_EXCEEDED")
    })
  )

  it.effect("is refused when anything about it is not as attested", () =>
    Effect.gen(function* () {
      const entry = attest(maker, issuer)
      const narrow = { ...maker.document(), agents: [{ ...maker.agent, capabilities: ["write:*"] }] }
      const idle = { ...maker.document(), agents: [{ ...maker.agent, status: "suspended" }] }
      const wrong: ReadonlyArray<readonly [string, Effect.Effect<string>]> = [
        ["no makers configured", code([entry], usual)],
        ["attested to another domain", code([attest(maker, { ...issuer, domain: "b.example.com" })])],
        [
          "attested to another agent",
          code([attest(maker, { ...issuer, agent_id: "urn:agentpin:agents.example.com:x" })])
        ],
        ["other capabilities", code([attest(maker, issuer, "maker", [new Capability("read:secrets")])])],
        [
          "a role the maker does not have",
          code([attest(maker, issuer, "deployer")], {
            ...judged,
            makers: { [maker.domain]: maker.document({ entity_type: "maker" }) }
          })
        ],
        ["an unknown role", code([{ ...entry, role: "owner" }])],
        ["an unknown key", code([{ ...entry, kid: "other" }])],
        ["another agent's name", code([{ ...entry, agent_id: "urn:agentpin:maker.example.net:other" }])],
        ["a maker's agent of another domain", code([{ ...entry, agent_id: issuer.agent_id }])],
        ["a field with a separator", code([{ ...entry, agent_id: `${entry.agent_id}|x` }])],
        ["no signature", code([{ ...entry, attestation: "" }])],
        ["members missing", code([{ domain: maker.domain }])],
        ["beyond what the maker declares", code([entry], { ...judged, makers: { [maker.domain]: narrow } })],
        ["an inactive maker's agent", code([entry], { ...judged, makers: { [maker.domain]: idle } })],
        [
          "the wrong signer",
          code([{ ...attest(root, issuer), domain: maker.domain, agent_id: maker.agent_id, kid: maker.key.kid }])
        ]
      ]
      for (const [name, got] of wrong) assert.strictEqual(yield* got, "DELEGATION_INVALID", name)
      assert.strictEqual(yield* code([entry], { ...judged, discovery: depth(0, issuer) }), "DELEGATION_DEPTH_EXCEEDED")
      assert.strictEqual(yield* code([entry], { ...judged, makers: { [maker.domain]: {} } }), "DISCOVERY_INVALID")
    })
  )

  it.effect("that is empty is none", () => Effect.map(code([], usual), (got) => assert.strictEqual(got, "ok")))
})
