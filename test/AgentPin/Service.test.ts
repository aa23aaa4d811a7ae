import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { Capability, createAttestation, createTrustBundle } from "agentpin"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { calculateJwkThumbprint, type JWK } from "jose"
import { AgentPin, AgentPinMemory } from "../../src/AgentPin.ts"
import { audited } from "../support/Audit.ts"
import { makeIssuer, makeKey } from "./issuer.ts"
import { answered, nthJobId, presented, verifier } from "./service.ts"
import { vectors, vectorsNow } from "./vectors.ts"

const t0 = Date.UTC(2026, 6, 1, 12)
const hour = 3_600_000
const issuer = makeIssuer()

/** A folder of files, the clock at `t0`. */
const inFolder = <A, E, R>(
  files: Readonly<Record<string, unknown>>,
  body: (folder: string, write: (name: string, content: unknown) => Effect.Effect<void>) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "symbi-agentpin-" })
    const write = (name: string, content: unknown) =>
      Effect.orDie(
        fs.writeFileString(`${folder}/${name}`, typeof content === "string" ? content : JSON.stringify(content))
      )
    for (const [name, content] of Object.entries(files)) yield* write(name, content)
    yield* TestClock.setTime(t0)
    return yield* body(folder, write)
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const documents = { "identity.json": issuer.document(), "revocations.json": issuer.revocation }
const settings = { domain: issuer.domain, discovery: "identity.json", revocations: "revocations.json" }

