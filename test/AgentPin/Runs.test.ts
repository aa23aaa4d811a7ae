import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentPin } from "../../src/AgentPin.ts"
import type { AgentHandler } from "../../src/Agents.ts"
import { Approvals } from "../../src/Approvals.ts"
import type { AuditLog } from "../../src/AuditLog.ts"
import { isTerminal, type Run } from "../../src/Domain/Run.ts"
import { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { failure } from "../../src/testing.ts"
import { audited } from "../support/Audit.ts"
import { create, engine, hour, minute, runsOf, until } from "../support/Engine.ts"
import { makeIssuer } from "./issuer.ts"
import { verifier } from "./service.ts"

const issuer = makeIssuer()

/** A folder with the domain's documents and a credential that can be renewed. */
const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const directory = mkdtempSync(join(tmpdir(), "symbi-agentpin-"))
    const write = (name: string, content: unknown) =>
      writeFileSync(join(directory, name), typeof content === "string" ? content : JSON.stringify(content))
    write("identity.json", issuer.document())
    write("revocations.json", issuer.revocation)
    return { directory, write }
  }),
  ({ directory }) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

/** Runs a test on an engine that verifies credentials; each call of the agent is kept. */
const withAgents = <A, E>(
  options: { readonly required?: boolean; readonly agent?: AgentHandler },
  test: (
    calls: ReadonlyArray<number>,
    write: (name: string, content: unknown) => void
  ) => Effect.Effect<A, E, Jobs | JobStore | Approvals | AuditLog>
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { directory, write } = yield* folder
      const calls: Array<number> = []
      const worker: AgentHandler = (invocation) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          calls.push(now)
          return options.agent?.(invocation) ?? Effect.succeed({ output: "done" })
        })
      const settings = { domain: issuer.domain, discovery: "identity.json", revocations: "revocations.json" }
      const agentPin = Layer.effect(AgentPin, AgentPin).pipe(
        Layer.provide(verifier({ directory, settings: { ...settings, required: options.required ?? false } }))
      )
      yield* test(calls, write).pipe(Effect.provide(engine({ worker }, { agentPin: Layer.orDie(agentPin) })))
    })
  )

const job = (name: string, fields: object = {}) =>
  create({ name, agent_id: "worker", ...("at" in fields ? {} : { every: "1h" }), ...fields })

const pinned = { require_agent_pin: true }

