import { execFileSync, spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { allShapes } from "../../src/Cli/AllShapes.ts"
import { emptyOption, readLine } from "../../src/Cli/Argv.ts"
import { completionScript } from "../../src/Cli/Completions.ts"
import { mainPage, pageOf } from "../../src/Cli/Help.ts"
import { helpTexts } from "../../src/Cli/HelpTexts.ts"
import { misuseOf } from "../../src/Cli/Misuse.ts"
import type { CommandShape } from "../../src/Cli/Shape.ts"
import { widthOf } from "../../src/Cli/Width.ts"
import { symbi } from "../support/Symbi.ts"

const flat = (shapes: ReadonlyArray<CommandShape>): ReadonlyArray<CommandShape> =>
  shapes.flatMap((shape) => [shape, ...flat(shape.commands)])

/** The words of a line as a shell would split it, without pipes and redirections. */
const wordsOf = (line: string): ReadonlyArray<string> =>
  [...line.replace(/ (<|>>?|\|) .*$/, "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? ""
  )

describe("help", () => {
  it.effect("has a page of at most 80 columns for each command, with a summary and examples", () =>
    Effect.gen(function* () {
      const shapes = yield* allShapes
      for (const shape of flat(shapes)) {
        const page = pageOf(shape)
        for (const line of page.split("\n")) assert.isAtMost(widthOf(line), 80, line)
        assert.isNotEmpty(shape.summary, shape.words.join(" "))
        assert.notMatch(page, /user-defined|This setting|undefined|null/)
        assert.match(page, /\nEXAMPLES\n {2}\S/, shape.words.join(" "))
        for (const one of [...shape.options, ...shape.arguments]) assert.isNotEmpty(one.text, page)
      }
      const main = mainPage(shapes, "1.2.3")
      for (const line of main.split("\n")) assert.isAtMost(widthOf(line), 80, line)
      for (const shape of flat(shapes)) assert.match(main, new RegExp(`\\b${shape.words.at(-1)}\\b`))
    })
  )

  it.effect("has no texts of commands that are gone, and no examples that are wrong", () =>
    Effect.gen(function* () {
      const shapes = flat(yield* allShapes)
      const byName = new Map(shapes.map((shape) => [shape.words.join(" "), shape]))
      for (const [name, { examples }] of Object.entries(helpTexts)) {
        assert.isTrue(name === "" || byName.has(name), name)
        for (const example of examples) {
          const words = wordsOf(example.replace(/^source <\((.*)\)$/, "$1"))
          assert.strictEqual(words[0], "symbi", example)
          assert.isAtMost(example.length, 78, example)
          if (words[1] === "help") continue
          const shape = byName.get(words.slice(1, 3).join(" ")) ?? byName.get(words[1] ?? "")
          assert.isDefined(shape, example)
          if (shape !== undefined) {
            assert.isEmpty(shape.commands, example)
            assert.isUndefined(misuseOf(shape, readLine(words.slice(1))), example)
          }
        }
      }
    })
  )

  it.effect("is the same by help, by --help and where it was made", () =>
    Effect.gen(function* () {
      const shapes = yield* allShapes
      const list = flat(shapes).find(({ words }) => words.join(" ") === "cron list")
      const page = list === undefined ? "" : `${pageOf(list)}\n`
      for (const words of [
        ["help", "cron", "list"],
        ["cron", "list", "--help"],
        ["cron", "list", "x", "--limit", "3", "-h"]
      ]) {
        assert.deepStrictEqual(yield* symbi(words), { code: 0, stdout: page, stderr: "" })
      }
      const group = yield* symbi(["cron"])
      assert.strictEqual(group.stdout, (yield* symbi(["help", "cron"])).stdout)
      assert.strictEqual((yield* symbi([])).stdout, (yield* symbi(["help"])).stdout)
    })
  )
})

describe("readLine", () => {
  it.effect("knows every option that takes no value, and refuses every empty one that may be repeated", () =>
    Effect.gen(function* () {
      for (const { options, words } of flat(yield* allShapes)) {
        for (const { names, repeated, value } of options) {
          for (const name of names) {
            const { options, operands } = readLine([...words, name, "next", "--other", "value"])
            const taken = value === undefined ? { name, value } : { name, value: "next" }
            assert.deepStrictEqual(options, [taken, { name: "--other", value: "value" }])
            if (words.length > 1 || value !== undefined) {
              assert.deepStrictEqual(operands, value === undefined ? ["next"] : [])
            }
          }
          if (repeated && words[0] !== "apply") {
            assert.strictEqual(emptyOption(readLine([...words, names[0], ""])), names[0])
          }
        }
      }
    })
  )
})

const hasFish = spawnSync("fish", ["--version"]).status === 0

describe("completions", () => {
  const inBash = (script: string, line: ReadonlyArray<string>): ReadonlyArray<string> =>
    execFileSync(
      "bash",
      [
        "-c",
        `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _symbi; echo "\${COMPREPLY[*]}"`,
        "bash",
        ...line
      ],
      { encoding: "utf8" }
    )
      .trim()
      .split(" ")

  it.effect("complete commands, options and their words in bash", () =>
    Effect.gen(function* () {
      const script = completionScript("bash", yield* allShapes)
      execFileSync("bash", ["-n", "-c", script])
      for (const [line, completed] of [
        [["symbi", "cr"], ["cron"]],
        [
          ["symbi", "cron", "re"],
          ["remove", "resume", "reset"]
        ],
        [["symbi", "help", "cron", "li"], ["list"]],
        [["symbi", "cron", "list", "--st"], ["--status"]],
        [["symbi", "cron", "list", "--status", "p"], ["paused"]],
        [
          ["symbi", "--server", "http://x", "cron", "history", "--format", ""],
          ["table", "json", "csv"]
        ],
        [["symbi", "approvals", "list", "--state", "de"], ["denied"]],
        [["symbi", "apply", "--dr"], ["--dry-run"]],
        [
          ["symbi", "completions", ""],
          ["bash", "zsh", "fish", "--server", "--help"]
        ],
        [["symbi", "apply", "-f", ""], [""]]
      ] as const) {
        assert.deepStrictEqual(inBash(script, line), completed, line.join(" "))
      }
    })
  )

  it.effect.runIf(hasFish)("complete them in fish", () =>
    Effect.gen(function* () {
      const script = completionScript("fish", yield* allShapes)
      const inFish = (line: string): ReadonlyArray<string> =>
        execFileSync("fish", ["--no-config", "-c", 'eval $argv[1]; complete -C "$argv[2]"', script, line], {
          encoding: "utf8",
          cwd: "/"
        })
          .trim()
          .split("\n")
          .map((one) => one.split("\t")[0] ?? "")
      for (const [line, completed] of [
        ["symbi cr", ["cron"]],
        ["symbi cron re", ["remove", "reset", "resume"]],
        ["symbi help cron li", ["list"]],
        ["symbi cron list --st", ["--status"]],
        ["symbi cron list --status p", ["paused"]],
        ["symbi cron list x --form", ["--format"]],
        ["symbi --server http://x cron li", ["list"]],
        ["symbi --server http://x cron history --format ", ["csv", "json", "table"]],
        ["symbi completions ", ["bash", "fish", "zsh"]]
      ] as const) {
        assert.deepStrictEqual(inFish(line).toSorted(), [...completed], line)
      }
      assert.include(inFish("symbi "), "agentpin")
      assert.notInclude(inFish("symbi cron list "), "remove")
    })
  )

  it.effect("name every command in each shell", () =>
    Effect.gen(function* () {
      const shapes = yield* allShapes
      for (const shell of ["bash", "zsh", "fish"] as const) {
        const script = completionScript(shell, shapes)
        for (const { words } of flat(shapes)) assert.match(script, new RegExp(`\\b${words.at(-1)}\\b`))
        assert.strictEqual((yield* symbi(["completions", shell])).stdout, `${script}\n`)
      }
    })
  )
})
