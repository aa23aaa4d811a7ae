import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { AgentPinRefused } from "../../src/Domain/AgentPin.ts"
import { makeIssuer, makeKey } from "./issuer.ts"
import { type Judgement, verdict } from "./judge.ts"

const issuer = makeIssuer()
const now = Date.UTC(2026, 6, 1, 12)
const usual: Judgement = { ...issuer.judgement(now), audience: "scheduler.example.com" }
const good = issuer.sign(now, { aud: "scheduler.example.com", constraints: { rate_limit: "1/hour" } })
const isRefusal = Schema.is(AgentPinRefused)

/** Runs a credential to its end: an acceptance or a refusal, and nothing else. */
const judged = async (token: string, judgement: Judgement = usual): Promise<"ok" | "refused"> => {
  const outcome = await Effect.runPromise(verdict(token, judgement))
  if (outcome._tag === "Right") return "ok"
  assert.isTrue(isRefusal(outcome.left))
  assert.isBelow(JSON.stringify(outcome.left).length, 4_000)
  return "refused"
}

const check = (property: FastCheck.IAsyncProperty<unknown>, numRuns: number) =>
  FastCheck.assert(property as FastCheck.IAsyncProperty<[unknown]>, { numRuns })

const encode = (text: string) => Buffer.from(text).toString("base64url")

describe("whatever is presented", () => {
  it("is the credential that it was only byte for byte", async () => {
    assert.strictEqual(await judged(good), "ok")
    const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\u00e9"]
    await check(
      FastCheck.asyncProperty(
        FastCheck.nat({ max: good.length - 1 }),
        FastCheck.constantFrom(...letters),
        FastCheck.constantFrom("replace", "insert", "delete"),
        async (at, letter, how) => {
          const rest = good.slice(how === "insert" ? at : at + 1)
          const changed = good.slice(0, at) + (how === "delete" ? "" : letter) + rest
          if (changed !== good) assert.strictEqual(await judged(changed), "refused", changed)
        }
      ),
      400
    )
  })

  it("is refused when it is any text", () =>
    check(
      FastCheck.asyncProperty(
        FastCheck.oneof(
          FastCheck.fullUnicodeString({ maxLength: 200 }),
          FastCheck.stringMatching(/^[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{1,90}$/),
          FastCheck.tuple(FastCheck.json(), FastCheck.json(), FastCheck.uint8Array({ maxLength: 80 })).map(
            ([head, body, tail]) => `${encode(head)}.${encode(body)}.${Buffer.from(tail).toString("base64url")}`
          )
        ),
        async (token) => assert.strictEqual(await judged(token), "refused")
      ),
      500
    ))

  it("is judged, whatever a header and claims hold that the domain itself signed", () =>
    check(
      FastCheck.asyncProperty(
        FastCheck.constantFrom(
          ...["iss", "sub", "aud", "iat", "exp", "nbf", "jti", "agentpin_version"],
          ...["capabilities", "constraints", "delegation_chain", "nonce", "__proto__", "other"]
        ),
        FastCheck.jsonValue(),
        async (claim, value) => {
          await judged(issuer.sign(now, { [claim]: value }))
        }
      ),
      300
    ))

  it("is refused with any signature but one by the key", () =>
    check(
      FastCheck.asyncProperty(
        FastCheck.oneof(
          FastCheck.uint8Array({ minLength: 64, maxLength: 64 }),
          FastCheck.uint8Array({ minLength: 60, maxLength: 80 }).map((bytes) =>
            Uint8Array.from([
              0x30,
              bytes.length,
              2,
              32,
              ...bytes.slice(4, 36),
              2,
              bytes.length - 36,
              ...bytes.slice(36)
            ])
          )
        ),
        async (signature) => {
          const [head, body] = good.split(".")
          const tail = Buffer.from(signature).toString("base64url")
          assert.strictEqual(await judged(`${head}.${body}.${tail}`), "refused")
        }
      ),
      300
    ))
})

describe("whatever documents hold", () => {
  const mutated = (document: object) =>
    FastCheck.tuple(FastCheck.nat(), FastCheck.jsonValue()).map(([at, value]): unknown => {
      const paths: Array<ReadonlyArray<string>> = []
      const walk = (node: unknown, path: ReadonlyArray<string>): void => {
        paths.push(path)
        if (typeof node === "object" && node !== null) {
          for (const [key, child] of Object.entries(node)) walk(child, [...path, key])
        }
      }
      walk(document, [])
      const chosen = paths[at % paths.length] ?? []
      const put = (node: unknown, path: ReadonlyArray<string>): unknown => {
        const [key, ...rest] = path
        if (key === undefined) return value
        const inner = (node as Record<string, unknown>)[key]
        const changed = put(inner, rest)
        return Array.isArray(node)
          ? node.map((one, index) => (String(index) === key ? changed : one))
          : { ...(node as object), [key]: changed }
      }
      return put(document, chosen)
    })

  it("the answer is a decision, and never for a key that the documents do not hold", async () => {
    const stranger = issuer.sign(now, {}, {}, makeKey(issuer.key.kid))
    await check(
      FastCheck.asyncProperty(mutated(issuer.document()), async (discovery) => {
        await judged(good, { ...usual, discovery })
        assert.strictEqual(await judged(stranger, { ...usual, discovery }), "refused")
      }),
      300
    )
  })

  it("a revoked credential stays refused, or the document is", () =>
    check(
      FastCheck.asyncProperty(
        mutated({ ...issuer.revocation, revoked_agents: [{ agent_id: "x" }], revoked_keys: [{ kid: "y" }] }),
        async (revocation) => {
          const listed = typeof revocation === "object" && revocation !== null && !Array.isArray(revocation)
          const withOurs = listed ? { ...revocation, revoked_credentials: [{ jti: "j-1" }] } : revocation
          assert.strictEqual(await judged(good, { ...usual, revocation: withOurs }), "refused")
        }
      ),
      300
    ))
})
