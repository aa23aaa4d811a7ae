import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as FastCheck from "fast-check"
import { parserWords, readLine, unmarked } from "../../src/Cli/Argv.ts"
import { renderCsv } from "../../src/Cli/Csv.ts"
import { type Column, renderTable } from "../../src/Cli/Table.ts"
import { byLocalClock, relative } from "../../src/Cli/Times.ts"
import { cut, widthOf } from "../../src/Cli/Width.ts"
import { shortInstant } from "../../src/Domain/Instant.ts"

/** An independent reader of RFC 4180. */
const parseCsv = (text: string): Array<Array<string>> => {
  const records: Array<Array<string>> = [[""]]
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const record = records.at(-1) ?? []
    const char = text.charAt(i)
    const append = (part: string) => record.push((record.pop() ?? "") + part)
    if (quoted && char === '"' && text[i + 1] === '"') append(text.charAt(i++))
    else if (char === '"') quoted = !quoted
    else if (!quoted && char === ",") record.push("")
    else if (!quoted && char === "\r" && text[i + 1] === "\n") {
      records.push([""])
      i++
    } else append(char)
  }
  return records
}

const text = FastCheck.oneof(FastCheck.string(), FastCheck.stringMatching(/^[=+\-@,;"'\r\n\t a1.]{0,6}$/))

/** What spreadsheets may take for a formula, said without the expression that the code uses. */
const isFormula = (cell: string): boolean => {
  if (cell !== "" && !Number.isNaN(Number(cell)) && /^[-\d.]+$/.test(cell)) return false
  if (["\t", "\r", "\n"].includes(cell.charAt(0))) return true
  const first = [...cell].find((char) => char !== '"' && char !== "'" && char.trim() !== "")
  return first !== undefined && "=+-@＝＋－＠".includes(first)
}

describe("renderCsv", () => {
  it("is read back as it was written, but for the apostrophe before formulas", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.tuple(text, text), { maxLength: 5 }), (records) => {
        const read = parseCsv(renderCsv(["a", "b"], records))
        const expected = records.map((record) => record.map((cell) => (isFormula(cell) ? `'${cell}` : cell)))
        assert.deepStrictEqual(read, [["a", "b"], ...expected])
      })
    )
  })
})

const utc = (millis: number | null) => (millis === null ? "-" : shortInstant(millis))

