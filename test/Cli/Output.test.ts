import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import { orderWords } from "../../src/Cli/Argv.ts"
import { renderCsv } from "../../src/Cli/Csv.ts"
import { renderTable } from "../../src/Cli/Table.ts"

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

const text = FastCheck.oneof(FastCheck.string(), FastCheck.stringMatching(/^[=+\-@,"\r\n\t a]{0,6}$/))

describe("renderCsv", () => {
  it("is read back as it was written, but for the apostrophe before formulas", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.tuple(text, text), { maxLength: 5 }), (records) => {
        const read = parseCsv(renderCsv(["a", "b"], records))
        const expected = records.map((record) => record.map((cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell)))
        assert.deepStrictEqual(read, [["a", "b"], ...expected])
      })
    )
  })
})

describe("renderTable", () => {
  const columns = [
    { name: "ID", value: (row: ReadonlyArray<string>) => row[0] ?? "" },
    { name: "NAME", value: (row: ReadonlyArray<string>) => row[1] ?? "", flexible: true }
  ]

  it("fits the terminal, a line for each row, without control characters", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.tuple(FastCheck.string({ maxLength: 60 }), text), { maxLength: 5 }),
        FastCheck.integer({ min: 18, max: 100 }),
        (rows, width) => {
          const lines = renderTable(rows, columns, width).split("\n")
          assert.lengthOf(lines, rows.length + 1)
          for (const line of lines) {
            assert.isAtMost(line.length, width)
            assert.notMatch(line, /\p{Cc}/u)
          }
        }
      )
    )
  })

  it("shortens flexible columns first", () => {
    const table = renderTable([["0123456789", "a long name that gives way"]], columns, 22)
    assert.strictEqual(table, "ID          NAME\n0123456789  a long na…")
  })
})

describe("orderWords", () => {
  it("puts the server first, then the command, its flags and the rest", () => {
    assert.deepStrictEqual(orderWords(["cron", "history", "job", "--limit", "5", "--server", "http://x"]), [
      "--server",
      "http://x",
      "cron",
      "history",
      "--limit",
      "5",
      "job"
    ])
    assert.deepStrictEqual(orderWords(["cron", "remove", "job", "--force"]), ["cron", "remove", "--force", "job"])
    assert.deepStrictEqual(orderWords(["run", "agent", "--input", "-5", "--", "--odd"]), [
      "run",
      "--input",
      "-5",
      "agent",
      "--odd"
    ])
  })
})
