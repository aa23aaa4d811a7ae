import { assert, describe, it } from "@effect/vitest"
import { hints, read } from "./support.ts"

const of = (entry: string) => read(`schedule s {\n  agent: a\n  cron: "@daily"\n  ${entry}\n}`)

describe("durations", () => {
  for (const text of ["0", '"0"', "-5m", '"-5m"', "5x", '"5x"', '""', "0s", "1.5", "5m5m", "1m1h", '"5 m"', "-30"]) {
    it(`refuse ${text}, at its place`, () => {
      const { diagnostics, schedules } = of(`max_runtime: ${text}`)
      assert.deepStrictEqual(
        diagnostics.map((d) => [d.severity, d.line, d.column, d.length]),
        [["error", 4, 16, text.length]]
      )
      assert.deepStrictEqual(schedules, [])
    })
  }
})

describe("what people write by habit", () => {
  const cases: ReadonlyArray<readonly [what: string, text: string, hint: string]> = [
    ["single quotes", "schedule s { agent: 'a' every: 5m }", 'strings stand in double quotes: "…"'],
    [
      "a variable without quotes",
      `schedule s { agent: a every: 5m input: \${X} }`,
      `a variable stands in double quotes: "\${…}"`
    ],
    ["semicolons", "schedule s { agent: a; every: 5m }", "entries end with their line or with a comma; remove the ;"],
    [
      "an address without quotes",
      "schedule s {\n agent: a every: 5m\n webhook_url: https://x.example\n}",
      'an address stands in double quotes: "https://…"; elsewhere // begins a comment'
    ],
    [
      "block comments",
      "/* x */ schedule s { agent: a every: 5m }",
      "comments begin with # or // and end with their line"
    ],
    [
      "a diff",
      "schedule s {\n+ agent: a\n}",
      "in a diff, take the first character off each line (and the lines that begin with -)"
    ]
  ]
  for (const [what, text, hint] of cases) {
    it(`meets ${what} with a hint`, () => assert.include(hints(read(text)), hint))
  }
})
