import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { AgentFailure } from "../../src/Domain/Agent.ts"
import { answers, breaksOff, hangs, httpReceiver, redirects } from "../support/HttpReceiver.ts"
import { isAlive, modelAgent, toolboxOf, toolService } from "./toolFixtures.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "symbi-tools-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const shell = (script: string, more: Readonly<Record<string, unknown>> = {}) => ({
  command: ["sh", "-c", script],
  ...more
})

describe("command tools", () => {
  it.scoped("give stdout, run in the service's folder, and are told on the run", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const agent = modelAgent({
        tools: {
          where: {
            description: "Tells where it is",
            command: ["pwd", "-{how}"],
            parameters: { how: { values: ["P", "L"] } }
          }
        }
      })
      const { calls, log, specs, use } = yield* toolboxOf(agent).pipe(
        Effect.provide(toolService({ directory: folder }))
      )
      assert.deepStrictEqual(specs, [
        {
          name: "where",
          description: "Tells where it is",
          parameters: {
            type: "object",
            properties: { how: { type: "string", enum: ["P", "L"] } },
            required: ["how"],
            additionalProperties: false
          }
        }
      ])
      const result = yield* use("where", { how: "P" })
      assert.deepStrictEqual(result, { id: "use_1", name: "where", text: `${folder}\n`, failed: false })
      const [call] = calls
      assert.deepStrictEqual(
        { ...call, duration_ms: 0 },
        { name: "where", arguments: '{"how":"P"}', result_bytes: folder.length + 1, duration_ms: 0 }
      )
      assert.match(log(), /^\[tool where \{"how":"P"\}\] \d+ bytes, \d+ ms\n$/)
    })
  )

  it.scoped("tell exit code, stderr and what there was of stdout", () =>
    Effect.gen(function* () {
      const agent = modelAgent({ tools: { t: shell("echo half; echo no disk >&2; exit 3") } })
      const { calls, use } = yield* toolboxOf(agent)
      const result = yield* use("t")
      assert.deepStrictEqual([result.failed, result.text], [true, "exit code 3\nstderr: no disk\nstdout: half\n"])
      assert.strictEqual(calls[0]?.error, "exit code 3: no disk")
    }).pipe(Effect.provide(toolService()))
  )

  for (const after of [495, 490, 480]) {
    it.scoped(`show no part of a secret in the end of stderr, ${after} characters before it`, () =>
      Effect.gen(function* () {
        const script = `printf %s "$TOKEN" >&2; printf %${after}s x >&2; exit 1`
        const agent = modelAgent({ tools: { t: shell(script, { env: { TOKEN: `\${TOKEN}` } }) } })
        const { calls, log, use } = yield* toolboxOf(agent).pipe(
          Effect.provide(toolService({ variables: { TOKEN: "t0p-secret-token-of-24ch" } }))
        )
        const { text } = yield* use("t")
        for (const shown of [text, log(), calls[0]?.error ?? ""]) {
          assert.include(shown, "[redacted]")
          assert.notMatch(shown, /of-24ch|ch /)
        }
      })
    )
  }

  it.scoped("tell of a program that is not there", () =>
    Effect.gen(function* () {
      const { use } = yield* toolboxOf(modelAgent({ tools: { t: { command: ["no-such-program-here"] } } }))
      const result = yield* use("t")
      assert.isTrue(result.failed)
      assert.match(result.text, /^cannot start "no-such-program-here"/)
    }).pipe(Effect.provide(toolService()))
  )

  it.scoped("get the run's variables and their own, and no secret of the service", () =>
    Effect.gen(function* () {
      const agent = modelAgent({ tools: { t: shell("env", { env: { MODE: `x-\${MODE}` }, max_bytes: 100_000 }) } })
      const { use } = yield* toolboxOf(agent).pipe(
        Effect.provide(toolService({ variables: { MODE: "slow", OTHER_KEY: "k3y" } }))
      )
      const { text } = yield* use("t")
      assert.include(text, "SYMBI_JOB_NAME=nightly\n")
      assert.notInclude(text, "SYMBI_SESSION_DIR")
      assert.notInclude(text, "OTHER_KEY")
      assert.include(text, "MODE=x-[redacted]\n")
    })
  )

  it.scoped("leave out the arguments whose parameters are left out", () =>
    Effect.gen(function* () {
      const agent = modelAgent({
        tools: {
          t: {
            command: ["printf", "<%s>", "--n={n}", "{a}{b}", "end"],
            parameters: {
              n: { type: "integer", optional: true },
              a: { pattern: "[a-z]*", optional: true },
              b: { type: "boolean" }
            }
          }
        }
      })
      const { use } = yield* toolboxOf(agent)
      assert.strictEqual((yield* use("t", { n: 3, a: "x", b: true })).text, "<--n=3><xtrue><end>")
      assert.strictEqual((yield* use("t", { b: false, n: null })).text, "<end>")
    }).pipe(Effect.provide(toolService()))
  )

  it.live("are ended with the call, their children too", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const pids = path.join(folder, "pids")
      const agent = modelAgent({
        tools: { t: shell(`sleep 300 & echo $! > ${pids}; echo begun; wait`, { timeout: "1s" }) }
      })
      const { calls, use } = yield* toolboxOf(agent)
      const result = yield* use("t")
      assert.deepStrictEqual(
        [result.failed, result.text],
        [true, "it took longer than 1s and was ended\nstdout: begun\n"]
      )
      assert.isTrue((calls[0]?.duration_ms ?? 0) > 0)
      assert.isFalse(isAlive(Number(readFileSync(pids, "utf8"))))
    }).pipe(Effect.scoped, Effect.provide(toolService()))
  )

  it.live("are ended when the run is interrupted", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const begun = path.join(folder, "begun")
      const agent = modelAgent({ tools: { t: shell(`echo $$ > ${begun}; exec sleep 300`) } })
      const { calls, use } = yield* toolboxOf(agent)
      const fiber = yield* Effect.fork(use("t"))
      const pid = yield* Effect.try(() => Number(readFileSync(begun, "utf8"))).pipe(
        Effect.filterOrFail((found) => found > 0),
        Effect.retry({ schedule: Schedule.spaced("10 millis") })
      )
      yield* Fiber.interrupt(fiber)
      assert.isFalse(isAlive(pid))
      assert.deepStrictEqual(
        calls.map(({ error, name }) => [name, error]),
        [["t", "it was ended with the run"]]
      )
    }).pipe(Effect.scoped, Effect.provide(toolService()))
  )

  it.scoped("end a run whose variable is not set or not to be named, before any call", () =>
    Effect.gen(function* () {
      const agent = modelAgent({ tools: { t: shell("env", { env: { A: `\${LACKING}` } }) } })
      const failure = yield* Effect.flip(toolboxOf(agent)).pipe(Effect.provide(toolService()))
      assert.strictEqual(failure.kind, "permanent")
      assert.match(failure.message, /LACKING .*env of its tool t: A.* not set/)
      const named = yield* Effect.flip(toolboxOf(agent)).pipe(
        Effect.provide(toolService({ withheld: new Set(["LACKING"]) }))
      )
      assert.match(named.message, /jobs and agents may not name \$\{LACKING\}/)
    })
  )

  it.scoped("of a definition that is wrong end the run, too", () =>
    Effect.gen(function* () {
      const agent = modelAgent({ tools: { t: { command: ["echo", "{x}"] } } })
      const failure = yield* Effect.flip(toolboxOf(agent))
      assert.deepStrictEqual(
        [failure.kind, failure.message.slice(0, 60)],
        ["permanent", 'agent "watcher" cannot run: tools.t.command.1: {x} names no ']
      )
    }).pipe(Effect.provide(toolService()))
  )
})

