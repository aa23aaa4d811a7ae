import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { AgentPinMemory } from "../src/AgentPin.ts"
import { layerDataLock } from "../src/JobStore/DataLock.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { makeIssuer } from "./AgentPin/issuer.ts"
import { nthJobId } from "./AgentPin/service.ts"
import { vectors, vectorsNow } from "./AgentPin/vectors.ts"
import { symbi } from "./support/Symbi.ts"

const inFolder = <A, E, R>(files: Readonly<Record<string, unknown>>, body: (cwd: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const cwd = yield* fs.makeTempDirectoryScoped({ prefix: "symbi-agentpin-" })
    for (const [name, content] of Object.entries(files))
      yield* fs.writeFileString(`${cwd}/${name}`, JSON.stringify(content))
    return yield* body(cwd)
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const documents = { "d.json": vectors.discovery, "r.json": vectors.revocation, "m.json": vectors.makers }
const at = new Date(vectorsNow).toISOString()
const judge = ["--agent", vectors.default_agent, "--domain", vectors.domain, "--discovery", "d.json", "--at", at]
const usual = [...judge, "--revocations", "r.json", "--makers", "m.json", "--audience", vectors.audience]
const json = ["--format", "json"]
const token = (name: string) => vectors.cases.find((one) => one.name.startsWith(name))?.jwt ?? "no such vector"
const good = token("ok-second-key")

describe("symbi agentpin verify", () => {
  it.live("answers vectors as they want it, and never shows a credential", () =>
    inFolder(documents, (cwd) =>
      Effect.gen(function* () {
        for (const name of [
          "ok-delegation-verified",
          "alg-none",
          "token-empty",
          "token-oversized",
          "exp-past",
          "capability-job"
        ]) {
          const one = vectors.cases.find((it) => it.name.startsWith(name))
          assert.isDefined(one)
          if (one === undefined) continue
          const capabilities = (one.requiredCapabilities ?? []).flatMap((capability) => ["--capability", capability])
          const words = ["agentpin", "verify", one.jwt, ...usual, ...capabilities, ...json]
          const { code, stderr, stdout } = yield* symbi(words, { cwd })
          assert.strictEqual(JSON.parse(stdout).result, one.want, name)
          assert.isString(JSON.parse(stdout).detail)
          assert.strictEqual(code, one.want === "ok" ? 0 : 1)
          for (const part of one.jwt.split(".").filter((text) => text.length > 20))
            assert.notInclude(stdout + stderr, part)
        }
      })
    )
  )

  it.live("takes each capability that is asked for, with a space or an equals sign, and no empty one", () =>
    inFolder(documents, (cwd) =>
      Effect.gen(function* () {
        const judged = (...words: ReadonlyArray<string>) =>
          Effect.map(symbi(["agentpin", "verify", good, ...usual, ...words, ...json], { cwd }), ({ code, stdout }) => [
            code,
            stdout === "" ? "" : JSON.parse(stdout).result
          ])
        assert.deepStrictEqual(yield* judged("--capability=read:reports", "--capability", "execute:job"), [0, "ok"])
        assert.deepStrictEqual(yield* judged("--capability=read:reports", "--capability=admin:x"), [
          1,
          "CAPABILITY_EXCEEDED"
        ])
        for (const empty of [["--capability", ""], ["--capability="]]) {
          assert.deepStrictEqual(yield* judged(...empty), [2, ""])
        }
      })
    )
  )

  it.live("reads standard input without the one line break at its end", () =>
    inFolder(documents, (cwd) =>
      Effect.gen(function* () {
        const words = ["agentpin", "verify", "-", ...usual, ...json]
        const result = (input: string) =>
          Effect.map(symbi(words, { cwd, input }), ({ stdout }) => JSON.parse(stdout).result)
        assert.strictEqual(yield* result(good), "ok")
        assert.strictEqual(yield* result(`${good}\n`), "ok")
        assert.strictEqual(yield* result(`${good}\n\n`), "CREDENTIAL_MALFORMED")
        assert.strictEqual(yield* result(`${good}\r\n`), "CREDENTIAL_MALFORMED")
        assert.strictEqual(yield* result("\n"), "CREDENTIAL_MISSING")
      })
    )
  )

  it.live("speaks to people without --format, and takes the options before the credential as well", () =>
    inFolder(documents, (cwd) =>
      Effect.gen(function* () {
        const ok = yield* symbi(["agentpin", "verify", ...usual, good], { cwd })
        assert.deepStrictEqual(ok, {
          code: 0,
          stdout: "ok: it is for urn:agentpin:agent.example.com:trusted-agent, until 2026-11-20T19:39:50Z\n",
          stderr: ""
        })
        const refused = yield* symbi(["agentpin", "verify", good, ...usual, "--agent", "other"], { cwd })
        assert.strictEqual(refused.code, 2, "an option that is there twice")
        const others = usual.map((word) => (word === vectors.default_agent ? "other" : word))
        const other = yield* symbi(["agentpin", "verify", good, ...others], { cwd })
        assert.strictEqual(other.code, 1)
        assert.match(other.stdout, /^AGENT_MISMATCH: /)
        assert.strictEqual(other.stderr, "error: the credential is refused\n")
      })
    )
  )

  it.live("refuses when nothing tells what was revoked, and tells of broken documents as a run would", () =>
    inFolder({ ...documents, "bad.json": { agentpin_version: "0.3" } }, (cwd) =>
      Effect.gen(function* () {
        const result = (words: ReadonlyArray<string>) =>
          Effect.map(
            symbi(["agentpin", "verify", good, ...words, ...json], { cwd }),
            ({ stdout }) => JSON.parse(stdout).result
          )
        assert.strictEqual(yield* result(judge), "DISCOVERY_FETCH_FAILED")
        assert.strictEqual(
          yield* result(usual.map((word) => (word === "d.json" ? "bad.json" : word))),
          "DISCOVERY_INVALID"
        )
        assert.strictEqual(
          yield* result(usual.map((word) => (word === "r.json" ? "bad.json" : word))),
          "DISCOVERY_INVALID"
        )
      })
    )
  )

  it.live("ends with 2 for what it cannot judge by", () =>
    inFolder(documents, (cwd) =>
      Effect.gen(function* () {
        const wrong: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
          [[good], /--discovery/],
          [[], /--agent/],
          [usual, /jwt/],
          [[good, ...usual, "--capability", "deployment"], /write action:resource/],
          [[good, ...usual.map((word) => (word === at ? "soon" : word))], /--at must be an instant/],
          [
            [good, ...usual.map((word) => (word === vectors.domain ? "https://a:1" : word))],
            /--domain must be a host name/
          ]
        ]
        for (const [words, said] of wrong) {
          const { code, stderr } = yield* symbi(["agentpin", "verify", ...words], { cwd })
          assert.deepStrictEqual([code, said.test(stderr)], [2, true], stderr)
          assert.notInclude(stderr, good)
        }
        const none = usual.map((word) => (word === "m.json" ? "none.json" : word))
        const absent = yield* symbi(["agentpin", "verify", good, ...none], { cwd })
        assert.deepInclude(absent, { code: 3, stderr: "error: cannot read none.json: no such file or folder\n" })
        const unknown = yield* symbi(["agentpin", "verfy", good], { cwd })
        assert.deepStrictEqual([unknown.code, /did you mean "verify"/.test(unknown.stderr)], [2, true])
      })
    )
  )
})

describe("symbi agentpin unpin", () => {
  const issuer = makeIssuer()
  const use = {
    domain: issuer.domain,
    kid: "k1",
    job_id: nthJobId(1),
    now: 1,
    until: 2,
    jti: "j-1"
  }

  it.live("forgets a key in the data folder, once", () =>
    inFolder({ "identity.json": issuer.document() }, (cwd) =>
      Effect.gen(function* () {
        const unpin = symbi(["agentpin", "unpin", "k1", "--domain", issuer.domain, "--data", "."], { cwd })
        assert.deepInclude(yield* unpin, {
          code: 3,
          stderr: `error: no database at ${cwd}/symbiont.db; name its folder with --data\n`
        })
        const admit = (thumbprint: string) =>
          Effect.flatMap(AgentPinMemory, (memory) => memory.admit({ ...use, thumbprint })).pipe(
            Effect.map(({ _tag }) => _tag),
            Effect.provide(layerSqlite(`${cwd}/symbiont.db`))
          )
        assert.strictEqual(yield* admit("one"), "Admitted")
        assert.strictEqual(yield* admit("two"), "OtherKey")
        assert.deepStrictEqual(yield* unpin, {
          code: 0,
          stdout: `unpinned "k1" of ${issuer.domain}; with no key left, the next one seen is pinned\n`,
          stderr: ""
        })
        assert.strictEqual(yield* admit("two"), "Admitted")
        const pin = yield* symbi(
          [
            ...["agentpin", "pin", issuer.key.kid, "--domain", issuer.domain],
            ...["--discovery", "identity.json", "--data", "."]
          ],
          { cwd }
        )
        assert.deepStrictEqual([pin.code, pin.stderr], [0, ""])
        const thumbprint = /^pinned "\w+" of \S+, thumbprint (\S+)\n$/.exec(pin.stdout)?.[1] ?? ""
        assert.strictEqual(yield* admit(thumbprint), "Admitted")
        assert.strictEqual((yield* unpin).code, 0)
        assert.deepInclude(yield* unpin, { code: 3, stderr: `error: no key k1 of ${issuer.domain} is pinned\n` })
      })
    )
  )

  it.live("leaves a running service alone", () =>
    inFolder({ "symbiont.db": "" }, (cwd) =>
      Effect.gen(function* () {
        const ended = yield* symbi(["agentpin", "unpin", "k1", "--domain", issuer.domain, "--data", cwd], { cwd })
        assert.strictEqual(ended.code, 1)
        assert.include(ended.stderr, "another symbi service is using the data folder")
      }).pipe(Effect.provide(layerDataLock(cwd)))
    )
  )
})
