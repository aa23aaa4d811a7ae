import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { PreviewRequest, strict } from "../src/Api.ts"
import { decoderOf, encoderOf } from "../src/Codec.ts"
import { Job, JobDefinition, JobPatch, JobWithWarnings } from "../src/Domain/Job.ts"

const definition = {
  name: "report",
  agent_id: "reporter",
  cron_expr: "0 9 * * MON",
  timezone: "Europe/Berlin",
  dst: { gap: "skip", fold: "both" },
  every: "90s",
  at: "2030-01-01T00:00:00Z",
  description: "what it does",
  misfire: "run_all",
  max_catchup: 3,
  input: "go",
  gate: { url: "https://gate.example/x" },
  heartbeat: { enabled: true, context_mode: "shared_persistent", max_iterations: 3 },
  success_when: { exit_code: 0 },
  budget: { per_day: { tokens: 1_000 } },
  webhook_headers: { a: "b" },
  email_recipients: ["a@example.org"],
  deliver_on: ["success"],
  policy: { allowed_hours: { start: "09:00", end: "17:00" }, require_approval: true },
  max_retries: 2,
  retry: { attempts: 2, backoff: "30s" },
  max_runtime: "none",
  keep_runs: 5,
  one_shot: false,
  session_mode: "fully_ephemeral",
  delivery: ["stdout", "custom:pager"],
  max_concurrent: 2,
  overlap: "queue_one",
  labels: ["a", "b"],
  from: "2026-01-01T01:00:00+01:00",
  count: 3,
  unknown: 1
}

const junk = FastCheck.oneof(
  FastCheck.jsonValue(),
  FastCheck.constantFrom<unknown>(null, "", -1, 1.5, [], {}, ["x"], { a: 1 }, "P1D", "2026-01-01T00:00:00Z")
)

/** Some of the keys above, each with its value or with anything. */
const objects = FastCheck.record(
  Object.fromEntries(
    Object.entries(definition).map(([key, value]) => [
      key,
      FastCheck.oneof({ arbitrary: FastCheck.constant<unknown>(value), weight: 60 }, { arbitrary: junk, weight: 1 })
    ])
  ),
  { requiredKeys: [] }
)
const inputs = FastCheck.oneof({ arbitrary: objects, weight: 20 }, { arbitrary: junk, weight: 1 })

const seen = <A>(result: Either.Either<A, ParseResult.ParseIssue>) =>
  Either.mapLeft(result, (issue) => ParseResult.ArrayFormatter.formatIssueSync(issue))

describe("decoderOf", () => {
  const schemas: Readonly<Record<string, Schema.Schema<unknown, unknown>>> = {
    JobDefinition: strict(JobDefinition) as never,
    JobPatch: strict(JobPatch) as never,
    PreviewRequest: strict(PreviewRequest) as never,
    lenient: JobDefinition as never
  }
  for (const [name, schema] of Object.entries(schemas)) {
    it(`takes and refuses what the schema does, with the same issues: ${name}`, () => {
      const decode = decoderOf(schema)
      const whole = ParseResult.decodeUnknownEither(schema)
      let taken = 0
      FastCheck.assert(
        FastCheck.property(inputs, (input) => {
          const [one, other] = [seen(decode(input)), seen(whole(input))]
          if (Either.isRight(one)) taken++
          assert.deepStrictEqual(one, other)
        })
      )
      const { unknown: _, from: _from, count: _count, ...known } = definition
      assert.deepStrictEqual(seen(decode(known)), seen(whole(known)))
      const few = { cron_expr: "@daily", name: "n" }
      assert.deepStrictEqual(seen(decode(few)), seen(whole(few)))
      if (name === "lenient") assert.isAbove(taken, 0)
    })
  }
  it("gives no default away to be changed by another", () => {
    const decode = decoderOf(
      JobDefinition as never as Schema.Schema<{ readonly labels: ReadonlyArray<string> }, unknown>
    )
    const make = () => Either.getOrThrow(decode({ name: "a", agent_id: "b" }))
    assert.deepStrictEqual(make(), make())
  })
})

const job: JobWithWarnings = {
  ...Schema.decodeUnknownSync(JobDefinition)({ name: "report", agent_id: "reporter", every: "90s", labels: ["x"] }),
  ...{ id: "job_01jq0000000000000000000000" as Job["id"], status: "active", paused_by: null, failure_count: 0 },
  ...{ next_run: 1_800_000_000_123, quiet_until: null, last_run: null, created_at: 1, updated_at: 2, version: 3 },
  source_file: null,
  warnings: ["a warning"]
}

describe("encoderOf", () => {
  it("encodes as the schema does, and leaves out what the schema does not know", () => {
    const stored = { ...job, anchor: 7, defined_by: "api", nothing: undefined }
    assert.deepStrictEqual(encoderOf(JobWithWarnings)(stored), Schema.encodeSync(JobWithWarnings)(job))
    assert.deepStrictEqual(encoderOf(Schema.Array(Job))([stored]), Schema.encodeSync(Schema.Array(Job))([job]))
  })

  it("reads through unions, records, nulls and transformations within others", () => {
    const Inner = Schema.Struct({ at: Schema.NullOr(Schema.DateFromString), n: Schema.NumberFromString })
    const Whole = Schema.Struct({
      either: Schema.Union(Inner, Schema.String),
      all: Schema.Record({ key: Schema.String, value: Inner }),
      words: Schema.Record({ key: Schema.String, value: Schema.String }),
      list: Schema.Array(Schema.optionalWith(Inner, { default: () => ({ at: null, n: 1 }) }).pipe(() => Inner)),
      pair: Schema.Tuple(Schema.NumberFromString, Schema.String),
      named: Schema.optional(Schema.String).pipe(Schema.fromKey("other")),
      or: Schema.optionalWith(Schema.NumberFromString, { exact: true, default: () => 3 })
    })
    const inner = { at: new Date(0), n: 4 }
    const value = {
      ...{ either: inner, all: { a: { at: null, n: 2 } }, words: { b: "c" }, list: [inner], pair: [1, "x"] as const },
      ...{ named: "n", or: 5 }
    }
    assert.deepStrictEqual(encoderOf(Whole)(value), Schema.encodeSync(Whole)(value))
  })
})
