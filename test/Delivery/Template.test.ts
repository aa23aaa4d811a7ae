import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import type { DeliveryNotes } from "../../src/Delivery/CurrentDelivery.ts"
import { maxRendered } from "../../src/Delivery/Template/Render.ts"
import { parseTemplate, renderTemplate, type TemplateFacts } from "../../src/Delivery/Template.ts"
import { TimeZone } from "../../src/Domain/Schedule.ts"
import { finishedRun, jobNamed } from "./fixtures.ts"

const notes: DeliveryNotes = {
  id: "dlv_01jq0000000000000000000000",
  kind: "output",
  subject: "[symbi] nightly succeeded"
}

const facts = (change: Partial<TemplateFacts> = {}): TemplateFacts => ({
  job: { ...jobNamed("nightly"), labels: ["db", "eu"], timezone: TimeZone.make("Europe/Berlin") },
  run: finishedRun(),
  output: "fine",
  notes,
  baseUrl: "https://symbi.example.com",
  ...change
})

const failed = facts({ run: finishedRun({ status: "failed", error_message: "it broke" }), output: "it broke" })

const filled = (template: string, given: TemplateFacts = facts()): string =>
  Either.getOrThrowWith(renderTemplate(template, given), (message) => new Error(message))

const problem = (template: string): string => Either.getOrThrow(Either.flip(renderTemplate(template, facts())))