describe("a verifier on files", () => {
  it.effect("decides the stateful vectors", () =>
    inFolder({ "identity.json": vectors.discovery, "revocations.json": vectors.revocation }, (directory) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(vectorsNow)
        const jobs = ["job-1", "job-2"]
        for (const { jobId, jwt, name, want } of vectors.stateful) {
          const got = yield* answered(jwt, { job: jobs.indexOf(jobId), agent: vectors.default_agent })
          assert.strictEqual(got, want, name)
        }
      }).pipe(
        Effect.provide(
          verifier({ settings: { ...settings, domain: vectors.domain, audience: vectors.audience }, directory })
        )
      )
    )
  )

  it.effect("gives what the credential proves", () =>
    inFolder(documents, (directory) =>
      Effect.gen(function* () {
        const pin = yield* AgentPin
        const proven = yield* pin.verify({
          credential: issuer.sign(t0),
          job_id: nthJobId(1),
          agent_id: "worker",
          capabilities: ["read:reports"]
        })
        assert.deepStrictEqual(proven, {
          domain: issuer.domain,
          agent_id: issuer.agent_id,
          kid: issuer.key.kid,
          jti: "j-1",
          iat: t0,
          exp: t0 + hour,
          capabilities: ["read:reports"]
        })
      }).pipe(Effect.provide(verifier({ settings, directory })))
    )
  )

  it.effect("resolves a variable at each call, and tells an unset one by its name", () =>
    inFolder(documents, (directory) => {
      const variables: Record<string, string> = { AGENT_PIN_JWT: issuer.sign(t0), EMPTY: "" }
      return Effect.gen(function* () {
        assert.strictEqual(yield* presented(`\${AGENT_PIN_JWT}`), "ok")
        delete variables["AGENT_PIN_JWT"]
        assert.match(yield* presented(`\${AGENT_PIN_JWT}`), /^CREDENTIAL_MISSING: .*AGENT_PIN_JWT is not set/)
        assert.strictEqual(yield* answered(`\${EMPTY}`), "CREDENTIAL_MISSING")
        assert.strictEqual(yield* answered(""), "CREDENTIAL_MISSING")
        assert.strictEqual(yield* answered(undefined), "CREDENTIAL_MISSING")
        assert.strictEqual(yield* answered("$AGENT_PIN_JWT"), "CREDENTIAL_MALFORMED")
      }).pipe(Effect.provide(verifier({ settings, directory, variables })))
    })
  )

  it.effect("reads a credential's file at each call", () =>
    inFolder({ ...documents, "worker.jwt": `${issuer.sign(t0)}\n` }, (directory, write) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* presented("file:worker.jwt"), "ok")
        assert.strictEqual(yield* presented(`file:\${HERE}/worker.jwt`), "ok")
        yield* TestClock.adjust(2 * hour)
        assert.strictEqual(yield* answered("file:worker.jwt"), "CREDENTIAL_EXPIRED")
        yield* write("worker.jwt", issuer.sign(t0 + 2 * hour, { jti: "j-2" }))
        assert.strictEqual(yield* presented("file:worker.jwt"), "ok")
        yield* write("worker.jwt", `${issuer.sign(t0 + 2 * hour)}\n\n`)
        assert.strictEqual(yield* answered("file:worker.jwt"), "CREDENTIAL_MALFORMED")
        yield* write("worker.jwt", "x".repeat(1_000_000))
        assert.match(yield* presented("file:worker.jwt"), /^CREDENTIAL_MALFORMED: .*longer than 8192/)
        for (const file of ["", ".", "none.jwt", "worker.jwt/x"]) {
          assert.strictEqual(yield* answered(`file:${file}`), "CREDENTIAL_MISSING", file)
        }
        yield* write("worker.jwt", "\n")
        assert.strictEqual(yield* answered("file:worker.jwt"), "CREDENTIAL_MISSING")
      }).pipe(Effect.provide(verifier({ settings, directory, variables: { HERE: directory } })))
    )
  )

  it.effect("reads documents again when they change, and does not go on with what they were", () =>
    inFolder(documents, (directory, write) =>
      Effect.gen(function* () {
        const token = issuer.sign(t0)
        assert.strictEqual(yield* answered(token), "ok")
        yield* write("revocations.json", { ...issuer.revocation, revoked_credentials: [{ jti: "j-1" }] })
        assert.strictEqual(yield* answered(token), "CREDENTIAL_REVOKED")
        yield* write("revocations.json", "{")
        assert.match(yield* presented(token), /^DISCOVERY_INVALID: .*revocations\.json: .*no JSON/)
        yield* write("revocations.json", issuer.revocation)
        assert.strictEqual(yield* answered(token), "ok")
        yield* write("identity.json", issuer.document({ agents: [] }))
        assert.strictEqual(yield* answered(token), "AGENT_NOT_FOUND")
        yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.remove(`${directory}/identity.json`))
        assert.match(yield* presented(token), /^DISCOVERY_FETCH_FAILED: .*identity\.json: no such file/)
      }).pipe(Effect.provide(verifier({ settings, directory })))
    )
  )

  it.effect("takes the documents of a bundle before those of files, and its other domains as makers", () => {
    const bundle = createTrustBundle()
    bundle.documents.push(issuer.document())
    bundle.revocations.push(issuer.revocation)
    const files = { ...documents, "identity.json": issuer.document({ agents: [] }), "bundle.json": bundle }
    return inFolder(files, (directory, write) =>
      Effect.gen(function* () {
        const token = issuer.sign(t0)
        assert.strictEqual(yield* answered(token), "ok")
        yield* write("bundle.json", { ...bundle, documents: [issuer.document(), issuer.document()] })
        assert.match(yield* presented(token), /^DISCOVERY_INVALID: .*two documents of/)
        const maker = makeIssuer("maker.example.net")
        const chain = [
          createAttestation(
            maker.key.privateKeyPem,
            maker.key.kid,
            maker.domain,
            "maker",
            maker.agent_id,
            issuer.domain,
            issuer.agent_id,
            [new Capability("read:reports")]
          )
        ]
        const delegated = issuer.sign(t0, { delegation_chain: chain })
        assert.strictEqual(yield* answered(delegated), "DISCOVERY_INVALID")
        const makers = { ...bundle, documents: [issuer.document(), maker.document()] }
        yield* write("bundle.json", makers)
        assert.match(yield* presented(delegated), /^DELEGATION_INVALID: there is no revocation document/)
        yield* write("bundle.json", { ...makers, revocations: [issuer.revocation, maker.revocation] })
        assert.strictEqual(yield* answered(delegated), "ok")
        const byName = { ...maker.revocation, revoked_agents: [{ agent_id: maker.agent_id.split(":").at(-1) }] }
        yield* write("bundle.json", { ...makers, revocations: [issuer.revocation, byName] })
        assert.match(yield* presented(delegated), /^DELEGATION_INVALID: .*revoked/)
        const revoked = { ...maker.revocation, revoked_keys: [{ kid: maker.key.kid }] }
        yield* write("bundle.json", { ...makers, revocations: [issuer.revocation, revoked] })
        assert.match(yield* presented(delegated), /^DELEGATION_INVALID: .*revoked/)
        yield* write("makers.json", { [maker.domain]: maker.document() })
        const both = { ...settings, bundle: "bundle.json", makers: "makers.json" }
        const besides = Effect.provide(presented(delegated), verifier({ settings: both, directory }))
        assert.match(yield* besides, /^DELEGATION_INVALID: .*revoked/, "a file of makers revokes nothing anew")
        yield* write("bundle.json", { ...bundle, documents: [] })
        assert.strictEqual(yield* answered(token), "AGENT_NOT_FOUND")
      }).pipe(Effect.provide(verifier({ settings: { ...settings, bundle: "bundle.json" }, directory })))
    )
  })

  it.effect("refuses where neither files nor the network tell what was revoked", () =>
    inFolder(documents, (directory) =>
      Effect.map(presented(issuer.sign(t0)), (answer) =>
        assert.match(answer, /^DISCOVERY_FETCH_FAILED: .*revocations\.json cannot be had: there is no network here/)
      ).pipe(Effect.provide(verifier({ settings: { domain: issuer.domain, discovery: "identity.json" }, directory })))
    )
  )

  it.effect("refuses everything without a domain", () =>
    Effect.gen(function* () {
      assert.isFalse((yield* AgentPin).required)
      assert.match(yield* presented(issuer.sign(t0)), /^DISCOVERY_FETCH_FAILED: no domain is configured/)
      assert.strictEqual(yield* answered(undefined), "CREDENTIAL_MISSING")
    }).pipe(Effect.provide(verifier({})))
  )

  const starts = (files: Readonly<Record<string, unknown>>, section: object) =>
    inFolder(files, (directory) =>
      Effect.flip(
        Effect.scoped(AgentPin.pipe(Effect.provide(verifier({ settings: { ...settings, ...section }, directory }))))
      ).pipe(Effect.map(({ message }) => message.replaceAll(directory, "#")))
    )

  it.effect("does not start on a file that it could not use", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* starts({}, {}),
        "agentpin.discovery: #/identity.json: no such file; correct the file, or take the key out of [agentpin]"
      )
      const other = makeIssuer("b.example.com")
      assert.match(
        yield* starts({ ...documents, "identity.json": other.document() }, {}),
        /^agentpin\.discovery: .*not of agents\.example\.com/
      )
      assert.match(
        yield* starts({ ...documents, "revocations.json": other.revocation }, {}),
        /^agentpin\.revocations: .*not of/
      )
      assert.match(yield* starts({ ...documents, "m.json": [] }, { makers: "m.json" }), /^agentpin\.makers: /)
      assert.match(
        yield* starts({ ...documents, "m.json": { "b.example.com": issuer.document() } }, { makers: "m.json" }),
        /^agentpin\.makers: .*is a document of/
      )
      assert.match(
        yield* starts({ ...documents, "b.json": { bundle_id: "1" } }, { bundle: "b.json" }),
        /^agentpin\.bundle: .*agentpin_bundle_version/
      )
    })
  )
})

