import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AgentFailure } from "../src/Domain/Agent.ts"
import { DurationText } from "../src/Domain/Duration.ts"
import type { StoredJob } from "../src/Domain/Job.ts"
import { ServiceEnvironment } from "../src/ServiceEnvironment.ts"
import { testSettings } from "../src/testing.ts"
import { WakeGate } from "../src/WakeGate.ts"
import { finishedRun, jobNamed } from "./Delivery/fixtures.ts"
import { answers, breaksOff, hangs, httpReceiver } from "./support/HttpReceiver.ts"

const environment = ServiceEnvironment.layer({
  variables: { PATH: process.env["PATH"], TOKEN: "s3cret-token", KEY: undefined },
  withheld: new Set(["KEY"]),
  directory: "."
})

const live = (allow_hosts: ReadonlyArray<string> = []) =>
  WakeGate.layer.pipe(
    Layer.provide(environment),
    Layer.provide(testSettings({ scheduler: { delivery: { allow_hosts } } })),
    Layer.provide(NodeContext.layer)
  )

const ask = (gate: NonNullable<StoredJob["gate"]>, job: Partial<StoredJob> = {}) =>
  Effect.flatMap(WakeGate, (wakeGate) => wakeGate.ask({ ...jobNamed("mail"), ...job, gate }, finishedRun()))

const node = (program: string) => ["node", "-e", program] as const

const messageOf = (failed: Effect.Effect<unknown, AgentFailure, WakeGate>) =>
  Effect.map(Effect.flip(failed), ({ kind, message }) => [kind, message] as const)

describe("a gate that is a command", () => {
  it.live("is given the job in its environment, and nothing of the service's", () =>
    Effect.gen(function* () {
      const found = yield* ask({ command: node("console.log(JSON.stringify(Object.keys(process.env).sort()))") })
      assert.deepStrictEqual(JSON.parse(found?.output ?? ""), [
        "PATH",
        "SYMBI_JOB_ID",
        "SYMBI_JOB_NAME",
        "SYMBI_RUN_ID",
        "SYMBI_SCHEDULED_FOR",
        "TRACEPARENT"
      ])
    }).pipe(Effect.provide(live()))
  )

  it.live("fails by any exit code but 0, with what it said last", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* messageOf(ask({ command: node('console.error("no inbox"); process.exit(1)') })), [
        "transient",
        "the gate failed: node exited with code 1: no inbox"
      ])
      const [kind, message] = yield* messageOf(ask({ command: ["./no-such-program"] }))
      assert.strictEqual(kind, "permanent")
      assert.include(message, "no such program")
    }).pipe(Effect.provide(live()))
  )

  it.live("is ended when it takes too long", () =>
    Effect.gen(function* () {
      const gate = { command: node("setInterval(() => {}, 1000)"), timeout: "200ms" } as never
      assert.deepStrictEqual(yield* messageOf(ask(gate)), ["transient", "the gate failed: node took longer than 200ms"])
    }).pipe(Effect.provide(live()))
  )

  it.live("wakes when it fails, where the job would rather wake for nothing", () =>
    Effect.gen(function* () {
      const found = yield* ask({ command: node("process.exit(1)"), on_error: "wake" })
      assert.deepInclude(found, { wakes: true, output: "", seen: null })
    }).pipe(Effect.provide(live()))
  )

  it.live("is given to the agent up to 64 KiB, and may print up to 1 MiB", () =>
    Effect.gen(function* () {
      const found = yield* ask({ command: node('process.stdout.write("é".repeat(50_000))') })
      assert.strictEqual(found?.output, `${"é".repeat(32_768)}\n[what the gate gave is cut at 65536 bytes]`)
      assert.deepStrictEqual(yield* messageOf(ask({ command: node('process.stdout.write("é".repeat(600_000))') })), [
        "permanent",
        "the gate failed: node printed more than 1 MiB"
      ])
    }).pipe(Effect.provide(live()))
  )
})

describe("a gate that is a URL", () => {
  it.scopedLive("is asked by GET; its secrets stay secret, and only public hosts are asked", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([
        (response, { path }) => void response.writeHead(path.includes("s3cret-token") ? 200 : 500).end("news")
      ])
      const { host } = new URL(server.url)
      const good = { url: `${server.url}/feed?key=\${TOKEN}` }
      assert.deepInclude(yield* Effect.provide(ask(good), live([host])), { wakes: true, output: "news" })
      const [, refused] = yield* messageOf(ask(good)).pipe(Effect.provide(live()))
      assert.include(refused, "allow_hosts")
      assert.notInclude(refused, "s3cret-token")
      assert.deepStrictEqual(yield* messageOf(ask({ url: `${server.url}/feed` })).pipe(Effect.provide(live([host]))), [
        "transient",
        `the gate failed: ${host} answered 500`
      ])
      const broken = yield* httpReceiver([breaksOff(200, "half of the fe"), hangs, answers(200, "x".repeat(1_100_000))])
      const asked = messageOf(ask({ url: broken.url, timeout: DurationText.make("300ms") })).pipe(
        Effect.provide(live([new URL(broken.url).host]))
      )
      assert.match((yield* asked).join(" "), /^transient .*broke off its answer$/)
      assert.match((yield* asked).join(" "), /^transient .*no answer within/)
      assert.match((yield* asked).join(" "), /^permanent .*more than 1 MiB$/)
      const [kind, missing] = yield* messageOf(ask({ url: `${server.url}/\${NOPE}` })).pipe(
        Effect.provide(live([host]))
      )
      assert.strictEqual(kind, "permanent")
      assert.include(missing, "NOPE, which is not set")
      const [, held] = yield* messageOf(ask({ url: `${server.url}/\${KEY}` })).pipe(Effect.provide(live([host])))
      assert.include(held, "holds a secret of the service")
    })
  )
})
