import { assert, describe, it } from "@effect/vitest"
import { toolIssues } from "../../src/Domain/ToolIssues.ts"
import { parseFile } from "../../src/Dsl.ts"
import { modelAgent } from "../Agents/toolFixtures.ts"

const issuesOf = (tool: Readonly<Record<string, unknown>>) =>
  toolIssues(modelAgent({ tools: { t: tool } })).map(({ message, path }) => `${path}: ${message}`)

const echo = (parameters: Readonly<Record<string, unknown>>, ...args: ReadonlyArray<string>) => ({
  command: ["echo", ...args],
  parameters
})

describe("toolIssues", () => {
  it("finds nothing wrong with sound tools", () => {
    assert.deepStrictEqual(
      toolIssues(
        modelAgent({
          tools: {
            log: echo({ n: { type: "integer", max: 9 }, word: { values: ["-a", "b"] } }, "{n}", "--word={word}", "{n}"),
            get: { http_get: ["example.com", "*.example.org:8080"], headers: { "X-Key": `\${KEY}` } },
            tell: { notify: "slack" },
            files: { read_files: "notes" }
          }
        })
      ),
      []
    )
  })

  for (const [what, tool, expected] of [
    [
      "a pattern that is no RE2",
      echo({ a: { pattern: "(?=a)" } }, "{a}"),
      /^tools\.t\.parameters\.a\.pattern: is no RE2/
    ],
    ["a placeholder without parameter", echo({}, "x", "{a}"), /^tools\.t\.command\.2: \{a\} names no parameter/],
    ["a parameter of the prototype", echo({}, "{toString}"), /^tools\.t\.command\.1: \{toString\} names no parameter/],
    ["a parameter that nothing names", echo({ a: { values: ["x"] } }), /^tools\.t\.parameters\.a: no argument/],
    ["a string of any text", echo({ a: {} }, "{a}"), /^tools\.t\.parameters\.a: a string needs values/],
    ["values and pattern", echo({ a: { values: ["x"], pattern: "x" } }, "{a}"), /\.pattern: takes only one/],
    [
      "a program to choose",
      { command: ["{p}"], parameters: { p: { values: ["x"] } } },
      /^tools\.t\.command\.0: the program/
    ],
    [
      "a bound that excludes all",
      echo({ a: { type: "integer", max: -1 } }, "{a}"),
      /\.max: is less than min \(0, as none/
    ],
    ["bounds of a string", echo({ a: { values: ["x"], min: 1 } }, "{a}"), /\.min: has no meaning for .* string/],
    ["a pattern of a number", echo({ a: { type: "number", pattern: "1" } }, "{a}"), /\.pattern: has no meaning/],
    ["a NUL", echo({ a: { values: ["a\0"] } }, "{a}"), /\.values\.0: .*NUL/],
    ["a name with a dash", echo({ "a-b": { values: ["x"] } }, "{a}"), /parameters\.a-b: the name of a parameter/],
    ["a host that is none", { http_get: ["http://x/"] }, /^tools\.t\.http_get\.0: "http:\/\/x\/" is no host/],
    [
      "parameters elsewhere",
      { notify: "slack", parameters: {} },
      /^tools\.t\.parameters: belongs to tools with 'command'/
    ],
    ["headers elsewhere", { read_files: ".", headers: {} }, /^tools\.t\.headers: belongs to tools with 'http_get'/],
    ["variables elsewhere", { http_get: ["a.b"], env: {} }, /^tools\.t\.env: belongs to tools with 'command'/]
  ] as const) {
    it(`finds ${what}`, () => {
      assert.isTrue(
        issuesOf(tool).some((issue) => expected.test(issue)),
        issuesOf(tool).join("\n")
      )
    })
  }

  it("is told at its place in a file", () => {
    const text = `agent a {
  model: "m"
  tools {
    t { command: ["echo", "{b}"], parameters { c { pattern: "(" } } }
  }
}`
    const { agents, diagnostics } = parseFile(text, "a.symbi")
    assert.deepStrictEqual(agents, [])
    assert.deepStrictEqual(
      diagnostics.map(({ column, line, message }) => [line, column, message.split(":")[0]]),
      [
        [4, 27, "'tools.t.command.1'"],
        [4, 50, "'tools.t.parameters.c'"],
        [4, 61, "'tools.t.parameters.c.pattern'"]
      ]
    )
  })
})
