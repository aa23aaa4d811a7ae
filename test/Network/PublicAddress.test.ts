import { assert, describe, it } from "@effect/vitest"
import { guardedLookup, isPublicAddress, sharedResolve } from "../../src/Network/PublicAddress.ts"

const open = [
  "1.1.1.1",
  "93.184.215.14",
  "100.63.255.255",
  "100.128.0.0",
  "172.15.0.1",
  "172.32.0.1",
  "198.20.0.1",
  "223.255.255.255",
  "2606:4700::1111",
  "2001:4860:4860::8888",
  "2a00::1"
]

const closed: Readonly<Record<string, ReadonlyArray<string>>> = {
  "this network": ["0.0.0.0", "0.1.2.3", "::"],
  loopback: ["127.0.0.1", "127.255.255.254", "::1"],
  private: ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
  "link-local and metadata": ["169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254"],
  "shared by carriers": ["100.64.0.1", "100.127.255.255"],
  "unique local": ["fc00::1", "fdff::1"],
  "IPv4 in IPv6": ["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"],
  tunnels: ["2001::1", "192.88.99.1"],
  "documentation and tests": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1", "3fff::1"],
  "multicast and reserved": ["224.0.0.1", "240.0.0.1", "255.255.255.255", "ff02::1"],
  "no addresses": ["", "localhost", "2130706433", "0x7f000001", "127.1", "1.1.1.1.", "[::1]"]
}

describe("isPublicAddress", () => {
  it("is true of addresses of the open Internet", () => {
    for (const address of open) assert.isTrue(isPublicAddress(address), address)
  })

  for (const [what, addresses] of Object.entries(closed)) {
    it(`is false of ${what}`, () => {
      for (const address of addresses) assert.isFalse(isPublicAddress(address), address)
    })
  }
})

describe("guardedLookup", () => {
  const lookup = (all: boolean, ...addresses: ReadonlyArray<string>) =>
    new Promise<unknown>((resolve) => {
      const rules = {
        permits: isPublicAddress,
        resolve: () => Promise.resolve(addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })))
      }
      guardedLookup(rules)("host.example", { all }, (error, address, family) =>
        resolve(error === null ? [address, family] : error.message)
      )
    })

  it("gives the first address, or all, as it is asked", async () => {
    assert.deepStrictEqual(await lookup(false, "1.1.1.1", "2606:4700::1111"), ["1.1.1.1", 4])
    assert.deepStrictEqual(await lookup(true, "2606:4700::1111"), [
      [{ address: "2606:4700::1111", family: 6 }],
      undefined
    ])
  })

  it("gives none where one of them may not be connected to, and says which", async () => {
    assert.strictEqual(await lookup(true, "1.1.1.1", "::1"), "host.example is at ::1, which is no public address")
    assert.strictEqual(await lookup(false), "host.example has no address")
  })

  it("passes on why a name cannot be resolved", async () => {
    const rules = { permits: () => true, resolve: () => Promise.reject(new Error("no such name")) }
    const said = await new Promise((resolve) => guardedLookup(rules)("x", {}, (error) => resolve(error?.message)))
    assert.strictEqual(said, "no such name")
  })
})

describe("sharedResolve", () => {
  it("asks once for a name at a time, and anew for who comes later", async () => {
    const asked: Array<string> = []
    const waiting: Array<(address: string) => void> = []
    const resolve = sharedResolve((host) => {
      asked.push(host)
      return new Promise((give) => waiting.push((address) => give([{ address, family: 4 }])))
    })
    const both = Promise.all([resolve("a"), resolve("a")])
    const other = resolve("b")
    assert.deepStrictEqual(asked, ["a", "b"])
    waiting[1]?.("1.1.1.2")
    assert.deepStrictEqual(await other, [{ address: "1.1.1.2", family: 4 }])
    waiting[0]?.("1.1.1.1")
    assert.deepStrictEqual(await both, [[{ address: "1.1.1.1", family: 4 }], [{ address: "1.1.1.1", family: 4 }]])
    const later = resolve("a")
    assert.lengthOf(asked, 3)
    waiting[2]?.("127.0.0.1")
    assert.deepStrictEqual(await later, [{ address: "127.0.0.1", family: 4 }])
  })

  it("shares failures too, and none of them is kept", async () => {
    let asked = 0
    const resolve = sharedResolve(() => Promise.reject(new Error(`no ${++asked}`)))
    const said = await Promise.allSettled([resolve("a"), resolve("a")])
    assert.deepStrictEqual(
      said.map((one) => one.status === "rejected" && one.reason.message),
      ["no 1", "no 1"]
    )
    const [later] = await Promise.allSettled([resolve("a")])
    assert.strictEqual(later?.status === "rejected" && later.reason.message, "no 2")
  })
})
