import { assert, describe, it } from "@effect/vitest"
import { successIssues, whyNoSuccess } from "../src/Success.ts"

const why = (when: Parameters<typeof whyNoSuccess>[0], output: string, exit_code?: number) =>
  whyNoSuccess(when, { output, exit_code })

describe("success_when", () => {
  it("asks nothing unless it is given", () => {
    assert.isUndefined(why(undefined, ""))
    assert.isUndefined(why({}, "", 0))
  })

  it("takes the exit codes that are named, and no others", () => {
    assert.isUndefined(why({ exit_code: 3 }, "", 3))
    assert.isUndefined(why({ exit_code: [0, 3] }, "", 0))
    assert.strictEqual(
      why({ exit_code: [2, 3] }, "", 0),
      "success_when.exit_code: it exited with code 0, and 2, 3 is asked for"
    )
    assert.include(why({ output_matches: "x" }, "x", 1) ?? "", "exited with code 1")
  })

  it("looks for a pattern anywhere in the output", () => {
    assert.isUndefined(why({ output_matches: "(?i)backup (done|finished)" }, "12 files\nBackup done.\n"))
    assert.include(why({ output_matches: "^done$" }, "not done yet") ?? "", "nothing in the output matches ^done$")
  })

  it("answers at once where a backtracking engine would take for ever", () => {
    assert.isString(why({ output_matches: "(a+)+$" }, `${"a".repeat(50_000)}b`))
  })

  it("reads the output, or its last line, as JSON", () => {
    assert.isUndefined(why({ json_path: "$.done" }, '{"done": true}'))
    assert.isUndefined(why({ json_path: "$.done" }, 'looking\n{ not this }\n{"done":1}\n'))
    assert.include(why({ json_path: "$.done" }, "all is well") ?? "", "neither the output nor its last line is JSON")
  })

  it.each([
    ["$.done", '{"done": false}', false],
    ["$.done", '{"done": null}', false],
    ["$.done", "{}", false],
    ["$.done", '{"done": 0}', true],
    ["$.items[*].ok", '{"items": [{"ok": true}, {"ok": true}]}', true],
    ["$.items[*].ok", '{"items": [{"ok": true}, {"ok": false}]}', false],
    ["$.errors == 0", '{"errors": 0}', true],
    ["$.errors == 0", '{"errors": 1}', false],
    ["$.errors == 0", "{}", false],
    ["!$.error", "{}", true],
    ["length($) == 0", "[]", true],
    ["$ == 5", "5", true],
    ["$ == 5", "6", false],
    ["length($.items) > 1 && $.state == 'ready'", '{"items": [1, 2], "state": "ready"}', true],
    ["length($.items) > 1 && $.state == 'ready'", '{"items": [1], "state": "ready"}', false],
    ["$[?@.state == 'failed']", '[{"state": "ok"}, {"state": "failed"}]', true],
    ["$[?@.state == 'failed']", '[{"state": "ok"}]', false]
  ])("%s of %s holds: %s", (json_path, output, expected) => {
    assert.strictEqual(why({ json_path }, output) === undefined, expected)
  })

  it("is not met by what is nested too deep to look into", () => {
    const deep = `${"[".repeat(5_000)}${"]".repeat(5_000)}`
    assert.include(why({ json_path: "$..done" }, deep) ?? "", "nested too deep")
  })

  it("says what is wrong with a condition, and where", () => {
    assert.deepStrictEqual(successIssues({ json_path: "$.ok", output_matches: "done" }), [])
    const [pattern, path] = successIssues({ output_matches: "(", json_path: "done is true" })
    assert.deepInclude(pattern, { path: "success_when.output_matches" })
    assert.include(pattern?.message ?? "", "missing closing )")
    assert.deepInclude(path, { path: "success_when.json_path" })
    assert.include(path?.message ?? "", '"$.errors == 0"')
  })

  it("refuses what would take too much work on a large output", () => {
    for (const json_path of ["$..a..b", "$[?@[?@.a]]", "$[?count($[*])>0]", "match($.a, '(a+)+')"]) {
      assert.lengthOf(successIssues({ json_path }), 1, json_path)
    }
  })
})
