import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Apply } from "../src/Apply.ts"
import { definitionOf, type Job, JobDefinition } from "../src/Domain/Job.ts"
import { definitionsOf, exportedJobs, printJobs } from "../src/Export.ts"
import { Jobs } from "../src/Jobs.ts"
import { scriptedAgent } from "../src/testing.ts"
import { engine, second, until } from "./support/Engine.ts"

const runtime = () => Apply.Default.pipe(Layer.provideMerge(engine({ agent: scriptedAgent({}) })))

const text = FastCheck.oneof(
  FastCheck.string({ unit: "binary" }),
  FastCheck.string({
    unit: FastCheck.constantFrom('"', "\\", "\n", "\r", "\t", "#", "{", "}", "a", " ", "\uFEFF", `\${KEY}`, '"""')
  })
)
const filled = text.filter((value) => value.length > 0)
const partial = <A extends Record<string, FastCheck.Arbitrary<unknown>>>(model: A) =>
  FastCheck.record(model, { requiredKeys: [], noNullPrototype: true })

const trigger = FastCheck.constantFrom(
  { cron_expr: "*/5 * * * *" },
  { cron_expr: "H H(1-5) * * MON#2", timezone: "America/New_York", dst: { gap: "skip", fold: "both" } },
  { cron_expr: "@every 90s" },
  { cron_expr: " 0  9 * * mon-fri " },
  { every: "1h30m" },
  { at: "2031-02-03T04:05", timezone: "Asia/Tokyo" },
  { at: "1969-01-01T00:00:00Z", misfire: "skip" }
)

const settings = partial({
  description: text,
  max_catchup: FastCheck.integer({ min: 1, max: 1_000 }),
  input: text,
  heartbeat: FastCheck.constantFrom({ enabled: false }, { enabled: true, max_iterations: 3 }),
  webhook_url: FastCheck.constantFrom(`\${HOOK}`, "https://example.org/x?a=#b"),
  webhook_headers: FastCheck.constantFrom({ Authorization: `Bearer \${KEY}`, "X-Odd~Name": "" }, {}),
  webhook_secret: FastCheck.constantFrom(`\${KEY}`, `\${NEW} \${OLD}`),
  webhook_body: FastCheck.constantFrom(`{"text": {{output | json}}, "key": "\${KEY}"}`, '"""\n{{"{{"}}\n'),
  slack_channel: FastCheck.constantFrom("#ops", `\${CHANNEL}`),
  email_recipients: FastCheck.constant(["a@example.org", `\${OPS}`]),
  deliver_on: FastCheck.constantFrom(["failure"], ["skipped", "success"]),
  delivery_subject: FastCheck.constantFrom("{{job.name}}: {{run.status | upper}}", ""),
  delivery_body: FastCheck.constantFrom('{{#if event == "failure"}}\n{{run.error}}\n{{/if}}\n', "a\tb"),
  policy: partial({
    max_runtime: FastCheck.constantFrom("none", "90s"),
    require_capabilities: FastCheck.array(filled, { maxLength: 2 }),
    allowed_hours: FastCheck.constant({ start: "22:00", end: "04:00", timezone: "Europe/Berlin" }),
    require_approval: FastCheck.boolean(),
    approvers: FastCheck.array(filled, { maxLength: 2 }),
    approval_timeout: FastCheck.constantFrom("30m", "2d"),
    approval_default: FastCheck.constantFrom("deny", "allow"),
    require_agent_pin: FastCheck.boolean()
  }),
  policy_ref: filled,
  audit: text,
  max_retries: FastCheck.integer({ min: 1, max: 1_000 }),
  retry: partial({
    attempts: FastCheck.constant(3),
    backoff: FastCheck.constant("5s"),
    factor: FastCheck.constant(1.5)
  }),
  on_interrupt: FastCheck.constantFrom("retry", "fail"),
  max_runtime: FastCheck.constantFrom("2555d", "none"),
  max_jitter: FastCheck.integer({ min: 0, max: 86_400 }),
  session_max_bytes: FastCheck.constant(4_096),
  agent_pin_jwt: FastCheck.constantFrom(`\${PIN}`, "file:credentials/pin.jwt", ""),
  session_mode: FastCheck.constantFrom("shared_persistent", "fully_ephemeral"),
  delivery: FastCheck.constantFrom(["stdout", "custom:pager"], [], ["log_file"]),
  max_concurrent: FastCheck.integer({ min: 1, max: 5 }),
  overlap: FastCheck.constantFrom("skip", "queue_one"),
  labels: FastCheck.array(filled, { maxLength: 3 })
})

