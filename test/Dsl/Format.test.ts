import { readdirSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { formatFile } from "../../src/Dsl.ts"
import { holdsFor } from "./Damage.ts"
import { fixture } from "./support.ts"

const format = (text: string): string => Either.getOrThrow(formatFile(text, "a.symbi"))

describe("formatFile", () => {
  it("brings a text into its layout", () => {
    const text = [
      "",
      "# top  ",
      "",
      "",
      'schedule   s{agent:"a",cron : "@daily"   # c',
      "",
      "   # c2",
      "     policy{ max_runtime=5m",
      '   allowed_hours:{start:"00:00" end:"04:00"}',
      "",
      "   }",
      ' labels:[ "a" ,"b",',
      '\t"c"',
      "   ]",
      " input:",
      '  "x"',
      "}",
      "agent a(x:Y,",
      "   z: W)->R",
      "{",
      '\tcommand=["x"] env{}',
      "}  # end",
      "# about t",
      "schedule t { }"
    ].join("\n")
    assert.strictEqual(
      format(text),
      [
        "# top",
        "",
        'schedule s { agent: "a", cron: "@daily"  # c',
        "",
        "  # c2",
        "  policy { max_runtime = 5m",
        '    allowed_hours: { start: "00:00" end: "04:00" }',
        "  }",
        '  labels: ["a", "b",',
        '    "c"',
        "  ]",
        "  input:",
        '    "x"',
        "}",
        "",
        "agent a(x:Y,",
        "  z: W)->R",
        "{",
        '  command = ["x"] env {}',
        "}  # end",
        "",
        "# about t",
        "schedule t {}",
        ""
      ].join("\n")
    )
  })

  it("leaves texts between triple quotes as they are", () => {
    const prompt = '"""\n One\n\n\n\tTwo   \n"""'
    assert.strictEqual(
      format(`agent a {\n      model:m\n      system_prompt :   ${prompt}   # c\n}`),
      `agent a {\n  model: m\n  system_prompt: ${prompt}  # c\n}\n`
    )
  })

  it("moves what it does not know as a whole, keeping its inner layout", () => {
    const text = [
      "agent a {",
      "    policy guard {",
      '        allow:   ["x"]',
      "            if  a<=1   // why",
      "",
      "\todd",
      "      short",
      "    }",
      "}"
    ].join("\n")
    assert.strictEqual(
      format(text),
      [
        "agent a {",
        "  policy guard {",
        '      allow:   ["x"]',
        "          if  a<=1   // why",
        "",
        "\todd",
        "    short",
        "  }",
        "}",
        ""
      ].join("\n")
    )
  })

  it("keeps a byte order mark and Windows line ends, and ends with one", () => {
    assert.strictEqual(
      format("\uFEFFschedule s {\r\nagent:a\r\n}\r\n\r\n"),
      "\uFEFFschedule s {\r\n  agent: a\r\n}\r\n"
    )
  })

  it("takes a text of nothing, and of comments alone", () => {
    assert.deepStrictEqual(["", "\n\n", "  # a", "\n\n// a\n\n\n# b"].map(format), ["", "", "# a\n", "// a\n\n# b\n"])
  })

  it("gives the syntax errors of a text that cannot be read, and only those", () => {
    const result = formatFile("schedule s {\n  agent a\n  oops 1\n  max_retries: no\n", "a.symbi")
    assert.deepStrictEqual(Either.isLeft(result) && result.left.map((d) => `${d.line}:${d.column} ${d.message}`), [
      "1:12 syntax error: this '{' is never closed"
    ])
    assert.isTrue(Either.isRight(formatFile("schedule s {\n  agent a\n  max_retries: no\n}", "a.symbi")))
  })

  for (const name of readdirSync(new URL("../fixtures/dsl", import.meta.url))) {
    it(`keeps what ${name} means`, () => holdsFor(fixture(name)))
  }

  it("changes nothing about the guide's own examples", () => {
    for (const name of readdirSync(new URL("../fixtures/dsl", import.meta.url))) {
      if (name.startsWith("guide_") && name.endsWith(".symbi")) assert.strictEqual(format(fixture(name)), fixture(name))
    }
  })
})
