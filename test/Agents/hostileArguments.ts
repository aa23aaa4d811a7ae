/**
 * What a model might give to the tools of the hostile tests: `word` (a strict pattern) and `any` (all texts) run a
 * program that records its arguments, `get` may ask one host, `files` may read one folder, `tell` has one channel.
 */
export interface Hostile {
  readonly tool: "word" | "any" | "get" | "files" | "tell"
  /** JSON text, or what is to become it. */
  readonly given: unknown
  /** For `any`: that exactly this text is to arrive, as one argument. Everything else is to be refused. */
  readonly arrives?: string
}

const bad = (tool: Hostile["tool"], ...given: ReadonlyArray<unknown>): ReadonlyArray<Hostile> =>
  given.map((one) => ({ tool, given: one }))

const words = (...texts: ReadonlyArray<unknown>) => bad("word", ...texts.map((text) => ({ text })))

/** Texts that would be dangerous in a shell, in a format, or as an option: the program is to get them as they are. */
const asTheyAre = (canary: string): ReadonlyArray<string> => [
  `; touch ${canary}`,
  `&& touch ${canary}`,
  `| touch ${canary}`,
  `$(touch ${canary})`,
  `\`touch ${canary}\``,
  `> ${canary}`,
  `a\ntouch ${canary}`,
  `a\r\ntouch ${canary}`,
  `' ; touch ${canary} ; '`,
  `" ; touch ${canary} ; "`,
  `\\"; touch ${canary}`,
  `a & touch ${canary} &`,
  "<(cat /etc/passwd)",
  "$HOME",
  `\${HOME}`,
  `\${IFS}cat\${IFS}/etc/passwd`,
  "~root",
  "*",
  "{text}",
  "{count}",
  "{a,b}",
  "%s%s%n",
  "!!",
  "#",
  " -rf /",
  "\t--help",
  "../../etc/passwd",
  "a b  c",
  "\u202Eevil",
  "\u2013option",
  "$&$1$`",
  "\u001B[2J",
  "x".repeat(50_000)
]

const wordTable = (canary: string) => [
  ...words(
    `ok; touch ${canary}`,
    `ok\ntouch ${canary}`,
    "ok\n",
    "OK",
    "",
    "-",
    "--help",
    "-oProxyCommand=x",
    "--output=/etc/passwd",
    "ok\0",
    "\0ok",
    "\uD800",
    "okа",
    "a".repeat(1_001),
    1,
    true,
    null,
    ["ok"],
    { toString: "ok" },
    { length: 2 }
  ),
  ...bad(
    "word",
    {},
    [],
    "null",
    '"ok"',
    "42",
    "[",
    "{",
    '{"text":"ok"} {"text":"ok"}',
    "{'text':'ok'}",
    "text=ok",
    "undefined",
    '{"__proto__":{"text":"ok"}}',
    '{"constructor":{"prototype":{"text":"ok"}}}',
    { text: "ok", command: ["sh"] },
    { text: "ok", toString: "x" },
    { TEXT: "ok" },
    `{"text":"ok","__proto__":"x"}`,
    `${"[".repeat(300_000)}`,
    `{"text":"${"a".repeat(400_000)}"}`
  )
]

const anyTable = (canary: string): ReadonlyArray<Hostile> => [
  ...asTheyAre(canary).map((text): Hostile => ({ tool: "any", given: { text }, arrives: text })),
  ...bad("any", { text: "-rf" }, { text: "--exec=sh" }, { text: "-" }, { text: "a\0b" }, { text: "\uDC00" }),
  ...bad(
    "any",
    { text: "ok", count: -1 },
    { text: "ok", count: 1.5 },
    { text: "ok", count: 11 },
    { text: "ok", count: "1" }
  ),
  ...bad("any", { text: "ok", count: [1] }, { text: "ok", count: true }, '{"text":"ok","count":1e400}')
]

