import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { folderWith, type Service, spawnService, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const ask = (service: Service, path: string, key?: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
    const answer = await fetch(service.url + path, { ...init, headers: { ...headers, ...init.headers } })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  })

const statusOf = (service: Service, path: string, key?: string) =>
  Effect.map(ask(service, path, key), ({ status }) => status)

const cli = (service: Service, key: string | undefined, ...words: ReadonlyArray<string>) =>
  symbi(words, { env: { SYMBI_SERVER: service.url, ...(key === undefined ? {} : { SYMBI_API_KEY: key }) } })

const filesUnder = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => statSync(name).isFile())

const jobs = "/api/v1/schedule"

describe("keys of a running service", () => {
  it.scopedLive(
    "close it at once, outlive a restart, end when they are revoked, and are kept nowhere as they are",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith({ "symbiont.toml": "[server]\nport = 0\n" })
        const service = yield* startService({ folder })
        assert.strictEqual(yield* statusOf(service, jobs), 200)

        const weak = yield* cli(service, undefined, "keys", "create", "ci", "--scope", "operate")
        assert.deepStrictEqual([weak.code, weak.stdout], [2, ""])
        assert.include(weak.stderr, "the first key must have the scope admin")

        const created = yield* cli(service, undefined, "keys", "create", "ops", "--scope", "admin")
        assert.strictEqual(created.code, 0, created.stderr)
        assert.match(created.stdout, /^symbi_[\w-]{43}\n$/)
        assert.notInclude(created.stderr, created.stdout.trim())
        const ops = created.stdout.trim()
        assert.strictEqual(yield* statusOf(service, jobs), 401)
        assert.strictEqual(yield* statusOf(service, jobs, ops), 200)

        const json = yield* cli(
          service,
          ops,
          ...["keys", "create", "ci", "--scope", "read", "--scope", "approve", "--expires", "90d", "--format", "json"]
        )
        const ci: { secret: string; id: string; scopes: unknown } = JSON.parse(json.stdout)
        assert.deepStrictEqual(ci.scopes, ["read", "approve"])

        const unkeyed = yield* cli(service, undefined, "cron", "list")
        assert.deepStrictEqual([unkeyed.code, unkeyed.stdout], [4, ""])
        assert.include(unkeyed.stderr, "SYMBI_API_KEY")
        const below = yield* cli(service, ci.secret, "cron", "run", "x")
        assert.strictEqual(below.code, 4)
        assert.include(below.stderr, `this needs the scope operate; the key "ci" has read, approve`)
        assert.strictEqual((yield* cli(service, ci.secret, "cron", "list")).code, 0)
        assert.strictEqual((yield* cli(service, ops, "keys", "create", "x", "--scope", "write")).code, 2)

        const listed = yield* cli(service, ops, "keys", "list")
        assert.match(listed.stdout, /^ID +NAME +SCOPES +CREATED +LAST USED +EXPIRES +REVOKED\n.* ops .*\n.* ci .*\n$/)
        const kept = yield* cli(service, ops, "keys", "revoke", "ops")
        assert.deepStrictEqual([kept.code, kept.stdout], [5, ""])

        yield* service.signal("SIGTERM")
        assert.strictEqual(yield* service.exitCode, 0)
        const again = yield* startService({ folder })
        assert.strictEqual(yield* statusOf(again, jobs), 401)
        assert.strictEqual(yield* statusOf(again, jobs, ops), 200)
        assert.strictEqual(yield* statusOf(again, jobs, ci.secret), 200)

        assert.strictEqual((yield* cli(again, ops, "keys", "revoke", "ci")).stdout, `revoked "ci" (${ci.id})\n`)
        assert.strictEqual(yield* statusOf(again, jobs, ci.secret), 401)
        assert.strictEqual((yield* cli(again, ops, "keys", "revoke", "ci")).code, 3)

        yield* again.signal("SIGTERM")
        assert.strictEqual(yield* again.exitCode, 0)
        const files = filesUnder(folder).map((file) => [file, readFileSync(file, "latin1")] as const)
        assert.isAtLeast(files.length, 2)
        const told = [
          ...files,
          ...[service, again].map(({ stderr, stdout }) => ["output", stdout() + stderr()] as const)
        ]
        assert.isTrue(told.some(([, text]) => text.includes("KeyRevoked")))
        for (const secret of [ops, ci.secret]) {
          for (const part of [secret, secret.slice("symbi_".length), secret.slice(-20)]) {
            assert.deepStrictEqual(
              told.filter(([, text]) => text.includes(part)).map(([where]) => where),
              []
            )
          }
        }
      }),
    60_000
  )

  it.scopedLive(
    "come from SYMBI_API_KEYS too, and let it listen beyond this machine",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith({
          "agents/curious.symbi": `agent curious { command: ["printenv"] env: { KEYS: "\${SYMBI_API_KEYS}" } }
schedule nosy { agent: curious every: 1d webhook_secret: "\${SYMBI_API_KEYS}" }`
        })
        const anywhere = ["--host", "0.0.0.0"]
        const refused = yield* spawnService({ folder, words: anywhere })
        assert.strictEqual(yield* refused.exitCode, 1)
        assert.match(
          refused.stderr(),
          /^error: refused to listen on 0\.0\.0\.0: without an API key with the scope admin/
        )
        assert.include(refused.stderr(), "SYMBI_API_KEYS")
        assert.include(refused.stderr(), "symbi keys create")

        const key = `canary-${"k".repeat(30)}`
        const reader = `reader-${"r".repeat(30)}`
        const readOnly = yield* spawnService({ folder, words: anywhere, env: { SYMBI_API_KEYS: `r:${reader}:read` } })
        assert.strictEqual(yield* readOnly.exitCode, 1)

        const env = { SYMBI_API_KEYS: `${key},r:${reader}:read` }
        const service = yield* startService({ folder, words: anywhere, env })
        assert.strictEqual(yield* statusOf(service, jobs), 401)
        assert.strictEqual(yield* statusOf(service, jobs, key), 200)
        assert.strictEqual(yield* statusOf(service, jobs, reader), 200)
        assert.strictEqual(yield* statusOf(service, "/api/v1/keys", reader), 403)
        assert.strictEqual(yield* statusOf(service, "/api/v1/health"), 200)
        const curious = yield* cli(service, key, "run", "curious")
        assert.deepStrictEqual([curious.code, curious.stdout], [1, ""])
        assert.include(curious.stderr, "SYMBI_API_KEYS")
        assert.include(service.stderr(), `warning: jobs and agents may not name \${SYMBI_API_KEYS}`)
        assert.strictEqual((yield* cli(service, key, "keys", "create", "stored", "--scope", "admin")).code, 0)

        const shown = yield* symbi(["config"], { cwd: folder, env })
        assert.match(shown.stdout, /r:\[redacted( [0-9a-f]{8})?\]:read/)
        yield* service.signal("SIGTERM")
        assert.strictEqual(yield* service.exitCode, 0)
        const told = [service.stdout(), service.stderr(), shown.stdout, shown.stderr, curious.stderr]
        for (const file of filesUnder(folder)) told.push(readFileSync(file, "latin1"))
        assert.isFalse(told.some((text) => text.includes(key) || text.includes(reader)))

        const kept = yield* startService({ folder, words: anywhere })
        assert.strictEqual(yield* statusOf(kept, jobs, key), 401)
      }),
    60_000
  )
})