describe("what the verifier remembers", () => {
  it.effect("binds a credential to its job until it can no longer be used", () =>
    inFolder(documents, (directory) =>
      Effect.gen(function* () {
        const token = issuer.sign(t0)
        assert.strictEqual(yield* answered(token, { job: 2, agent: "other" }), "AGENT_MISMATCH")
        assert.strictEqual(yield* answered(token), "ok", "a refused use binds nothing")
        assert.strictEqual(yield* answered(token), "ok")
        assert.match(yield* presented(token, { job: 2 }), /^CREDENTIAL_REPLAYED: job job_0+1 presented/)
        const [, , tail = ""] = token.split(".")
        const anew = issuer.sign(t0)
        assert.notStrictEqual(anew.split(".")[2], tail, "signatures differ each time")
        assert.strictEqual(yield* answered(anew, { job: 2 }), "CREDENTIAL_REPLAYED", "the same credential signed anew")
        assert.strictEqual(yield* answered(issuer.sign(t0, { jti: "j-2" }), { job: 2 }), "ok")
        yield* TestClock.adjust(hour + 60_000)
        assert.strictEqual(yield* answered(issuer.sign(t0 + hour), { job: 2 }), "ok", "its time is over")
      }).pipe(Effect.provide(verifier({ settings, directory })))
    )
  )

  it.effect("refuses a key that its domain has not signed with before, whatever its name, until it is accepted", () =>
    inFolder(documents, (directory, write) => {
      const service = () => verifier({ settings, directory, database: `${directory}/symbiont.db` })
      const next = makeKey("2026-02")
      const swapped = makeIssuer(issuer.domain, issuer.key.kid)
      const mismatch =
        /^KEY_PIN_MISMATCH: key .* is not one that .* is known to sign with \(since 2026-07-01T12:00:00Z\)/
      const byNext = issuer.sign(t0, { jti: "j-2" }, { kid: next.kid }, next)
      return Effect.gen(function* () {
        yield* Effect.gen(function* () {
          assert.strictEqual(yield* answered(issuer.sign(t0)), "ok")
          yield* write("identity.json", issuer.document({ public_keys: [issuer.key.jwk, next.jwk] }))
          assert.match(yield* presented(byNext), mismatch)
          const memory = yield* AgentPinMemory
          const thumbprint = yield* Effect.promise(() => calculateJwkThumbprint(next.jwk as JWK))
          yield* memory.pin({ domain: issuer.domain, kid: next.kid, thumbprint }, t0, "cli")
          assert.strictEqual(yield* answered(byNext), "ok", "what was refused bound nothing")
          assert.strictEqual(yield* answered(issuer.sign(t0)), "ok", "both keys may sign")
        }).pipe(Effect.provide(service()))
        yield* write("identity.json", swapped.document())
        yield* Effect.gen(function* () {
          assert.match(yield* presented(swapped.sign(t0, { jti: "j-3" })), mismatch)
          const memory = yield* AgentPinMemory
          assert.isFalse(yield* memory.unpin(issuer.domain, "none", t0, "cli"))
          for (const kid of [issuer.key.kid, next.kid]) {
            assert.isTrue(yield* memory.unpin(issuer.domain, kid, t0, "cli"))
          }
          assert.strictEqual(yield* answered(swapped.sign(t0, { jti: "j-3" })), "ok", "the first one seen is pinned")
          const events = yield* audited({ type: "ConfigChanged", limit: 10 })
          assert.deepStrictEqual(
            events.map(({ actor, reason }) => [actor, reason?.includes("may sign from now on")]),
            [
              ["cli", false],
              ["cli", false],
              ["cli", true]
            ]
          )
        }).pipe(Effect.provide(service()))
      })
    })
  )

  it.effect("lets one of many jobs have a credential that they present at once", () =>
    inFolder(documents, (directory) =>
      Effect.gen(function* () {
        const token = issuer.sign(t0)
        const answers = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (job) => answered(token, { job }), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual([...answers].sort(), [...Array(7).fill("CREDENTIAL_REPLAYED"), "ok"])
      }).pipe(Effect.provide(verifier({ settings, directory })))
    )
  )

  it.effect("forgets uses whose time is over", () =>
    inFolder({}, (directory) =>
      Effect.gen(function* () {
        const memory = yield* AgentPinMemory
        const use = { domain: "d.example", kid: "k", thumbprint: "t", job_id: nthJobId(1) }
        for (let n = 0; n < 250; n++) yield* memory.admit({ ...use, jti: `j-${n}`, now: t0, until: t0 + 1 })
        for (let n = 0; n < 3; n++) yield* memory.admit({ ...use, jti: "new", now: t0 + 2, until: t0 + 9 })
        const { SqliteClient } = yield* Effect.promise(() => import("@effect/sql-sqlite-node"))
        const { SqlClient } = yield* Effect.promise(() => import("@effect/sql/SqlClient"))
        const rows = yield* Effect.flatMap(SqlClient, (sql) => sql`SELECT jti FROM agentpin_uses`).pipe(
          Effect.provide(SqliteClient.layer({ filename: `${directory}/symbiont.db` }))
        )
        assert.deepStrictEqual(rows, [{ jti: "new" }])
      }).pipe(Effect.provide(verifier({ database: `${directory}/symbiont.db` })))
    )
  )
})