describe("renderTable", () => {
  const columns: ReadonlyArray<Column<ReadonlyArray<string>>> = [
    { name: "ID", value: (row) => row[0] ?? "" },
    { name: "NAME", value: (row) => row[1] ?? "", flexible: true },
    { name: "MORE", value: (row) => row[2] ?? "", spare: true },
    { name: "USD", value: (row) => row[3] ?? "", optional: true }
  ]
  const id = FastCheck.stringMatching(/^[a-z0-9_]{1,20}$/)
  const unicode = FastCheck.string({ unit: "grapheme", maxLength: 40 })

  it("fits the terminal, with whole ids, without control characters, whatever the texts are", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.tuple(id, FastCheck.oneof(text, unicode), id), { minLength: 1, maxLength: 5 }),
        FastCheck.integer({ min: 32, max: 100 }),
        (rows, width) => {
          const table = renderTable(rows, columns, width, utc)
          for (const line of table.split("\n")) assert.isAtMost(widthOf(line), width, line)
          assert.notMatch(table.replaceAll("\n", ""), /[\p{Cc}\p{Bidi_Control}]/u)
          for (const [id] of rows) assert.include(table, id)
        }
      )
    )
  })

  it("is not cut where there is no terminal, and has no empty cells", () => {
    const long = "x".repeat(500)
    const table = renderTable(
      [
        ["a", long],
        ["b", "", "c"]
      ],
      columns,
      0,
      utc
    )
    assert.strictEqual(table.split("\n").length, 3)
    assert.include(table, long)
    assert.deepStrictEqual(
      table.split("\n").map((line) => line.split(/ +/).length),
      [3, 3, 3]
    )
  })

  it("shortens flexible columns, then leaves out spare ones, then goes on in blocks", () => {
    const row = ["0123456789", "a long name that gives way", "spare"]
    assert.strictEqual(
      renderTable([row], columns, 30, utc),
      "ID          NAME         MORE\n0123456789  a long nam…  spare"
    )
    assert.strictEqual(renderTable([row], columns, 22, utc), "ID          NAME\n0123456789  a long na…")
    assert.strictEqual(
      renderTable([row], columns, 16, utc),
      "ID    0123456789\nNAME  a long\n      name that\n      gives way\nMORE  spare"
    )
  })

  it("shows optional columns where a cell has something", () => {
    assert.notInclude(renderTable([["a", "b", "c", ""]], columns, 0, utc), "USD")
    assert.include(
      renderTable(
        [
          ["a", "b", "c", "1.5"],
          ["a", "b", "c", ""]
        ],
        columns,
        0,
        utc
      ),
      "USD"
    )
  })

  it("counts what a terminal shows: wide characters, emoji, combining marks", () => {
    for (const [text, width] of [
      ["abc", 3],
      ["日本語", 6],
      ["한글", 4],
      ["🎉", 2],
      ["👩‍👩‍👧‍👦", 2],
      ["🇩🇪", 2],
      ["❤️", 2],
      ["e\u0301", 1],
      ["é", 1],
      ["Ａ", 2],
      ["\u200b", 0]
    ] as const) {
      assert.strictEqual(widthOf(text), width, text)
    }
    assert.strictEqual(cut("日本語のジョブ", 7), "日本語…")
    assert.strictEqual(cut("日本語のジョブ", 8), "日本語…")
    assert.strictEqual(cut("e\u0301e\u0301e\u0301", 2), "e\u0301…")
  })
})

describe("times", () => {
  it("say how far an instant is, in one unit or two", () => {
    for (const [distance, text] of [
      [0, "now"],
      [999, "now"],
      [-59_000, "59s ago"],
      [270_000, "in 4m"],
      [3_600_000, "in 1h"],
      [7_140_000, "in 1h59m"],
      [10 * 3_600_000 + 60_000, "in 10h"],
      [-183_600_000, "2d3h ago"],
      [40 * 86_400_000, "in 40d"]
    ] as const) {
      assert.strictEqual(relative(1_000_000_000_000 + distance, 1_000_000_000_000), text)
    }
  })

  it("by the machine's clock have their offset, and are the instant", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
        const text = byLocalClock(seconds * 1_000)
        assert.match(text, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d$/)
        assert.strictEqual(Date.parse(text.replace(" ", "T")), seconds * 1_000)
      })
    )
  })
})

describe("parserWords", () => {
  const ordered = (...words: ReadonlyArray<string>) => parserWords(readLine(words))

  it("puts the server first, then the command, its flags and the rest", () => {
    assert.deepStrictEqual(ordered("cron", "history", "job", "--limit", "5", "--server", "http://x"), [
      "--server",
      "http://x",
      "cron",
      "history",
      "--limit",
      "5",
      "job"
    ])
    assert.deepStrictEqual(ordered("cron", "remove", "job", "--force"), ["cron", "remove", "--force", "true", "job"])
  })

  it("shows the parser no words that look like options and are none, and gives them back as they were", () => {
    const words = ordered("run", "agent", "--input", "--", "--", "--odd", "-")
    assert.deepStrictEqual(
      words.map((word) => word.startsWith("-")),
      [false, true, false, false, false, false]
    )
    assert.deepStrictEqual(unmarked(words), ["run", "--input", "--", "agent", "--odd", "-"])
    const parsed = { a: Option.some(words), b: { c: words[2] }, d: 1 }
    assert.deepStrictEqual(unmarked(parsed), { a: Option.some(unmarked(words)), b: { c: "--" }, d: 1 })
  })
})
