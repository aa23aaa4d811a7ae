import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { rawSignature } from "../../src/AgentPin/Der.ts"

const integer = (bytes: ReadonlyArray<number>) => [0x02, bytes.length, ...bytes]
const der = (...content: ReadonlyArray<number>) => Uint8Array.from([0x30, content.length, ...content])

/** The one DER encoding of two numbers of 32 bytes. */
const encoded = (raw: Uint8Array) => {
  const minimal = (half: Uint8Array) => {
    const digits = [...half.slice(half.findIndex((byte) => byte !== 0))]
    return (digits[0] ?? 0) >= 0x80 ? [0, ...digits] : digits
  }
  return der(...integer(minimal(raw.slice(0, 32))), ...integer(minimal(raw.slice(32))))
}

const half = FastCheck.tuple(FastCheck.nat({ max: 31 }), FastCheck.uint8Array({ minLength: 32, maxLength: 32 })).map(
  ([zeros, bytes]) => Uint8Array.from(bytes, (byte, index) => (index < zeros ? 0 : byte))
)
const raws = FastCheck.tuple(half, half)
  .filter((halves) => halves.every((one) => one.some((byte) => byte !== 0)))
  .map(([r, s]) => Uint8Array.from([...r, ...s]))

describe("rawSignature", () => {
  it("gives the two numbers of DER, and 64 bytes as they are", () =>
    FastCheck.assert(
      FastCheck.property(raws, (raw) => {
        assert.deepStrictEqual(rawSignature(raw), raw)
        const written = encoded(raw)
        if (written.length !== 64) assert.deepStrictEqual(rawSignature(written), raw)
      })
    ))

  it("takes one spelling of a signature only", () =>
    FastCheck.assert(
      FastCheck.property(raws, FastCheck.nat(), FastCheck.nat({ max: 255 }), (raw, at, byte) => {
        const written = encoded(raw)
        const changed = Uint8Array.from(written, (old, index) => (index === at % written.length ? byte : old))
        const read = rawSignature(changed)
        if (read !== undefined && changed.length !== 64) assert.deepStrictEqual(encoded(read), changed)
      }),
      { numRuns: 2_000 }
    ))

  const one = integer([1])
  const wrong: Readonly<Record<string, Uint8Array>> = {
    nothing: Uint8Array.of(),
    "another tag": Uint8Array.from([0x31, 6, ...one, ...one]),
    "another tag inside": der(0x03, 1, 1, ...one),
    "a long form of the length": Uint8Array.from([0x30, 0x81, 6, ...one, ...one]),
    "no end": Uint8Array.from([0x30, 0x80, ...one, ...one, 0, 0]),
    "a length beyond the end": Uint8Array.from([0x30, 7, ...one, ...one]),
    "a number beyond the end": der(...one, 0x02, 2, 1),
    "bytes after the numbers": der(...one, ...one, 0),
    "a needless zero in r": der(...integer([0, 1]), ...one),
    "a needless zero in s": der(...one, ...integer([0, 0x7f])),
    "a negative number": der(...integer([0x80]), ...one),
    zero: der(...integer([0]), ...one),
    "an empty number": der(0x02, 0, ...one),
    "33 digits": der(...integer([1, ...Array(32).fill(1)]), ...one)
  }
  for (const [what, bytes] of Object.entries(wrong)) {
    it(`refuses ${what}`, () => assert.isUndefined(rawSignature(bytes)))
  }

  it("takes the smallest and the largest numbers", () => {
    assert.strictEqual(rawSignature(der(...one, ...one))?.filter((byte) => byte === 1).length, 2)
    const large = integer([0, ...Array(32).fill(255)])
    assert.deepStrictEqual(rawSignature(der(...large, ...large)), new Uint8Array(64).fill(255))
  })
})