describe("limits of tools", () => {
  const echo = (more: Readonly<Record<string, unknown>> = {}) => ({
    tools: {
      t: { command: ["printf", "{a}"], parameters: { a: { pattern: "[a-zü]*", max_length: 100_000 } }, ...more }
    }
  })

  it.scoped("cut a result at max_bytes, and mark the cut", () =>
    Effect.gen(function* () {
      const { calls, use } = yield* toolboxOf(modelAgent(echo({ max_bytes: 10 })))
      const { failed, text } = yield* use("t", { a: "ü".repeat(20) })
      assert.isFalse(failed)
      assert.strictEqual(text, "üüüüü\n[cut: the first 10 bytes of 40]")
      assert.strictEqual(calls[0]?.result_bytes, Buffer.byteLength(text))
      // Not through a character.
      const { text: odd } = yield* use("t", { a: `a${"ü".repeat(20)}` })
      assert.strictEqual(odd, "aüüüü\n[cut: the first 9 bytes of 41]")
    }).pipe(Effect.provide(toolService()))
  )

  it.scoped("say so when the calls are used up, and end a run that does not listen", () =>
    Effect.gen(function* () {
      const { calls, use } = yield* toolboxOf(modelAgent({ ...echo(), tool_limits: { calls: 2 } }))
      assert.strictEqual((yield* use("t", { a: "x" })).text, "x")
      // What is refused counts, too.
      assert.isTrue((yield* use("t", { a: 1 })).failed)
      for (let i = 0; i < 10; i++) {
        const { failed, text } = yield* use("t", { a: "x" })
        assert.isTrue(failed)
        assert.match(text, /limit of 2 calls of this run is used up/)
      }
      const failure = yield* Effect.flip(use("t", { a: "x" }))
      assert.strictEqual(failure.kind, "permanent")
      assert.match(failure.message, /after its limit of 2 calls/)
      assert.strictEqual(calls.length, 13)
    }).pipe(Effect.provide(toolService()))
  )

  it.scoped("give what is left of the bytes, and then nothing", () =>
    Effect.gen(function* () {
      const { use } = yield* toolboxOf(modelAgent({ ...echo(), tool_limits: { bytes: 1_000 } }))
      assert.strictEqual((yield* use("t", { a: "a".repeat(990) })).text.length, 990)
      assert.match((yield* use("t", { a: "b".repeat(90) })).text, /^b{10}\n\[cut: the first 10 bytes of 90\]$/)
      assert.match((yield* use("t", { a: "x" })).text, /limit of 1000 bytes of this run is used up/)
    }).pipe(Effect.provide(toolService()))
  )

  it.live("count the time of all calls", () =>
    Effect.gen(function* () {
      const { use } = yield* toolboxOf(
        modelAgent({ tools: { t: shell("sleep 300", { timeout: "1m" }) }, tool_limits: { time: "1s" } })
      )
      assert.match((yield* use("t")).text, /^it took longer than 1s/)
      assert.match((yield* use("t")).text, /^the time for tools of this run is used up/)
    }).pipe(Effect.scoped, Effect.provide(toolService()))
  )

  it.scoped("keep the first 2,000 characters of arguments", () =>
    Effect.gen(function* () {
      const { calls, log, use } = yield* toolboxOf(modelAgent(echo()))
      yield* use("t", { a: "b".repeat(50_000) })
      assert.strictEqual(calls[0]?.arguments, `{"a":"${"b".repeat(1_994)}`)
      assert.isTrue(log().length < 400)
    }).pipe(Effect.provide(toolService()))
  )

  it.scoped("tell a model what there is", () =>
    Effect.gen(function* () {
      const { use } = yield* toolboxOf(modelAgent(echo()))
      assert.strictEqual((yield* use("other")).text, "there is no such tool; there are t")
      assert.strictEqual((yield* use("t", { b: 1 })).text, 'there is no parameter "b"; it takes a')
      const none = yield* toolboxOf(modelAgent())
      assert.strictEqual((yield* none.use("t")).text, "there is no such tool; there are none")
    }).pipe(Effect.provide(toolService()))
  )
})