/** `port` is the allowed one of `allowed.test`, `other` is of another server on this machine. */
const urlTable = (port: number, other: number) =>
  bad(
    "get",
    ...[
      `http://allowed.test:${other}/`,
      `http://allowed.test@evil.test:${port}/`,
      `http://allowed.test:${port}@127.0.0.1:${other}/`,
      `http://user:pass@allowed.test:${port}/`,
      `http://user@allowed.test:${port}/`,
      `http://@allowed.test:${port}/`,
      `http://:@allowed.test:${port}/`,
      `http://allowed.test.evil.test:${port}/`,
      `http://evilallowed.test:${port}/`,
      `http://sub.allowed.test:${port}/`,
      `http://allowed.test.:${port}/`,
      `http://evil.test:${port}/#allowed.test`,
      `http://evil.test:${port}/?allowed.test:${port}`,
      `http://evil.test:${port}/allowed.test`,
      `http://evil.test:${port}\\@allowed.test:${port}/`,
      `http:\\\\allowed.test:${port}\\`,
      `http:\\\\evil.test:${port}/`,
      `http:/allowed.test:${port}/`,
      `http:allowed.test:${port}/`,
      `http:///allowed.test:${port}/`,
      `//allowed.test:${port}/`,
      `allowed.test:${port}/`,
      ` http://allowed.test:${port}/`,
      `http://allowed.test:${port}/ HTTP/1.1\r\nHost: evil.test`,
      `http://allowed.test:${port}/\r\nX-Evil: 1`,
      `http://allo\twed.test:${port}/`,
      `http://allowed.test:${port}/\0`,
      `http://xn--llowed-6nf.test:${port}/`,
      `http://аllowed.test:${port}/`,
      `http://allowed。evil:${port}/`,
      `http://127.0.0.1:${port}/`,
      `http://127.1:${port}/`,
      `http://2130706433:${port}/`,
      `http://0x7f000001:${port}/`,
      `http://0177.0.0.1:${port}/`,
      `http://[::1]:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
      `http://[::ffff:7f00:1]:${port}/`,
      `http://localhost:${port}/`,
      `http://0.0.0.0:${port}/`,
      `https://allowed.test:${other}/`,
      `ftp://allowed.test:${port}/`,
      `file:///etc/passwd`,
      `file://allowed.test:${port}/etc/passwd`,
      "data:text/plain,allowed.test",
      "javascript:fetch('http://allowed.test')",
      `ws://allowed.test:${port}/`,
      `gopher://allowed.test:${port}/`,
      `blob:http://allowed.test:${port}/x`,
      `view-source:http://allowed.test:${port}/`,
      "http://",
      "http://?",
      "",
      `http://allowed.test:${port}/${"a".repeat(9_000)}`
    ].map((url) => ({ url })),
    { url: 1 },
    { url: null },
    { url: { href: `http://allowed.test:${port}/` } },
    { url: [`http://allowed.test:${port}/`] },
    {},
    { url: `http://allowed.test:${port}/`, method: "POST" },
    { url: `http://allowed.test:${port}/`, headers: { Host: "evil.test" } },
    `{"__proto__":{"url":"http://allowed.test:${port}/"}}`
  )

/** `outside` is the absolute path of a folder that may not be read; links in the root lead to it. */
const fileTable = (outside: string) => {
  const paths = [
    "..",
    "../outside/secret",
    "./../outside/secret",
    "sub/../../outside/secret",
    "sub/../../../../../../../etc/passwd",
    "..\\outside\\secret",
    "sub\\..\\..\\outside\\secret",
    "%2e%2e/outside/secret",
    "..%2foutside%2fsecret",
    "..%252foutside",
    "..;/outside/secret",
    "....//outside/secret",
    "\u2025/outside/secret",
    "．．/outside/secret",
    `${outside}/secret`,
    "/etc/passwd",
    "//etc/passwd",
    "/proc/self/environ",
    "/",
    "~/secret",
    "file:///etc/passwd",
    "$HOME/secret",
    "linkToFile",
    "linkToFolder/secret",
    "linkToLink",
    "linkUp/outside/secret",
    "linkToRoot/etc/passwd",
    "linkToFifo",
    "sub/linkToFile",
    "loop",
    "fifo",
    "sub\0",
    "sub/\0../../outside/secret",
    "\uD800",
    "",
    "a/".repeat(3_000)
  ]
  return bad(
    "files",
    ...paths.map((path) => ({ action: "read", path })),
    { action: "list", path: ".." },
    { action: "list", path: "linkToFolder" },
    { action: "list", path: "linkUp" },
    { action: "list", path: "linkToRoot" },
    { action: "list", path: outside },
    { action: "list", path: "sub/../.." },
    { action: "write", path: "a.txt" },
    { action: "read", path: ["a.txt"] },
    { action: ["read"], path: "a.txt" },
    { action: "read", path: "a.txt", root: "/" },
    { path: "a.txt" },
    { action: "read" },
    '{"__proto__":{"action":"read","path":"a.txt"}}'
  )
}

const noticeTable = bad(
  "tell",
  { text: "" },
  { text: " \n" },
  { text: 1 },
  { text: ["x"] },
  { text: null },
  { text: "x", channel: "email" },
  { text: "x", to: "evil@example.com" },
  { text: "x".repeat(20_001) },
  {},
  '{"__proto__":{"text":"x"}}',
  "x"
)

/** All of them. `canary` is a file that no shell is to make. */
export const hostileArguments = (at: {
  readonly canary: string
  readonly port: number
  readonly other: number
  readonly outside: string
}): ReadonlyArray<Hostile> => [
  ...wordTable(at.canary),
  ...anyTable(at.canary),
  ...urlTable(at.port, at.other),
  ...fileTable(at.outside),
  ...noticeTable
]
