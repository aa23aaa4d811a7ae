import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { maxCaptureBytes } from "../../src/Agents/Output.ts"
import { runUrl } from "../../src/Agents/Url.ts"
import type { Invocation } from "../../src/Agents.ts"
import { UrlAgent } from "../../src/Domain/Agent.ts"
import {
  answers,
  breaksOff,
  halfCloses,
  hangs,
  httpReceiver,
  redirects,
  resets,
  sends,
  stalls
} from "../support/HttpReceiver.ts"
import { invocation } from "./fixtures.ts"

const decode = Schema.decodeUnknownSync(UrlAgent)

const run = (
  fields: Readonly<Record<string, unknown>>,
  change: Partial<Invocation> = {},
  variables: Readonly<Record<string, string>> = {}
) =>
  runUrl(decode({ id: "far", kind: "url", ...fields }), invocation(change), { variables, directory: "." }).pipe(
    Effect.scoped
  )

const runId = invocation().run?.id

describe("url agents", () => {
  it.scoped("are posted the run as JSON, with their headers and a key of its own for each call", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([answers(200, "fine")])
      const result = yield* run(
        {
          url: `${server.url}/hook`,
          headers: { Authorization: `Bearer \${TOKEN}`, "Content-Type": "application/x-agent" }
        },
        { input: "Grüße", summary: "before", turns: [{ role: "user", text: "x" }], iteration: 4 },
        { TOKEN: "t0p" }
      )
      assert.deepStrictEqual(result, { output: "fine" })
      const [received] = server.received
      assert.deepStrictEqual(JSON.parse(received?.body ?? ""), {
        agent_id: "far",
        run: {
          id: runId,
          job_id: "job_01jq0000000000000000000000",
          job_name: "nightly",
          attempt: 2,
          scheduled_for: "2026-02-15T14:30:00.000Z"
        },
        input: "Grüße",
        summary: "before",
        turns: [{ role: "user", text: "x" }],
        iteration: 4
      })
      const headers = received?.headers ?? {}
      assert.deepStrictEqual(
        [received?.method, received?.path, headers.authorization, headers["content-type"], headers["idempotency-key"]],
        ["POST", "/hook", "Bearer t0p", "application/x-agent", `${runId}/2/4`]
      )
    })
  )

  it.scoped("called by hand, are told that there is no run", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([answers(200, "fine")])
      yield* run({ url: server.url }, { run: null })
      const [received] = server.received
      assert.deepStrictEqual(
        [JSON.parse(received?.body ?? "").run, received?.headers["idempotency-key"]],
        [null, undefined]
      )
    })
  )

  for (const [body, expected] of [
    ['{"output":"done"}', { output: "done" }],
    [
      '{"output":"done","summary":"s","usage":{"input_tokens":1,"output_tokens":2,"cost_usd":0.5},"more":1}',
      { output: "done", summary: "s", usage: { input_tokens: 1, output_tokens: 2, cost_usd: 0.5 } }
    ],
    ['{"output":"done","usage":"much"}', { output: "done" }],
    ['{"output":7}', { output: '{"output":7}' }],
    ['{"answer":"x"}', { output: '{"answer":"x"}' }],
    ["{broken", { output: "{broken" }],
    ["plain\n", { output: "plain\n" }]
  ] as const) {
    it.scoped(`take ${body.trim()} for what it is`, () =>
      Effect.gen(function* () {
        const server = yield* httpReceiver([answers(201, body)])
        assert.deepStrictEqual(yield* run({ url: server.url }), expected)
      })
    )
  }

  for (const [what, behaviour, kind, message] of [
    ["an empty body", answers(200, " \n"), "transient", /gave an empty answer/],
    ["an empty output", answers(200, '{"output":""}'), "transient", /gave an empty answer/],
    ["no content", answers(204), "transient", /gave an empty answer/],
    ["a redirect", redirects("http://127.0.0.1:1/"), "permanent", /answered 302.*redirects are not followed/],
    ["400", answers(400, "bad\ninput"), "permanent", /answered 400: bad input$/],
    ["401", answers(401), "permanent", /answered 401$/],
    ["408", answers(408), "transient", /answered 408/],
    ["429", answers(429), "rate_limited", /answered 429/],
    ["500", answers(500, "x".repeat(5_000)), "transient", /answered 500: x{200}$/],
    ["no HTTP", sends("nonsense\r\n\r\n"), "transient", /gave no answer/],
    ["a closed connection", halfCloses, "transient", /closed before an answer came/],
    ["a broken connection", resets, "transient", /closed before an answer came/]
  ] as const) {
    it.scoped(`fail where the answer is ${what}`, () =>
      Effect.gen(function* () {
        const server = yield* httpReceiver([behaviour])
        const failure = yield* Effect.flip(run({ url: server.url }))
        assert.strictEqual(failure.kind, kind)
        assert.match(failure.message, message)
        assert.strictEqual(server.received.length, 1)
      })
    )
  }

  for (const [status, kind] of [
    [429, "rate_limited"],
    [503, "transient"]
  ] as const) {
    it.scoped(`keep to the Retry-After of a ${status}`, () =>
      Effect.gen(function* () {
        const server = yield* httpReceiver([answers(status, "later", { "retry-after": "7" })])
        const failure = yield* Effect.flip(run({ url: server.url }))
        assert.deepStrictEqual([failure.kind, failure.retry_after_ms], [kind, 7_000])
      })
    )
  }

  it.scoped("keep what there was of an answer that broke off", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([breaksOff(200, "half of it")])
      const failure = yield* Effect.flip(run({ url: server.url }))
      assert.deepStrictEqual([failure.kind, failure.output], ["transient", "half of it\n[the answer broke off here]"])
    })
  )

  it.live("wait no longer than their timeout, also for the rest of an answer", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([hangs, stalls(200, "begin")])
      const failure = yield* Effect.flip(run({ url: server.url, timeout: "200ms" }))
      assert.strictEqual(failure.kind, "timeout")
      const cut = yield* Effect.flip(run({ url: server.url, timeout: "200ms" }))
      assert.deepStrictEqual([cut.kind, cut.output], ["transient", "begin\n[the answer broke off here]"])
    }).pipe(Effect.scoped)
  )

  it.scoped("are read up to a bound, the cut marked", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([answers(200, "y".repeat(maxCaptureBytes + 10))])
      const { output } = yield* run({ url: server.url })
      assert.strictEqual(output, `${"y".repeat(maxCaptureBytes)}\n[output cut at ${maxCaptureBytes} bytes]`)
    })
  )

  const cutMark = `\n[output cut at ${maxCaptureBytes} bytes]`

  it.scoped("fail where their JSON is longer than what is read, and keep the beginning", () =>
    Effect.gen(function* () {
      const json = `{"output":"${"y".repeat(maxCaptureBytes)}"}`
      const list = `[${"1,".repeat(maxCaptureBytes / 2)}1]`
      const server = yield* httpReceiver([
        answers(200, json),
        answers(200, list, { "content-type": "application/json" })
      ])
      for (const body of [json, list]) {
        const failure = yield* Effect.flip(run({ url: server.url }))
        assert.deepStrictEqual(
          [failure.kind, failure.message, failure.output],
          [
            "permanent",
            "the JSON that the agent's server answered is longer than 1 MiB",
            `${body.slice(0, maxCaptureBytes)}${cutMark}`
          ]
        )
      }
    })
  )

  for (const usage of [
    '{"input_tokens":1e999,"output_tokens":0}',
    '{"input_tokens":-1,"output_tokens":0}',
    '{"input_tokens":0.5,"output_tokens":0}',
    '{"input_tokens":1,"output_tokens":2e12}',
    '{"input_tokens":1,"output_tokens":1,"cost_usd":1e999}',
    '{"input_tokens":1,"output_tokens":1,"cost_usd":-0.1}',
    "null",
    '"much"'
  ]) {
    it.scoped(`do without a usage of ${usage}, and say so in the log`, () =>
      Effect.gen(function* () {
        const server = yield* httpReceiver([answers(200, `{"output":"done","summary":"s","usage":${usage}}`)])
        let log = ""
        const result = yield* run(
          { url: server.url },
          {
            log: (text) =>
              Effect.sync(() => {
                log += text
              })
          }
        )
        assert.deepStrictEqual(result, { output: "done", summary: "s" })
        assert.match(log, /^\[the usage that the agent's server told is not counted: .*\]\n$/)
      })
    )
  }

  it.scoped("fail where the answer is compressed, and quote nothing of it", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([
        answers(200, "zzz", { "content-encoding": "GZIP" }),
        answers(500, "zzz", { "content-encoding": "br" }),
        answers(200, "fine", { "content-encoding": "identity" })
      ])
      const failure = yield* Effect.flip(run({ url: server.url }))
      assert.deepStrictEqual(
        [failure.kind, failure.message],
        [
          "permanent",
          "the agent's server answered with content-encoding gzip, though identity was asked for; turn compression off there"
        ]
      )
      assert.strictEqual((yield* Effect.flip(run({ url: server.url }))).message, "the agent's server answered 500")
      assert.deepStrictEqual(yield* run({ url: server.url }), { output: "fine" })
      assert.strictEqual(server.received[0]?.headers["accept-encoding"], "identity")
    })
  )

  const fields = { headers: { "X-Api-Key": `\${KEY}`, Authorization: "Bearer lit3ral-token", "X-Mode": "thorough" } }
  const variables = { KEY: "t0p-secret-key" }
  const echo = "t0p-secret-key lit3ral-token thorough hunter22-too"
  const blanked = "[redacted] [redacted] thorough [redacted]"

  for (const [what, body, expected] of [
    ["as it is", echo, { output: blanked }],
    ["as JSON", JSON.stringify({ output: echo, summary: echo }), { output: blanked, summary: blanked }]
  ] as const) {
    it.scoped(`show no credential in their output, which came ${what}`, () =>
      Effect.gen(function* () {
        const server = yield* httpReceiver([answers(200, body)])
        const url = server.url.replace("//", "//user:hunter22-too@")
        assert.deepStrictEqual(yield* run({ ...fields, url }, {}, variables), expected)
      })
    )
  }

  it.scoped("show no part of a credential where their output was cut or broke off", () =>
    Effect.gen(function* () {
      const filler = "y".repeat(maxCaptureBytes - 10)
      const server = yield* httpReceiver([
        answers(200, `${filler}t0p-secret-key and more`),
        breaksOff(200, "so t0p-secret-k")
      ])
      const { output } = yield* run({ ...fields, url: server.url }, {}, variables)
      assert.strictEqual(output, `${filler}[redacted]${cutMark}`)
      const failure = yield* Effect.flip(run({ ...fields, url: server.url }, {}, variables))
      assert.strictEqual(failure.output, "so [redacted]\n[the answer broke off here]")
    })
  )

  for (const before of [195, 16_380]) {
    it.scoped(`show no part of a credential in an error that is cut, ${before} characters before it`, () =>
      Effect.gen(function* () {
        const space = before > 200 ? " ".repeat(before) : `${"x".repeat(before - 1)} `
        const server = yield* httpReceiver([answers(400, `${space}t0p-secret-key and more`)])
        const { message } = yield* Effect.flip(run({ ...fields, url: server.url }, {}, variables))
        assert.notInclude(message, "t0p")
      })
    )
  }

  it.scoped("show no credential in errors", () =>
    Effect.gen(function* () {
      const echo = "hunter22 aHVudGVyMjI t0p-secret s3cr3t-key lit3ral-token T0123456789ABCDEF"
      const server = yield* httpReceiver([answers(403, echo)])
      const url = server.url.replace("//", "//user:hunter22@")
      const failure = yield* Effect.flip(
        run(
          {
            url: `${url}/T0123456789ABCDEF?key=s3cr3t-key`,
            headers: { "X-Api-Key": `\${KEY}`, Authorization: "Bearer lit3ral-token" }
          },
          {},
          { KEY: "t0p-secret" }
        )
      )
      assert.strictEqual(
        failure.message,
        "the agent's server answered 403: [redacted] [redacted] [redacted] [redacted] [redacted] [redacted]"
      )
      const nobody = yield* Effect.flip(run({ url: "http://user:hunter22@127.0.0.1:1/t0k" }))
      assert.strictEqual(nobody.kind, "transient")
      assert.notInclude(nobody.message, "hunter22")
    })
  )

  it.effect("name the variable that is not set", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(run({ url: `http://\${HOST_OF_AGENT}/` }))
      assert.deepStrictEqual(
        [failure.kind, failure.message],
        [
          "permanent",
          'agent "far" needs the environment variable HOST_OF_AGENT (for its url), which is not set; set it for the service and restart'
        ]
      )
      const wrong = yield* Effect.flip(run({ url: "ftp://example.com" }))
      assert.strictEqual(wrong.kind, "permanent")
    })
  )
})