describe("http_get tools", () => {
  const getting = (host: string, more: Readonly<Record<string, unknown>> = {}) =>
    modelAgent({ tools: { get: { http_get: [host], ...more } } })

  it.scoped("give status, type and body, and send their headers", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([answers(404, "gone: t0p-secret", { "content-type": "text/plain" })])
      const agent = getting(`127.0.0.1:${server.port}`, { headers: { "X-Key": `\${KEY}` } })
      const { calls, use } = yield* toolboxOf(agent).pipe(
        Effect.provide(toolService({ variables: { KEY: "t0p-secret" } }))
      )
      const { failed, text } = yield* use("get", { url: `${server.url}/a?b=t0p-secret#c` })
      assert.deepStrictEqual([failed, text], [false, "HTTP 404\ncontent-type: text/plain\n\ngone: [redacted]"])
      assert.deepStrictEqual(
        [server.received[0]?.method, server.received[0]?.path, server.received[0]?.headers["x-key"]],
        ["GET", "/a?b=t0p-secret", "t0p-secret"]
      )
      assert.notInclude(JSON.stringify(calls), "t0p-secret")
    })
  )

  it.scoped("send their headers by https only, unless the port is named", () =>
    Effect.gen(function* () {
      const headers = { "X-Key": "t0p-secret" }
      const onlySecure = "inner.test is allowed by https only, as this tool sends headers; ask by https"
      for (const host of ["inner.test", "*.test"]) {
        const { use } = yield* toolboxOf(getting(host, { headers }))
        assert.strictEqual((yield* use("get", { url: "http://inner.test/" })).text, onlySecure)
        assert.notInclude((yield* use("get", { url: "https://inner.test/" })).text, "https only")
      }
      for (const agent of [getting("inner.test"), getting("inner.test:80", { headers })]) {
        const { use } = yield* toolboxOf(agent)
        assert.notInclude((yield* use("get", { url: "http://inner.test/" })).text, "https only")
      }
    }).pipe(Effect.provide(toolService({ allow_hosts: [] })))
  )

  it.scoped("follow no redirect, and tell where it leads", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([redirects("http://127.0.0.1:1/secret")])
      const { use } = yield* toolboxOf(getting(`127.0.0.1:${server.port}`))
      const { text } = yield* use("get", { url: server.url })
      assert.match(text, /^HTTP 302\nlocation: http:\/\/127\.0\.0\.1:1\/secret\n\(redirects are not followed/)
      assert.strictEqual(server.received.length, 1)
    }).pipe(Effect.provide(toolService()))
  )

  it.scoped("connect to no address that is not public, whatever the host's name", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([answers(200)])
      const { use } = yield* toolboxOf(getting(`inner.test:${server.port}`))
      const { failed, text } = yield* use("get", { url: `http://inner.test:${server.port}/` })
      assert.isTrue(failed)
      assert.match(text, /inner\.test is at 127\.0\.0\.1, which is no public address/)
      assert.strictEqual(server.connections(), 0)
    }).pipe(Effect.provide(toolService({ allow_hosts: [] })))
  )

  it.scoped("cut long bodies, show no binary ones, and say when an answer broke off", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([
        answers(200, "y".repeat(100_000)),
        answers(200, "a\0b"),
        breaksOff(200, "begin")
      ])
      const { use } = yield* toolboxOf(getting(`127.0.0.1:${server.port}`, { max_bytes: 100 }))
      const cut = yield* use("get", { url: server.url })
      assert.match(cut.text, /^HTTP 200\n\ny{90}\n\[cut: the first 100 bytes\]$/)
      assert.strictEqual((yield* use("get", { url: server.url })).text, "HTTP 200\n\n(binary; not shown)")
      assert.strictEqual((yield* use("get", { url: server.url })).text, "HTTP 200\n(the answer broke off)\n\nbegin")
    }).pipe(Effect.provide(toolService()))
  )

  it.live("wait no longer than their timeout", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([hangs])
      const { use } = yield* toolboxOf(getting(`127.0.0.1:${server.port}`, { timeout: "200ms" }))
      const { failed, text } = yield* use("get", { url: server.url })
      assert.deepStrictEqual([failed, text], [true, "no answer within 0.2 seconds"])
    }).pipe(Effect.scoped, Effect.provide(toolService()))
  )
})