const name = FastCheck.oneof(filled, FastCheck.constantFrom("schedule", "true", "# x", "agent { }")).filter(
  (value) => value.length <= 200 && /^[^\p{Cc}]+$/u.test(value)
)

const definitions = FastCheck.uniqueArray(
  FastCheck.tuple(name, name, trigger, settings).map(([job, agent, when, others]) =>
    Schema.decodeUnknownSync(JobDefinition)({ ...others, ...when, name: job, agent_id: agent })
  ),
  { maxLength: 6, selector: (definition) => definition.name }
)

/** Everything of a job but where it came from. */
const withoutFile = (job: Job) => ({ ...job, source_file: null, applied: null })

describe("an export", () => {
  it.effect("applied where it came from changes nothing, and elsewhere gives the same definitions", () => {
    const samples = FastCheck.sample(definitions, { numRuns: 30, seed: 7 })
    return Effect.forEach(
      samples,
      (sample) =>
        Effect.gen(function* () {
          const jobs = yield* Jobs
          for (const [index, definition] of sample.entries()) {
            yield* jobs.create(definition, "ada")
            if (index % 3 === 1) yield* Effect.ignore(jobs.pause(definition.name, "ada"))
          }
          // The slots that are past get their rows.
          yield* until(second)
          const before = yield* exportedJobs
          const exported = printJobs(before)
          const files = [{ path: "/x/export.symbi", text: exported }]
          const applied = yield* (yield* Apply).apply({ files }, "cli")
          assert.deepStrictEqual(applied.unchanged.toSorted(), sample.map((one) => one.name).toSorted(), exported)
          const after = yield* exportedJobs
          assert.deepStrictEqual(after.map(withoutFile), before.map(withoutFile))
          const elsewhere = yield* Effect.provide(
            Effect.gen(function* () {
              const made = yield* (yield* Apply).apply({ files }, "cli")
              assert.strictEqual(made.created.length, sample.length)
              return yield* exportedJobs
            }),
            Layer.fresh(runtime())
          )
          assert.deepStrictEqual(definitionsOf(elsewhere), before.map(definitionOf))
        }).pipe(Effect.provide(Layer.fresh(runtime()))),
      { discard: true }
    )
  })

  it.effect("names where jobs came from, in an order of its own, and says what is no part of it", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { apply } = yield* Apply
      const define = (job: string) =>
        Schema.decodeUnknownSync(JobDefinition)({ name: job, agent_id: "agent", every: "5m" })
      yield* jobs.create(define("z"), "ada")
      yield* jobs.create(define("b"), "ada")
      yield* apply({ files: [{ path: "/x/a.symbi", text: printJobs([]) }] }, "cli")
      const text = `schedule { name: "y" agent: "agent" every: "5m" input: "\${SECRET}" }`
      yield* apply({ files: [{ path: "/x/b.symbi", text }] }, "cli")
      const lines = printJobs(yield* exportedJobs).split("\n")
      assert.match(lines[0] ?? "", /^# Symbiont Scheduler \d+\.\d+\.\d+: 3 schedules/)
      assert.deepStrictEqual(
        lines.filter((line) => /^# (from|made)|name:|input:/.test(line)),
        ["# from /x/b.symbi", '  name: "y"', `  input: "\${SECRET}"`, "# made by hand", '  name: "b"', '  name: "z"']
      )
    }).pipe(Effect.provide(runtime()))
  )
})