describe("a template", () => {
  const cases: ReadonlyArray<readonly [template: string, expected: string]> = [
    ["{{job.name}} {{ job.agent_id }} {{job.labels}} [{{job.description}}]", "nightly probe db, eu []"],
    ["{{run.id}} {{run.status}} {{run.trigger}}", "run_01jq0000000000000000000000 succeeded schedule"],
    ["{{run.scheduled_for}} {{run.finished_at}}", "2026-02-15T14:29:00Z 2026-02-15T14:30:00Z"],
    ["{{run.started_at | local}}", "2026-02-15 15:29:00 Europe/Berlin"],
    ["{{run.duration}} {{run.attempts}} [{{run.error}}{{run.reason}}]", "1m 0 []"],
    ["{{run.link}}", "https://symbi.example.com/api/v1/runs/run_01jq0000000000000000000000"],
    ["{{subject}}: {{event}}, {{delivery.id}}", "[symbi] nightly succeeded: success, dlv_01jq0000000000000000000000"],
    ["{{output|upper}} {{output | upper | lower | trim}}", "FINE fine"],
    [`{"text": {{output | json}}}`, `{"text": "fine"}`],
    [`{{run.error | default:"no \\"error\\"" | upper}}`, `NO "ERROR"`],
    [`{{run.error | default:"" | json}}`, `""`],
    [`{{"{{"}}name}} }}`, "{{name}} }}"],
    ["{{output | truncate:3}} {{output | truncate:4}}", "fi… fine"],
    [`{{"a😀b" | truncate:3}}`, "a…"],
    [`{{"\\n one \\r\\ntwo" | first_line}}|`, "one|"],
    [`{{#if run.error}}bad{{else}}good{{/if}}`, "good"],
    [`{{#if event == "success"}}+{{/if}}{{#if event != "success"}}-{{/if}}`, "+"],
    [`{{#if run.status=="failed"}}a{{else}}{{#if job.name == "nightly"}}b{{/if}}{{/if}}`, "b"],
    ["one\n{{#if output}}\n  two\n{{else}}\n  three\n  {{/if}}  \nfour\n", "one\n  two\nfour\n"],
    ["{{#if output}}\r\ntwo\r\n{{/if}}", "two\r\n"],
    ["a {{#if output}}\nb {{/if}}\nc", "a \nb \nc"],
    ["", ""]
  ]
  for (const [template, expected] of cases) {
    it(`${JSON.stringify(template)} gives ${JSON.stringify(expected)}`, () =>
      assert.strictEqual(filled(template), expected))
  }

  it("knows what a notice tells of, and how a run ended", () => {
    assert.strictEqual(filled("{{event}}", failed), "failure")
    for (const kind of ["dead_letter", "approval", "undelivered"] as const) {
      assert.strictEqual(filled("{{event}}", facts({ notes: { ...notes, kind } })), kind)
    }
    assert.strictEqual(filled("{{event}}", facts({ run: finishedRun({ status: "missed" }) })), "skipped")
    const denied = facts({ run: finishedRun({ status: "denied", reason: { code: "x", text: "not now" } }) })
    assert.strictEqual(filled("{{run.reason}}", denied), "not now")
  })

  it("shows an instant in the zone of all jobs where its own names none, and none where there is none", () => {
    const job = jobNamed("a")
    const template = "{{run.scheduled_for | local}}"
    assert.strictEqual(filled(template, facts({ job })), "2026-02-15 14:29:00 UTC")
    assert.strictEqual(filled(template, facts({ job, timezone: "Asia/Tokyo" })), "2026-02-15 23:29:00 Asia/Tokyo")
    assert.strictEqual(filled("[{{run.started_at | local}}]", facts({ run: finishedRun({ started_at: null }) })), "[]")
    assert.strictEqual(filled("[{{run.link}}]", facts({ baseUrl: null })), "[]")
  })

  it("changes the text between its places, and nothing that was put into them", () => {
    const given = facts({ output: `\${TOKEN}` })
    const shout = (text: string) => text.replaceAll(`\${TOKEN}`, "secret")
    assert.deepStrictEqual(
      renderTemplate(`\${TOKEN} {{output}} {{run.error | default:"\${TOKEN}"}}`, given, shout),
      Either.right(`secret \${TOKEN} \${TOKEN}`)
    )
  })

  const wrong: ReadonlyArray<readonly [template: string, message: string]> = [
    ["a\nb {{jb.name}}", 'line 2, column 5: there is no "jb.name"; did you mean job.name?'],
    ["{{constructor}}", 'line 1, column 3: there is no "constructor"; the names are job.name, job.agent_id'],
    ["{{job.__proto__}}", 'line 1, column 3: there is no "job.__proto__"'],
    ["{{output | uper}}", 'column 12: there is no filter "uper"; did you mean upper?'],
    ["{{output | toString}}", 'there is no filter "toString"; the filters are json, upper'],
    ["{{output", "line 1, column 1: this {{ has no }}"],
    ["x {{output | ", "line 1, column 3: this {{ has no }}"],
    ["{{}}", `column 3: a name is missing here; for a literal {{ write {{"{{"}}`],
    ["{{{output}}}", `column 3: "{" cannot stand here; for a literal {{ write {{"{{"}}`],
    [`{{"abc}}`, "column 3: this text has no closing quote on its line"],
    [`{{"a\\qb"}}`, "has an unknown escape"],
    ["{{output output}}", "column 10: filters follow after |"],
    ["{{output |}}", "column 11: | needs a filter after it"],
    ["{{output | json | upper}}", `column 19: json comes last; "upper" would break its quotes`],
    [
      "{{output | local}}",
      "column 12: local comes first, after one of run.scheduled_for, run.started_at, run.finished_at"
    ],
    ["{{run.started_at | upper | local}}", "local comes first"],
    ["{{output | truncate}}", "column 12: truncate needs a length from 1 to 1000000, such as truncate:200"],
    ["{{output | truncate:0}}", "column 21: truncate needs a length"],
    ["{{output | default:5}}", 'column 20: default needs a text, such as default:"none"'],
    ["{{output | upper:1}}", "column 17: upper takes nothing after it"],
    ["{{#if}}a{{/if}}", "column 6: #if needs a name, such as run.error"],
    [`{{#if event == "failed"}}{{/if}}`, 'column 16: event is never "failed"; it is one of success, failure'],
    [`{{#if event == output}}{{/if}}`, "column 16: == needs a text in double quotes"],
    [`{{#if event | upper}}{{/if}}`, "column 13: a name in #if is followed by ==, != or }}"],
    ["{{#if output}}a", "column 1: this {{#if …}} has no {{/if}}"],
    ["a{{/if}}", "column 2: {{/if}} has no {{#if …}} before it"],
    ["{{else}}", "{{else}} has no {{#if …}} before it"],
    ["{{#if output}}{{else}}{{else}}{{/if}}", "column 23: this {{#if …}} has an {{else}} already"],
    ["{{else output}}", "column 8: {{else}} stands alone"],
    ["{{#if output}}".repeat(17), "more than 16 #if inside each other"],
    [`{{output${" | upper".repeat(9)}}}`, "column 76: more than 8 filters in one place"],
    ["x".repeat(16_385), "a template has at most 16 KiB"]
  ]
  for (const [template, message] of wrong) {
    it(`${JSON.stringify(template.slice(0, 60))} is refused: ${message}`, () =>
      assert.include(problem(template), message))
  }

  it("gives at most 1 MiB, and says that it was cut", () => {
    const long = facts({ output: "ü".repeat(600_000) })
    const text = filled("<{{output}}>", long)
    assert.isTrue(text.endsWith("ü\n… (cut: a template gives at most 1 MiB)"))
    assert.isAtMost(Buffer.byteLength(text), maxRendered + 50)
    const exact = facts({ output: "x".repeat(maxRendered) })
    assert.strictEqual(filled("{{output}}", exact), exact.output)
  })

  it("ends soon whatever its filters are given to do", () => {
    const many = "{{output | upper | lower | truncate:1}}".repeat(400)
    assert.include(filled(many, facts({ output: "x".repeat(5_000_000) })), "… (cut")
  })

  it("shows nothing of a place at which its filters have done too much", () => {
    const place = `{{output${" | upper | lower".repeat(2)} | upper | truncate:1}}`
    const long = facts({ output: "x".repeat(maxRendered) })
    assert.strictEqual(filled(place.repeat(2), long), "……")
    assert.match(filled(place.repeat(4), long), /^……\n… \(cut: the filters of this template have too much to do/)
    assert.match(filled("{{output | json}}".repeat(2), long), /cut: a template gives/)
  })
})

const pieces = fc.constantFrom(
  ...[
    "{{",
    "}}",
    "{{output}}",
    "{{#if output}}",
    "{{else}}",
    "{{/if}}",
    "|",
    "json",
    '"',
    "\\",
    "\n",
    " ",
    "==",
    "event"
  ]
)
const nearlyTemplates = fc.array(fc.oneof(pieces, fc.string({ maxLength: 4 }))).map((parts) => parts.join(""))

describe("any template", () => {
  it("never throws, and is read the same when it is checked as when it is filled in", () =>
    fc.assert(
      fc.property(nearlyTemplates, fc.string(), (template, output) => {
        const rendered = renderTemplate(template, facts({ output }))
        assert.strictEqual(Either.isRight(rendered), Either.isRight(parseTemplate(template)))
      }),
      { numRuns: 2_000 }
    ))

  it("names a place within its text when it is refused", () =>
    fc.assert(
      fc.property(nearlyTemplates, (template) => {
        const parsed = parseTemplate(template)
        if (Either.isRight(parsed)) return
        const { column, line } = parsed.left
        const lines = template.split("\n")
        assert.isAtMost(line, lines.length)
        assert.isAtMost(column, (lines[line - 1]?.length ?? 0) + 1)
        assert.isAtLeast(Math.min(line, column), 1)
      }),
      { numRuns: 2_000 }
    ))

  it("without {{ is itself", () =>
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        fc.pre(!text.includes("{{"))
        assert.strictEqual(filled(text), text)
      })
    ))

  it("shows a value as it is, whatever stands in it, and as JSON that reads back", () =>
    fc.assert(
      fc.property(fc.oneof(nearlyTemplates, fc.string({ unit: "binary" })), (output) => {
        const given = facts({ output })
        assert.strictEqual(filled("<{{output}}>", given), `<${output}>`)
        assert.strictEqual(JSON.parse(filled("{{output | json}}", given)), output)
      })
    ))

  it("shows any text between quotes", () =>
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.strictEqual(filled(`{{${JSON.stringify(text)}}}`), text)
      })
    ))
})
