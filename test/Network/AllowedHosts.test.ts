import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { formatIpv4, ipv4Within, isMapped, parseAddress } from "../../src/Network/Address.ts"
import { noAllowedHosts, parseAllowedHosts } from "../../src/Network/AllowedHosts.ts"
import { isPublicAddress } from "../../src/Network/PublicAddress.ts"

const allowed = (...entries: ReadonlyArray<string>) => Either.getOrThrowWith(parseAllowedHosts(entries), (why) => why)

describe("names that are allowed", () => {
  it("are compared without case and trailing dot, and as they are looked up", () => {
    const { permitsName } = allowed("Hooks.Internal.", "bücher.example")
    for (const name of ["hooks.internal", "HOOKS.internal", "hooks.internal.", "xn--bcher-kva.example"]) {
      assert.isTrue(permitsName(name, 80), name)
    }
    for (const name of ["internal", "a.hooks.internal", "hooks.internal.evil.example", "hooks-internal", ""]) {
      assert.isFalse(permitsName(name, 80), name)
    }
  })

  it("may be all those below one", () => {
    const { permitsName } = allowed("*.internal")
    for (const name of ["hooks.internal", "a.b.internal", "A.INTERNAL."]) assert.isTrue(permitsName(name, 80), name)
    for (const name of ["internal", "evilinternal", "hooks.internal.example"]) {
      assert.isFalse(permitsName(name, 80), name)
    }
  })

  it("may be so at one port only", () => {
    const { permitsName } = allowed("hooks.internal:8080", "*.test:9")
    assert.deepStrictEqual(
      [permitsName("hooks.internal", 8080), permitsName("hooks.internal", 80), permitsName("a.test", 9)],
      [true, false, true]
    )
  })

  it("are no addresses", () => {
    assert.isFalse(allowed("hooks.internal").permitsAddress("10.0.0.1", 80))
    assert.isFalse(noAllowedHosts.permitsName("localhost", 80))
  })
})

describe("addresses that are allowed", () => {
  const cases: ReadonlyArray<readonly [entry: string, yes: ReadonlyArray<string>, no: ReadonlyArray<string>]> = [
    ["10.1.2.3", ["10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203"], ["10.1.2.4", "::a01:203", "64:ff9b::10.1.2.3"]],
    ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.1.1"], ["11.0.0.0", "9.255.255.255", "::10.1.1.1"]],
    ["192.168.1.128/25", ["192.168.1.128", "192.168.1.255"], ["192.168.1.127", "192.168.2.128"]],
    ["0.0.0.0/0", ["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"], ["::1", "fd00::1"]],
    ["fd00::/8", ["fd00::1", "fdff:ffff::"], ["fc00::1", "fe80::1", "10.0.0.1"]],
    ["[fd00::1]", ["fd00::1", "fd00:0:0::1"], ["fd00::2"]],
    ["::1", ["::1"], ["::", "::2", "127.0.0.1", "::ffff:127.0.0.1"]],
    ["::/0", ["fd00::1", "::1", "::"], ["10.0.0.1", "::ffff:10.0.0.1", "::10.0.0.1", "fe80::1%eth0"]],
    ["64:ff9b::/96", ["64:ff9b::8.8.8.8"], ["64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"]],
    ["64:ff9b::10.0.0.1", ["64:ff9b::a00:1"], ["64:ff9b::a00:2", "10.0.0.1"]],
    ["2002::/16", ["2002:808:808::1"], ["2002:a00:1::1", "2002:7f00:1::"]],
    ["2001::/32", ["2001::f7f7:f7f7"], ["2001::f5ff:fffe", "2001::80ff:fffe"]]
  ]
  for (const [entry, yes, no] of cases) {
    it(`are those of ${entry}`, () => {
      const { permitsAddress } = allowed(entry)
      for (const address of yes) assert.isTrue(permitsAddress(address, 80), address)
      for (const address of no) assert.isFalse(permitsAddress(address, 80), address)
    })
  }

  it("lie in a network of IPv6 together with the IPv4 address that they lead to, where both are allowed", () => {
    assert.isTrue(allowed("64:ff9b::/96", "10.0.0.0/8").permitsAddress("64:ff9b::10.0.0.1", 80))
    assert.isFalse(allowed("64:ff9b::/96", "10.0.0.0/8:81").permitsAddress("64:ff9b::10.0.0.1", 80))
  })

  it("may be so at one port only", () => {
    const { permitsAddress } = allowed(
      "10.0.0.1:80",
      "[fd00::1]:81",
      "[fd00:1::/32]:82",
      "[fd00:2::]/32:83",
      "10.1.0.0/16:84"
    )
    for (const [address, port] of [
      ["10.0.0.1", 80],
      ["fd00::1", 81],
      ["fd00:1::9", 82],
      ["fd00:2::9", 83],
      ["10.1.9.9", 84]
    ] as const) {
      assert.isTrue(permitsAddress(address, port), address)
      assert.isFalse(permitsAddress(address, 90), address)
    }
  })

  it("are not what is no address", () => {
    const { permitsAddress } = allowed("0.0.0.0/0", "::/0")
    for (const text of ["", "localhost", "[::1]", "127.1", "fe80::1%1", "1.1.1.1/32"]) {
      assert.isFalse(permitsAddress(text, 80), text)
    }
  })
})

