import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { namesHost, parseHostPattern } from "../../src/Network/HostPattern.ts"

const permits = (pattern: string, url: string): boolean =>
  namesHost(Either.getOrThrow(parseHostPattern(pattern)), new URL(url))

describe("host patterns", () => {
  for (const [pattern, url, expected] of [
    ["api.example.com", "https://api.example.com/x", true],
    ["API.Example.com", "http://api.EXAMPLE.com", true],
    ["api.example.com", "https://api.example.com:443/", true],
    ["api.example.com", "https://api.example.com:80/", true],
    ["api.example.com", "https://api.example.com:8443/", false],
    ["api.example.com", "https://example.com/", false],
    ["api.example.com", "https://xapi.example.com/", false],
    ["api.example.com", "https://api.example.com.evil.com/", false],
    ["api.example.com", "https://api.example.com./", false],
    ["api.example.com", "ftp://api.example.com/", false],
    ["*.example.com", "https://a.b.example.com/", true],
    ["*.example.com", "https://example.com/", false],
    ["*.example.com", "https://badexample.com/", false],
    ["localhost:8080", "http://localhost:8080/", true],
    ["localhost:8080", "http://localhost/", false],
    ["localhost:80", "http://localhost/", true],
    ["localhost:80", "https://localhost/", false],
    ["bücher.de", "https://xn--bcher-kva.de/", true],
    ["[::1]:81", "http://[0:0:0:0:0:0:0:1]:81/", true],
    ["127.0.0.1", "http://2130706433/", true]
  ] as const) {
    it(`${pattern} ${expected ? "takes" : "refuses"} ${url}`, () => {
      assert.strictEqual(permits(pattern, url), expected)
    })
  }

  for (const text of [
    "",
    "*",
    "*.",
    "http://example.com",
    "example.com/path",
    "user@example.com",
    "a b",
    "a:0",
    "a:65536",
    "a:b",
    "*.1.2.3.4",
    "*.[::1]",
    "::1",
    "a.*.b",
    "example.com?x",
    "ex%61mple.com",
    "a\\b"
  ]) {
    it(`${JSON.stringify(text)} is none`, () => {
      assert.isTrue(Either.isLeft(parseHostPattern(text)))
    })
  }
})