describe("read_files tools", () => {
  const withFiles = Effect.gen(function* () {
    const folder = yield* temporaryFolder
    mkdirSync(path.join(folder, "notes", "sub"), { recursive: true })
    writeFileSync(path.join(folder, "notes", "a.txt"), "alpha\n")
    writeFileSync(path.join(folder, "notes", ".hidden"), "dots are allowed")
    writeFileSync(path.join(folder, "notes", "sub", "b.txt"), "")
    writeFileSync(path.join(folder, "notes", "image.png"), Buffer.from([0x89, 0x50, 0, 1]))
    symlinkSync("sub", path.join(folder, "notes", "link"))
    return yield* toolboxOf(modelAgent({ tools: { files: { read_files: "notes", max_bytes: 100 } } })).pipe(
      Effect.provide(toolService({ directory: folder }))
    )
  })

  it.scoped("read and list under their root", () =>
    Effect.gen(function* () {
      const { use } = yield* withFiles
      const reads = (file: string) => Effect.map(use("files", { action: "read", path: file }), ({ text }) => text)
      assert.strictEqual(yield* reads("a.txt"), "alpha\n")
      assert.strictEqual(yield* reads("./sub/../a.txt"), '"path" must not lead upwards (..)')
      assert.strictEqual(yield* reads(".hidden"), "dots are allowed")
      assert.strictEqual(yield* reads("link/b.txt"), "(empty)")
      assert.strictEqual(yield* reads("image.png"), "(binary, 4 bytes; not shown)")
      assert.strictEqual(yield* reads("sub"), "it is a folder; list it")
      assert.strictEqual(yield* reads("none"), "there is no such file or folder")
      const listed = yield* use("files", { action: "list", path: "." })
      assert.deepStrictEqual([listed.failed, listed.text], [false, ".hidden\na.txt\nimage.png\nlink@\nsub/"])
      assert.strictEqual((yield* use("files", { action: "list", path: "a.txt" })).text, "it is a file; read it")
    })
  )

  it.scoped("cut long files", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(path.join(folder, "long.txt"), "é".repeat(200_000))
      const { use } = yield* toolboxOf(modelAgent({ tools: { files: { read_files: ".", max_bytes: 101 } } })).pipe(
        Effect.provide(toolService({ directory: folder }))
      )
      const { text } = yield* use("files", { action: "read", path: "long.txt" })
      assert.strictEqual(text, `${"é".repeat(50)}\n[cut: the first 100 bytes]`)
    })
  )
})

describe("notify tools", () => {
  it.scoped("hand the text to the run's channel, and tell what went wrong", () =>
    Effect.gen(function* () {
      const sent: Array<readonly [string, string]> = []
      const agent = modelAgent({ tools: { tell: { notify: "slack" } } })
      const { use } = yield* toolboxOf(agent, {
        notify: (channel, text) =>
          sent.length === 0
            ? Effect.sync(() => void sent.push([channel, text]))
            : Effect.fail(new AgentFailure({ kind: "permanent", message: "slack cannot be notified: enough" }))
      })
      assert.deepStrictEqual(yield* use("tell", { text: "disk full" }), {
        id: "use_1",
        name: "tell",
        text: "It will be sent by slack.",
        failed: false
      })
      const { failed, text } = yield* use("tell", { text: "again" })
      assert.deepStrictEqual([failed, text], [true, "slack cannot be notified: enough"])
      assert.deepStrictEqual(sent, [["slack", "disk full"]])
    }).pipe(Effect.provide(toolService()))
  )
})