describe("entries that are none", () => {
  const wrong: ReadonlyArray<readonly [entry: string, why: RegExp]> = [
    ["", /expected a host/],
    ["http://hooks.internal", /expected a host/],
    ["hooks.internal/path", /expected a host/],
    ["user@hooks.internal", /expected a host/],
    ["a b", /expected a host/],
    ["*", /expected a host/],
    ["*.*.internal", /expected a host/],
    ["hooks.*", /expected a host/],
    ["a..b", /expected a host/],
    ["[hooks.internal]:80", /expected a host/],
    ["10.0.0.1/8/8", /expected a host/],
    ["fe80::1%eth0", /expected a host/],
    ["::1:80:x", /expected a host/],
    ["hooks.internal:0", /port 0 is not between 1 and 65535/],
    ["hooks.internal:65536", /port 65536 is not between/],
    ["[::1]:99999", /port 99999 is not between/],
    ["hooks.internal:http", /expected a host/],
    ["10.0.0.0/33", /from 0 to 32/],
    ["fd00::/129", /from 0 to 128/],
    ["10.0.0.0/x", /from 0 to 32/],
    ["10.0.0.0/", /from 0 to 32/],
    ["10.0.0.1/8", /beyond the first 8/],
    ["10.1", /write the address itself: 10\.0\.0\.1/],
    ["0x7f000001", /write the address itself: 127\.0\.0\.1/],
    ["::ffff:10.0.0.1", /write the IPv4 address itself: 10\.0\.0\.1/]
  ]
  for (const [entry, why] of wrong) {
    it(`are named: ${JSON.stringify(entry)}`, () => {
      const said = Either.getOrThrow(Either.flip(parseAllowedHosts(["fine.internal", entry])))
      assert.isTrue(said.startsWith(`${JSON.stringify(entry)}: `), said)
      assert.match(said, why)
    })
  }
})

describe("addresses", () => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))

  it("are read whatever their spelling", () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(groups, (parts) => {
        const value = parts.reduce((sum, part) => (sum << 16n) | BigInt(part), 0n)
        const long = parts.map((part) => part.toString(16).padStart(4, "0")).join(":")
        const short = new URL(`http://[${long}]`).hostname.slice(1, -1)
        for (const text of [long, short, long.toUpperCase()]) {
          assert.deepStrictEqual(parseAddress(text), { family: 6, value }, text)
        }
      })
    )
    fc.assert(
      fc.property(octets, (parts) => {
        const text = parts.join(".")
        const address = parseAddress(text)
        assert.strictEqual(address?.family === 4 ? formatIpv4(address.value) : "", text)
      })
    )
  })

  it("of IPv4 are found in those of IPv6", () => {
    fc.assert(
      fc.property(octets, (parts) => {
        fc.pre(parts.slice(0, 3).some((part) => part > 0) || parts[3] > 1)
        const dotted = parts.join(".")
        const hex = (numbers: ReadonlyArray<number>) =>
          Buffer.from(numbers)
            .toString("hex")
            .replace(/^(....)/, "$1:")
        const inverted = parts.map((part) => 255 - part)
        for (const text of [
          `::ffff:${dotted}`,
          `::${dotted}`,
          `::ffff:0:${dotted}`,
          `64:ff9b::${dotted}`,
          `64:ff9b:1::${dotted}`,
          `2002:${hex(parts)}::1`,
          `2001:0:1234::${hex(inverted)}`
        ]) {
          const address = parseAddress(text) ?? assert.fail(text)
          const inner = ipv4Within(address) ?? assert.fail(text)
          assert.strictEqual(formatIpv4(inner.value), dotted, text)
          assert.strictEqual(isMapped(address), text.startsWith("::ffff:") && !text.startsWith("::ffff:0:"))
          assert.isFalse(isPublicAddress(text), text)
        }
      })
    )
    for (const text of ["::", "::1", "2606:4700::1111", "fd00::1"]) {
      assert.strictEqual(ipv4Within(parseAddress(text) ?? assert.fail(text)), undefined)
    }
  })
})
