import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { anthropic } from "../../src/Agents/Providers/Anthropic.ts"
import { makeDataReader, makeEventReader } from "../../src/Agents/Providers/Events.ts"

/** The data of a stream's events, read from the whole of it as the standard describes it. */
const plainly = (bytes: Uint8Array): ReadonlyArray<string> => {
  const lines = new TextDecoder().decode(bytes).split(/\r\n|\r|\n/)
  const events: Array<string> = []
  let data: Array<string> = []
  for (const line of lines.slice(0, -1)) {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (line === "") {
      if (data.length > 0) events.push(data.join("\n"))
      data = []
    } else if (field === "data") data.push(value)
  }
  return events
}

const inPieces = (bytes: Uint8Array, sizes: ReadonlyArray<number>): ReadonlyArray<string> => {
  const events: Array<string> = []
  const add = makeDataReader((data) => events.push(data))
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    assert.isTrue(add(bytes.subarray(at, at + size)))
    at += size
  }
  return events
}

const scraps = [
  "data",
  "data:",
  "data: ",
  ":",
  " ",
  "\n",
  "\r",
  "\r\n",
  "\n\n",
  "event: x",
  "id",
  "ü🙂",
  "\uFEFF",
  "\0"
]

const stream = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...scraps).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)) }
    ),
    { maxLength: 40 }
  )
  .map((parts) => Buffer.concat(parts))

/** How many characters of texts are looked at or copied meanwhile. */
const stepsOf = (run: () => void): number => {
  const { indexOf, slice, startsWith } = String.prototype
  let steps = 0
  const replaced = {
    indexOf(this: string, wanted: string, from = 0) {
      const found = indexOf.call(this, wanted, from)
      steps += (found < 0 ? this.length : found + 1) - Math.min(from, this.length)
      return found
    },
    slice(this: string, from?: number, to?: number) {
      const part = slice.call(this, from, to)
      steps += part.length
      return part
    },
    startsWith(this: string, wanted: string, from?: number) {
      steps += wanted.length
      return startsWith.call(this, wanted, from)
    }
  }
  Object.assign(String.prototype, replaced)
  try {
    run()
  } finally {
    Object.assign(String.prototype, { indexOf, slice, startsWith })
  }
  return steps
}

describe("a stream of events", () => {
  it("is read as the standard says, whatever its bytes are and wherever they are cut", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }), (bytes, sizes) => {
        assert.deepStrictEqual(inPieces(bytes, sizes), plainly(bytes))
      }),
      { numRuns: 2_000 }
    )
  })

  it("loses none of its events where their lines end in different ways", () => {
    const text = "data: 1\r\rdata: 2\n\rdata: 3\r\n\ndata: 4\n\r\ndata: 5\r\n\r\n"
    for (const size of [1, 2, 3, 7, 1_000]) {
      assert.deepStrictEqual(inPieces(Buffer.from(text), [size]), ["1", "2", "3", "4", "5"])
    }
  })

  const delta = 'data: {"choices":[{"index":0,"delta":{"content":"a word"}}]}'
  const streams: ReadonlyArray<readonly [what: string, text: string, events: number]> = [
    ["1 MiB of newlines", "\n".repeat(1_048_576), 0],
    ["1 MiB of carriage returns", "\r".repeat(1_048_576), 0],
    ["1 MiB of both", "\r\n".repeat(524_288), 0],
    ["20,000 deltas", `${delta}\n\n`.repeat(20_000), 20_000],
    ["20,000 deltas of another server", `${delta}\r\n\r\n`.repeat(20_000), 20_000],
    ["an event of one long line", `data: ${"x".repeat(1_000_000)}\n\n`, 1],
    ["an event of many lines", `${"data:x\n".repeat(200_000)}\n`, 1]
  ]
  for (const [what, text, events] of streams) {
    for (const size of [13, 65_536, text.length]) {
      it(`takes a number of steps linear in its size: ${what}, in pieces of ${size}`, () => {
        const bytes = Buffer.from(text)
        let count = 0
        const steps = stepsOf(() => {
          const add = makeDataReader(() => count++)
          for (let at = 0; at < bytes.length; at += size) add(bytes.subarray(at, at + size))
        })
        assert.strictEqual(count, events)
        assert.isAtMost(steps, 6 * text.length)
      })
    }
  }

  it("says nothing by events without data, by which some servers keep connections open", () => {
    const read = makeEventReader(anthropic)
    assert.deepStrictEqual(read(Buffer.from("data:\n\ndata: \n\n")), { said: [], events: 0, wrong: undefined })
  })

  it("is not read on where one event is too long, in one line or in many", () => {
    for (const text of [`data: ${"x".repeat(1_048_577)}`, `data: ${"x\ndata: ".repeat(600_000)}`]) {
      const read = makeEventReader(anthropic)
      let wrong: string | undefined
      for (let at = 0; at < text.length && wrong === undefined; at += 65_536) {
        wrong = read(Buffer.from(text.slice(at, at + 65_536))).wrong
      }
      assert.strictEqual(wrong, "it is longer than 1048576 characters")
    }
  })
})
