import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { withoutThese } from "../../../src/Delivery/AnswerText.ts"

const secret = `Kö/y "<a>'&=\\ 💾`

const everyCharacter = (spell: (character: string) => string) => Array.from(secret, spell).join("")
const units = (text: string) => Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
const unicode = (text: string) =>
  units(text)
    .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
    .join("")
const json = (text: string) => JSON.stringify(text).slice(1, -1)
const point = (character: string) => character.codePointAt(0) ?? 0
const html = (apostrophe: string) =>
  secret
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", apostrophe)

const spellings: Readonly<Record<string, string>> = {
  "as it is": secret,
  "in capitals": secret.toUpperCase(),
  JSON: json(secret),
  "JSON with escaped slashes": json(secret).replaceAll("/", "\\/"),
  "JSON in ASCII": json(secret).replace(/[^ -~]/g, unicode),
  "JSON for HTML": json(secret).replace(/[<>&']/g, unicode),
  "escapes alone": unicode(secret),
  "escapes of code points": everyCharacter((one) => `\\u{${point(one).toString(16)}}`),
  "HTML with &apos;": html("&apos;"),
  "HTML with &#39;": html("&#39;"),
  "HTML with &#x27;": html("&#x27;"),
  "decimal entities": everyCharacter((one) => `&#${point(one)};`),
  "hexadecimal entities": everyCharacter((one) => `&#x0${point(one).toString(16).toUpperCase()};`),
  "HTML of JSON": html("'").replaceAll("\\", "\\\\").replaceAll("/", "\\/"),
  encodeURIComponent: encodeURIComponent(secret),
  encodeURI: encodeURI(secret),
  "the path of a URL": new URL(`http://h/${secret}`).pathname.slice(1),
  "a form": new URLSearchParams({ x: secret }).toString().slice(2),
  Base64: Buffer.from(secret).toString("base64"),
  "Base64 for URLs": Buffer.from(secret).toString("base64url")
}

describe("a secret", () => {
  for (const [how, spelled] of Object.entries(spellings)) {
    it(`is blanked that is spelled as ${how}`, () => {
      assert.strictEqual(withoutThese([secret, "another"])(`got "${spelled}".`), 'got "[redacted]".')
    })
  }

  it("is blanked as what a URL makes of it, and as what a URL spells", () => {
    for (const [given, said] of [
      ["bücher-s3cr3t", "http://xn--bcher-s3cr3t-dlb.example/"],
      ["a b/../s3cr3t\\x", "/s3cr3t/x"],
      ["HTTP://Hooks.Example:80/s3cr3t", "http://hooks.example/s3cr3t"],
      ["p%40ss-s3cr3t", "p@ss-s3cr3t"]
    ] as const)
      assert.match(withoutThese([given])(said), /^[^3]*\[redacted\][^3]*$/, said)
  })

  it("is not what merely looks like one", () => {
    const blanked = withoutThese(["s3cr3t", "abc", ""])
    for (const text of ["", "abc", "s3cr", "s3cr3 t", "&amp;&#x;%zz%\\u00", "100% of \\o/", "💾"])
      assert.strictEqual(blanked(text), text)
  })

  it("is found wherever it is, in any mix of spellings", () => {
    const spell = fc.constantFrom<(one: string) => string>(
      (one) => one,
      (one) => unicode(one),
      (one) => `&#${point(one)};`,
      (one) => encodeURIComponent(one)
    )
    const character = fc.constantFrom("a", "/", "\\", "&", "%", "+", "é", "💾", "u")
    fc.assert(
      fc.property(
        fc.array(fc.tuple(character, spell), { minLength: 4, maxLength: 12 }),
        fc.string(),
        (pieces, before) => {
          const whole = pieces.map(([one]) => one).join("")
          const said = pieces.map(([one, how]) => how(one)).join("")
          assert.include(withoutThese([whole])(`${before} ${said}`), "[redacted]")
        }
      )
    )
  })

  it("is blanked also where only the end of the text is wanted and begins within it", () => {
    const blanked = withoutThese(["s3cr3t"])
    assert.strictEqual(blanked("s3cr3t and s3cr3t, said", 3), "[redacted] and [redacted], said")
    assert.strictEqual(blanked("s3cr3t and s3cr3t, said", 6), " and [redacted], said")
    assert.strictEqual(blanked("s3cr3t and more", 8), "nd more")
    assert.strictEqual(withoutThese([])("s3cr3t", 3), "r3t")
  })

  it("takes no time to speak of in a text that is made to look like many", () => {
    const blanked = withoutThese([`${"\\/".repeat(40)}x`, `${"\\".repeat(60)}x`])
    const text = "\\\\/".repeat(2_000)
    assert.strictEqual(blanked(text), text)
  })
})