const tick = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** Files and signatures take real time, on which the test clock does not wait; the test's own limit is the bound. */
const seen = <E, R>(look: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(Effect.zipRight(tick, look), { until: (yes) => yes })

/** Moves the clock to an instant, and waits for the ends of all runs of these jobs, so many of each. */
const ended = (at: number, count: number, ...names: ReadonlyArray<string>) =>
  Effect.zipRight(
    until(at),
    Effect.forEach(
      names,
      (name) =>
        seen(
          Effect.map(
            runsOf(name),
            (runs) =>
              runs.length === count && runs.every((run) => isTerminal(run.status) || run.status === "awaiting_approval")
          )
        ),
      { discard: true }
    )
  )

const outcome = (run: Pick<Run, "status" | "reason"> | undefined) => [
  run?.status,
  run?.reason?.code,
  run?.reason?.text.replace(/:.*$/s, "")
]

const refusals = Effect.map(audited({ type: "AgentPinVerificationFailed", limit: 100 }), (events) =>
  events.toReversed()
)

describe("a run whose agent must show who it is", () => {
  it.effect("does not run without a credential, however it came to be; each is one event, and no failure", () =>
    withAgents({ required: true }, (calls) =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* job("ticks")
        yield* job("once", { at: "1970-01-01T01:00:00Z" })
        yield* job("beats", { heartbeat: { enabled: true } })
        yield* ended(hour, 1, "ticks", "once", "beats")
        yield* jobs.runNow("ticks", { actor: "test" })
        yield* ended(hour + minute, 2, "ticks")
        yield* jobs.backfill("ticks", { from: "1970-01-01T01:00:00Z", to: "1970-01-01T01:00:01Z", all: true }, "test")
        yield* ended(hour + 2 * minute, 3, "ticks")
        const runs = (yield* Effect.forEach(["ticks", "once", "beats"], runsOf)).flat()
        assert.deepStrictEqual(runs.map(({ trigger }) => trigger).toSorted(), [
          "backfill",
          "manual",
          "schedule",
          "schedule",
          "schedule"
        ])
        for (const run of runs) assert.deepStrictEqual(outcome(run), ["denied", "agent_pin", "CREDENTIAL_MISSING"])
        assert.deepStrictEqual(calls, [])
        const events = yield* refusals
        assert.deepStrictEqual(
          events.map(({ run_id }) => String(run_id)).toSorted(),
          runs.map(({ id }) => id as string).toSorted()
        )
        assert.lengthOf(yield* audited({ type: "CronJobDenied", limit: 10 }), 0)
        assert.deepInclude(yield* jobs.get("ticks"), { failure_count: 0, status: "active" })
        assert.strictEqual((yield* jobs.get("once")).status, "failed")
      })
    )
  )

  it.effect("runs with a good credential, which is kept with its key and its end, but not itself", () =>
    withAgents({}, (calls) =>
      Effect.gen(function* () {
        const token = issuer.sign(0)
        yield* job("good", { policy: pinned, agent_pin_jwt: token })
        yield* ended(hour, 1, "good")
        const [summary] = yield* runsOf("good")
        const run = yield* (yield* JobStore).findRun(summary?.id ?? "")
        assert.strictEqual(run.status, "succeeded")
        assert.deepStrictEqual(run.evaluations[0]?.identity, {
          result: "verified",
          code: null,
          detail: null,
          kid: issuer.key.kid,
          jti: "j-1",
          expires_at: hour
        })
        assert.deepStrictEqual(calls, [hour])
        assert.notInclude(JSON.stringify([run, yield* audited({ limit: 100 })]), token)
        // It has expired at the next slot, skew and all.
        yield* ended(2 * hour, 2, "good")
        assert.deepStrictEqual(outcome((yield* runsOf("good"))[1]), ["denied", "agent_pin", "CREDENTIAL_EXPIRED"])
      })
    )
  )

  it.effect("is refused when what it presents is bad, though nobody asked for it; what is absent is nothing", () =>
    withAgents({}, (calls) =>
      Effect.gen(function* () {
        const stranger = makeIssuer("agents.example.org")
        yield* job("bad", { agent_pin_jwt: stranger.sign(0) })
        yield* job("unset", { agent_pin_jwt: `\${NO_SUCH_VARIABLE}` })
        yield* job("needed", { agent_pin_jwt: `\${NO_SUCH_VARIABLE}`, policy: pinned })
        yield* job("plain")
        yield* ended(hour, 1, "bad", "unset", "needed", "plain")
        const outcomes = yield* Effect.forEach(["bad", "unset", "needed", "plain"], (name) =>
          Effect.map(runsOf(name), ([run]) => outcome(run))
        )
        assert.deepStrictEqual(outcomes, [
          ["denied", "agent_pin", "DOMAIN_MISMATCH"],
          ["succeeded", undefined, undefined],
          ["denied", "agent_pin", "CREDENTIAL_MISSING"],
          ["succeeded", undefined, undefined]
        ])
        assert.lengthOf(calls, 2)
        const [event] = yield* refusals
        assert.deepInclude(event, { job_name: "bad", actor: "scheduler" })
        assert.deepStrictEqual(event?.after, {
          agent_id: "worker",
          code: "DOMAIN_MISMATCH",
          detail: `iss "${stranger.domain}" is not the configured domain ${issuer.domain}`,
          unverified: { iss: stranger.domain, sub: stranger.agent_id, kid: stranger.key.kid, jti: "j-1" }
        })
      })
    )
  )

  it.effect("takes the credential that is in the file when it fires, so that it can be renewed", () =>
    withAgents({}, (calls, write) =>
      Effect.gen(function* () {
        write("pin.jwt", `${issuer.sign(0)}\n`)
        yield* job("renewed", { policy: pinned, agent_pin_jwt: "file:pin.jwt" })
        yield* ended(hour, 1, "renewed")
        yield* ended(2 * hour, 2, "renewed")
        write("pin.jwt", `${issuer.sign(3 * hour - minute, { jti: "j-2" })}\n`)
        yield* ended(3 * hour, 3, "renewed")
        assert.deepStrictEqual(
          (yield* runsOf("renewed")).map(({ status }) => status),
          ["succeeded", "denied", "succeeded"]
        )
        assert.deepStrictEqual(calls, [hour, 3 * hour])
      })
    )
  )

  it.effect("is asked again at each attempt, and a refusal is not retried", () => {
    const busy: AgentHandler = () => failure("transient", "busy")
    return withAgents({ agent: busy }, (calls, write) =>
      Effect.gen(function* () {
        write("pin.jwt", issuer.sign(0))
        const retry = { attempts: 5, backoff: "2m", factor: 1 }
        yield* job("retried", { policy: pinned, agent_pin_jwt: "file:pin.jwt", every: "59m", retry })
        yield* until(59 * minute)
        yield* seen(Effect.map(runsOf("retried"), ([run]) => run?.status === "pending"))
        yield* ended(63 * minute, 1, "retried")
        const [run] = yield* runsOf("retried")
        assert.deepStrictEqual(outcome(run), ["denied", "agent_pin", "CREDENTIAL_EXPIRED"])
        assert.deepStrictEqual(
          run?.attempts.map((attempt) => attempt.outcome),
          ["failed", "denied"]
        )
        assert.lengthOf(calls, 1)
      })
    )
  })

  it.effect("is asked again at each iteration of a beat, which ends as denied", () => {
    const slow: AgentHandler = ({ iteration }) =>
      Effect.delay(Effect.succeed({ output: `step ${iteration}` }), 30 * minute)
    return withAgents({ agent: slow }, (calls) =>
      Effect.gen(function* () {
        yield* job("beats", {
          every: "10m",
          heartbeat: { enabled: true },
          policy: pinned,
          agent_pin_jwt: issuer.sign(0)
        })
        const called = (times: number) => seen(Effect.sync(() => calls.length === times))
        yield* until(10 * minute)
        yield* called(1)
        yield* until(40 * minute)
        yield* called(2)
        yield* until(70 * minute)
        yield* seen(Effect.map(runsOf("beats"), ([run]) => run?.status === "denied"))
        const [summary] = yield* runsOf("beats")
        const run = yield* (yield* JobStore).findRun(summary?.id ?? "")
        assert.deepStrictEqual(outcome(run), ["denied", "agent_pin", "CREDENTIAL_EXPIRED"])
        assert.lengthOf(run.iterations, 2)
        assert.deepStrictEqual(calls, [10 * minute, 40 * minute])
      })
    )
  })

  it.effect("is asked again after its approval", () =>
    withAgents({}, (calls) =>
      Effect.gen(function* () {
        const policy = { ...pinned, require_approval: true }
        yield* job("approved", { policy, agent_pin_jwt: issuer.sign(0), at: "1970-01-01T00:30:00Z" })
        yield* ended(30 * minute, 1, "approved")
        const [run] = yield* runsOf("approved")
        assert.strictEqual(run?.status, "awaiting_approval")
        yield* until(2 * hour)
        yield* (yield* Approvals).approve(run?.id ?? "", { actor: "key_ada", name: "ada" }, null)
        yield* ended(2 * hour + 1, 1, "approved")
        assert.deepStrictEqual(outcome((yield* runsOf("approved"))[0]), ["denied", "agent_pin", "CREDENTIAL_EXPIRED"])
        assert.deepStrictEqual(calls, [])
      })
    )
  )

  it.effect("may not use what another job has used", () =>
    withAgents({}, () =>
      Effect.gen(function* () {
        const token = issuer.sign(0)
        yield* job("first", { policy: pinned, agent_pin_jwt: token })
        yield* job("second", { policy: pinned, agent_pin_jwt: token })
        yield* ended(hour, 1, "first", "second")
        const outcomes = yield* Effect.forEach(["first", "second"], (name) =>
          Effect.map(runsOf(name), ([run]) => outcome(run)[2] ?? run?.status)
        )
        assert.deepStrictEqual(outcomes.toSorted(), ["CREDENTIAL_REPLAYED", "succeeded"])
      })
    )
  )
})
