import * as fc from "fast-check"

/** Addresses that nobody outside is meant to reach. */
export const innerAddresses = [
  "127.0.0.1",
  "127.255.0.9",
  "0.0.0.0",
  "10.0.0.1",
  "172.16.5.4",
  "192.168.1.1",
  "169.254.169.254",
  "100.100.100.200",
  "192.0.0.192"
]

const octetsOf = (dotted: string): ReadonlyArray<number> => dotted.split(".").map(Number)

const numberOf = (octets: ReadonlyArray<number>): number => octets.reduce((sum, octet) => sum * 256 + octet, 0)

const octal = (value: number): string => `0${value.toString(8)}`

const hex = (value: number): string => `0x${value.toString(16)}`

const wide = (text: string): string => text.replace(/[0-9]/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))

const group = (high: number, low: number): string => (high * 256 + low).toString(16)

const groups = ([a = 0, b = 0, c = 0, d = 0]: ReadonlyArray<number>): string => `${group(a, b)}:${group(c, d)}`

/** Ways to write an IPv4 address as the host of a URL. */
export const spellings4: ReadonlyArray<(dotted: string) => string> = [
  (dotted) => dotted,
  (dotted) => `${dotted}.`,
  (dotted) => String(numberOf(octetsOf(dotted))),
  (dotted) => hex(numberOf(octetsOf(dotted))),
  (dotted) => hex(numberOf(octetsOf(dotted))).toUpperCase(),
  (dotted) => octal(numberOf(octetsOf(dotted))),
  (dotted) => octetsOf(dotted).map(octal).join("."),
  (dotted) => octetsOf(dotted).map(hex).join("."),
  (dotted) =>
    octetsOf(dotted)
      .map((octet) => `000000${octet.toString(8)}`)
      .join("."),
  (dotted) => {
    const [a = 0, ...rest] = octetsOf(dotted)
    return `${a}.${numberOf(rest)}`
  },
  (dotted) => {
    const [a = 0, b = 0, ...rest] = octetsOf(dotted)
    return `${hex(a)}.${octal(b)}.${numberOf(rest)}`
  },
  (dotted) => wide(dotted),
  (dotted) => dotted.replaceAll(".", "\u3002"),
  (dotted) => wide(dotted).replaceAll(".", "\uff0e"),
  (dotted) => dotted.replaceAll(".", "%2e"),
  (dotted) => Array.from(dotted, (character) => `%${character.charCodeAt(0).toString(16)}`).join(""),
  (dotted) => dotted.replace(".", "\u00ad."),
  (dotted) => dotted.replace(".", "\t."),
  (dotted) => dotted.replace(".", "\n.")
]

/** Ways to write an IPv4 address within one of IPv6, as the host of a URL. */
export const spellings6: ReadonlyArray<(dotted: string) => string> = [
  (dotted) => `[::ffff:${dotted}]`,
  (dotted) => `[::FFFF:${groups(octetsOf(dotted))}]`,
  (dotted) => `[0:0:0:0:0:ffff:${groups(octetsOf(dotted))}]`,
  (dotted) => `[::${groups(octetsOf(dotted))}]`,
  (dotted) => `[::ffff:0:${groups(octetsOf(dotted))}]`,
  (dotted) => `[64:ff9b::${dotted}]`,
  (dotted) => `[64:ff9b:1::${groups(octetsOf(dotted))}]`,
  (dotted) => `[2002:${groups(octetsOf(dotted))}::1]`,
  (dotted) => `[2001:0:53aa:64c::${groups(octetsOf(dotted).map((octet) => 255 - octet))}]`,
  (dotted) => `[fe80::5efe:${groups(octetsOf(dotted))}]`,
  (dotted) => `[::ffff:${dotted}%25lo]`
]

/** Ways to put a host into a URL that mislead who reads it. */
export const wrappings: ReadonlyArray<(host: string, port: number) => string> = [
  (host, port) => `http://${host}:${port}/`,
  (host, port) => `HTTPS://${host}:${port}/`,
  (host, port) => `http://hooks.example.com@${host}:${port}/`,
  (host, port) => `http://hooks.example.com:80@${host}:${port}/`,
  (host, port) => `http://a@b@${host}:${port}/`,
  (host, port) => `http://hooks.example.com%2f@${host}:${port}/`,
  (host, port) => `http:${host}:${port}/`,
  (host, port) => `http:///${host}:${port}/`,
  (host, port) => `http:\\\\${host}:${port}\\@hooks.example.com/`,
  (host, port) => `http://${host}:${port}\\@hooks.example.com/`,
  (host, port) => `http://${host}:${port}#@hooks.example.com/`,
  (host, port) => `http://${host}:${port}?@hooks.example.com/`,
  (host, port) => ` \t\nhttp://${host}:${port}/ `,
  (host, port) => `ht\ntp://${host}:${port}/`,
  (host, port) => `http://${host}:0000${port}/`
]

/** Any inner address in any spelling in any wrapping. */
export const hostileUrl = (port: number) =>
  fc
    .record({
      address: fc.oneof(
        fc.constantFrom(...innerAddresses),
        fc.tuple(fc.constantFrom(0, 10, 127, 224, 255), fc.nat(255), fc.nat(255), fc.nat(255)).map((o) => o.join("."))
      ),
      spelling: fc.constantFrom(...spellings4, ...spellings6),
      wrapping: fc.constantFrom(...wrappings)
    })
    .map(({ address, spelling, wrapping }) => wrapping(spelling(address), port))

/** Hosts that are more than an address in a spelling; names resolve to whatever the test says. */
export const otherHosts: ReadonlyArray<string> = [
  "localhost",
  "LOCALHOST",
  "localhost.",
  "localhost..",
  "foo.localhost",
  "localhost.localdomain",
  "loc%61lhost",
  "ｌｏｃａｌｈｏｓｔ",
  "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
  "loc\u00adalhost",
  "ip6-localhost",
  "127.0.0.1.nip.example",
  "metadata.google.internal",
  "instance-data",
  "kubernetes.default.svc",
  "host.docker.internal",
  "①②⑦.⓪.⓪.①",
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::]",
  "[0::0:1]",
  "[fe80::1]",
  "[fe80::1%25eth0]",
  "[fe80::1%eth0]",
  "[fd00:ec2::254]",
  "[fc00::1]",
  "[fec0::1]",
  "[ff02::1]",
  "[2001:db8::1]",
  "[100::1]",
  "[::1%25lo]",
  "[::1%lo]",
  "127.1",
  "0",
  "0x0",
  "00",
  "127.0.1",
  "0177.1",
  "0x7f.0x1",
  "255.255.255.255",
  "4294967295",
  "256.0.0.1",
  "127.0.0.1.1",
  "0x100000000",
  "127.0.0.0x1",
  "127.0.0.1:",
  "127.0.0.1%00.example.com",
  "127.0.0.1%23.example.com",
  "127.0.0.1%0d%0a"
]
