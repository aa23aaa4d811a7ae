import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { patientFetch } from "../../src/Cli/PatientFetch.ts"
import { answers, breaksOff, hangs, httpReceiver } from "../support/HttpReceiver.ts"

describe("patientFetch", () => {
  it.scopedLive("sends and receives as fetch does", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([answers(201, '{"ok":true}', { "x-seen": "yes" }), answers(204)])
      const headers = { "content-type": "application/json", authorization: "Bearer key" }
      const body = new TextEncoder().encode('{"input":"é"}')
      const first = yield* Effect.promise(() =>
        patientFetch(`${server.url}/run?a=1`, { method: "POST", headers, body })
      )
      assert.deepStrictEqual([first.status, first.headers.get("x-seen")], [201, "yes"])
      assert.deepStrictEqual(yield* Effect.promise(() => first.json()), { ok: true })
      const [received] = server.received
      assert.deepInclude(received, { method: "POST", path: "/run?a=1", body: '{"input":"é"}' })
      assert.strictEqual(received?.headers.authorization, "Bearer key")
      assert.strictEqual((yield* Effect.promise(() => patientFetch(server.url))).status, 204)
    })
  )

  it.scopedLive("fails where the server does, and hangs up when it is told to", () =>
    Effect.gen(function* () {
      const server = yield* httpReceiver([breaksOff(200, "half"), hangs])
      const failed = (init?: RequestInit) =>
        Effect.promise(() =>
          patientFetch(server.url, init).then(
            () => "answered",
            (error: Error) => error.name
          )
        )
      assert.strictEqual(yield* failed(), "Error")
      assert.strictEqual(yield* failed({ signal: AbortSignal.timeout(100) }), "AbortError")
    })
  )
})
