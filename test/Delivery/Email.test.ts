import type { Socket } from "node:net"
import { networkInterfaces } from "node:os"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { CurrentDelivery } from "../../src/Delivery/CurrentDelivery.ts"
import { addressProblem, makeEmailWithin } from "../../src/Delivery/Email.ts"
import type { DeliveryKind } from "../../src/Domain/Delivery.ts"
import type { Job } from "../../src/Domain/Job.ts"
import type { Run } from "../../src/Domain/Run.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { type TestSettings, testSettings } from "../../src/testing.ts"
import { parseMime } from "../support/Mime.ts"
import { certificates, type Received, rawServer, refusal, smtpServer } from "../support/SmtpServer.ts"
import { finishedRun, jobNamed } from "./fixtures.ts"

type Settings = NonNullable<NonNullable<TestSettings["scheduler"]>["delivery"]>

const id = "dlv_01jq0000000000000000000000"

const settingsFor = (port: number, more: Settings = {}): Settings => ({
  smtp_host: "127.0.0.1",
  smtp_port: port,
  smtp_ca: certificates.trusted,
  email_from: "symbiont@example.com",
  ...more
})

/** The channel on these settings, in the test's scope. */
const emailWith = (
  delivery: Settings,
  variables: Readonly<Record<string, string>> = {},
  timeouts = { connect: 5_000, greeting: 5_000, silence: 5_000 }
) =>
  Effect.gen(function* () {
    const environment = ServiceEnvironment.layer({ variables, directory: process.cwd() })
    const context = yield* Layer.build(Layer.merge(testSettings({ scheduler: { delivery } }), environment))
    return yield* Effect.provide(makeEmailWithin(timeouts), context)
  }).pipe(Effect.provide(NodeContext.layer))

const jobTo = (recipients: ReadonlyArray<string>, name = "nightly"): Job => ({
  ...jobNamed(name),
  email_recipients: recipients
})

type Channel = Effect.Effect.Success<ReturnType<typeof emailWith>>

/** A reference to a variable, as a job has it. */
const variable = (name: string): string => `\${${name}}`

const ops = jobTo(["ops@example.com"])

interface Sent {
  readonly job?: Job
  readonly run?: Run
  readonly output?: string
  readonly subject?: string
  readonly kind?: DeliveryKind
}

const send = (channel: Channel, sent: Sent = {}) =>
  channel(sent.job ?? ops, sent.run ?? finishedRun(), sent.output ?? "fine").pipe(
    Effect.provideService(CurrentDelivery, { id, kind: sent.kind ?? "output", subject: sent.subject ?? "it ran" })
  )

const only = (received: ReadonlyArray<Received>): Received => {
  assert.lengthOf(received, 1)
  const [first] = received
  if (first === undefined) throw new Error("no message")
  return first
}

const textOf = (message: Received): string => parseMime(message.raw).parts[0]?.text ?? ""

const until = (holds: () => boolean) =>
  Effect.promise(async () => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve))
  })

/** What a failure says, and whether it is for good. */
const failing = (channel: Channel, sent?: Sent) =>
  Effect.map(Effect.flip(send(channel, sent)), ({ message, permanent }) => ({ message, permanent }))

describe("an email", () => {
  it.scoped("goes to all recipients as one message, with everything that tells what it is", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port))
      const job = jobTo(["ops@example.com", "Sécurité <security@example.com>"])
      yield* send(channel, { job, subject: "nightly succeeded", output: "all fine\n" })
      const message = only(server.received)
      assert.deepStrictEqual(
        [message.from, message.to],
        ["symbiont@example.com", ["ops@example.com", "security@example.com"]]
      )
      const { headers, parts } = parseMime(message.raw)
      const shown = (name: string) => headers.get(name)
      assert.deepStrictEqual(shown("from"), ["symbiont@example.com"])
      assert.deepStrictEqual(shown("to"), ["ops@example.com, Sécurité <security@example.com>"])
      assert.deepStrictEqual(shown("subject"), ["nightly succeeded"])
      assert.deepStrictEqual(shown("message-id"), [`<${id}@example.com>`])
      assert.deepStrictEqual(shown("x-symbiont-delivery-id"), [id])
      assert.deepStrictEqual(shown("auto-submitted"), ["auto-generated"])
      assert.deepStrictEqual(shown("date"), ["Thu, 01 Jan 1970 00:00:00 +0000"])
      assert.deepStrictEqual(
        parts.map((part) => part.type),
        ["text/plain", "text/html"]
      )
      assert.strictEqual(
        parts[0]?.text,
        "all fine\n\n-- \nJob: nightly\nStatus: succeeded\nSlot: 2026-02-15T14:29:00Z\nRun: run_01jq0000000000000000000000\n"
      )
      assert.match(parts[1]?.text ?? "", /<td>nightly<\/td>[\s\S]*<pre [^>]*>all fine\n<\/pre>/)
    })
  )

  it.scoped("keeps UTF-8, long lines and dots at their start", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port))
      const subject = `Übergröße 💾 日本語 ${"ж".repeat(80)}`
      const output = [
        ".",
        "..",
        ".hidden",
        "",
        "日本語 💾 ñ",
        "x".repeat(20_000),
        "tab\there",
        "= =3D trailing  ",
        "."
      ].join("\n")
      yield* send(channel, { subject, output })
      const message = only(server.received)
      const { headers } = parseMime(message.raw)
      assert.deepStrictEqual(headers.get("subject"), [subject])
      assert.strictEqual(textOf(message).split("\n\n-- \n")[0], output)
      for (const line of message.raw.split("\r\n")) assert.isAtMost(line.length, 998)
      assert.notMatch(message.raw, /[\u0080-\u00ff]/)
    })
  )

  it.scoped("is the same message over all attempts, over one connection", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port))
      yield* send(channel)
      yield* send(channel)
      const ids = server.received.map(({ raw }) => parseMime(raw).headers.get("message-id"))
      assert.deepStrictEqual(ids, [[`<${id}@example.com>`], [`<${id}@example.com>`]])
      assert.strictEqual(server.connections(), 1)
    })
  )

  it.scoped("may have a sender with a name and a domain of any script", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const email_from = "Wächter <symbiont@bücher.example>"
      yield* send(yield* emailWith(settingsFor(server.port, { email_from })))
      const message = only(server.received)
      // The server shows what it was sent in its own letters.
      assert.strictEqual(message.from, "symbiont@bücher.example")
      const { headers } = parseMime(message.raw)
      assert.deepStrictEqual(headers.get("from"), ["Wächter <symbiont@xn--bcher-kva.example>"])
      assert.deepStrictEqual(headers.get("message-id"), [`<${id}@xn--bcher-kva.example>`])
    })
  )

  it.scoped("shares a few connections with the others", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port))
      const subjects = Array.from({ length: 40 }, (_, n) => `number ${n}`)
      yield* Effect.forEach(subjects, (subject) => send(channel, { subject }), { concurrency: "unbounded" })
      assert.sameMembers(
        server.received.map(({ raw }) => parseMime(raw).headers.get("subject")?.[0] ?? ""),
        subjects
      )
      assert.isAtMost(server.connections(), 5)
    })
  )

  it.scoped("is cut where the output is too long, at the subject's 200 characters too", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port, { max_output_bytes: 1_024 }))
      yield* send(channel, { output: "é".repeat(5_000), subject: "💾".repeat(300) })
      const message = only(server.received)
      assert.match(textOf(message), /^é+\n… \(cut; 10000 bytes in all, kept with run run_01jq/)
      assert.deepStrictEqual(parseMime(message.raw).headers.get("subject"), [`${"💾".repeat(199)}…`])
    })
  )

  it.scoped("of an alert goes to the recipients of the configuration", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port, { fallback_email_recipients: ["chief@example.com"] }))
      yield* send(channel, { kind: "undelivered" })
      assert.deepStrictEqual(only(server.received).to, ["chief@example.com"])
      const without = yield* emailWith(settingsFor(server.port))
      assert.deepStrictEqual(yield* failing(without, { kind: "undelivered" }), {
        permanent: true,
        message: "there is nobody to send it to: fallback_email_recipients is empty; set it under [scheduler.delivery]"
      })
    })
  )

  it.scoped("has its recipients' variables resolved when it is sent", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port), { OPS: "ops@example.com", TWO: "a@b.c, d@e.f" })
      yield* send(channel, { job: jobTo([variable("OPS")]) })
      assert.deepStrictEqual(only(server.received).to, ["ops@example.com"])
      const unset = yield* failing(channel, { job: jobTo(["a@example.com", variable("NOBODY")]) })
      assert.isTrue(unset.permanent)
      assert.match(unset.message, /^email_recipients\[1\] needs the environment variable NOBODY, which is not set/)
      const two = yield* failing(channel, { job: jobTo([variable("TWO")]) })
      assert.match(two.message, /^email_recipients\[0\]: "\$\{TWO\}" is no email address: it looks like several/)
      assert.isTrue(two.permanent)
    })
  )

  it.scoped("needs a server, a sender and somebody to send it to", () =>
    Effect.gen(function* () {
      const { email_from: _, ...noSender } = settingsFor(1)
      const { smtp_host: __, ...noHost } = settingsFor(1)
      const cases: ReadonlyArray<readonly [Settings, Job, RegExp]> = [
        [noSender, ops, /^no email can be sent: set email_from under \[scheduler\.delivery\]$/],
        [noHost, ops, /^no email can be sent: set smtp_host/],
        [
          settingsFor(1),
          jobNamed("nightly"),
          /^there is nobody to send it to: email_recipients is empty; set it in the job$/
        ],
        [settingsFor(1, { email_from: "nobody" }), ops, /^email_from: "nobody" is no email address: it has no @$/],
        [settingsFor(1, { smtp_username: "me" }), ops, /^smtp_username is set without smtp_password/],
        [settingsFor(1, { smtp_ca: "/no/such.pem" }), ops, /^smtp_ca: \/no\/such\.pem cannot be read/],
        [settingsFor(1, { smtp_ca: "package.json" }), ops, /^smtp_ca: .*package\.json: it holds no certificate/]
      ]
      for (const [settings, job, expected] of cases) {
        const { message, permanent } = yield* failing(yield* emailWith(settings), { job })
        assert.match(message, expected)
        assert.isTrue(permanent)
      }
    })
  )
})

describe("an email of a hostile job", () => {
  it.scoped("has no header that its job, its subject or its output wrote", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port))
      const attack = "x\r\nBcc: victim@example.com\r\n\r\n.\r\nMAIL FROM:<evil@example.com>\r\n"
      for (const text of [
        attack,
        attack.replaceAll("\r\n", "\n"),
        attack.replaceAll("\r\n", "\r"),
        `\u2028${attack}\u0085\0`
      ]) {
        yield* send(channel, {
          subject: text,
          output: text,
          job: { ...ops, name: `${ops.name}${text}` as typeof ops.name }
        })
      }
      assert.lengthOf(server.received, 4)
      for (const message of server.received) {
        const { headers } = parseMime(message.raw)
        assert.deepStrictEqual([message.from, message.to], ["symbiont@example.com", ["ops@example.com"]])
        assert.deepStrictEqual([...headers.keys()].sort(), [
          "auto-submitted",
          "content-type",
          "date",
          "from",
          "message-id",
          "mime-version",
          "subject",
          "to",
          "x-symbiont-delivery-id"
        ])
        for (const values of headers.values()) assert.lengthOf(values, 1)
        assert.match(headers.get("subject")?.[0] ?? "", /^x Bcc: victim@example\.com \. MAIL FROM:<evil@example\.com>$/)
        assert.notMatch(message.raw, /\r(?!\n)|(?<!\r)\n|\0/)
      }
    })
  )

  it.scoped("shows its output in HTML as text", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port))
      const output = `</pre><script>alert("1")</script>&amp;\u001b[2J`
      yield* send(channel, { output, job: { ...ops, name: "<img src=x>" as typeof ops.name } })
      const html = parseMime(only(server.received).raw).parts[1]?.text ?? ""
      assert.notMatch(html, /<script|<img/)
      assert.include(html, "&lt;/pre&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;␛[2J</pre>")
    })
  )

  it.scoped("is not sent to addresses that are none", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port))
      const wrong = [
        "a@example.com\r\nRCPT TO:<evil@example.com>",
        "a@example.com\0",
        "a@example.com,b@example.com",
        "a@example.com;b@example.com",
        "nobody",
        "",
        "@example.com",
        "a@",
        "a b@example.com",
        "a@b@example.com",
        "<a@example.com> SIZE=1",
        "<a@example.com><b@example.com>",
        "a@exam ple.com",
        "a@-example.com",
        "a..b@example.com",
        "a@example..com",
        '"a b"@example.com',
        "a(comment)@example.com",
        `${"x".repeat(65)}@example.com`,
        `x@${"y".repeat(300)}`,
        "a@[127.0.0.1] b"
      ]
      for (const address of wrong) {
        const { message, permanent } = yield* failing(channel, { job: jobTo(["fine@example.com", address]) })
        assert.isTrue(permanent, address)
        assert.match(message, /^email_recipients\[1\]: ".*" is no email address: /)
        assert.notMatch(message, /\r|\n/)
        const from = yield* emailWith(settingsFor(server.port, { email_from: address === "" ? " " : address }))
        assert.match((yield* failing(from)).message, /^email_from: ".*" is no email address: /)
      }
      assert.strictEqual(server.connections(), 0)
    })
  )
})

describe("addressProblem", () => {
  it("knows addresses as people write them", () => {
    for (const address of [
      "ops@example.com",
      "first.last+tag@sub.example.co.uk",
      "root@localhost",
      "Ops Team <ops@example.com>",
      '"Ops Team" <ops@example.com>',
      "<ops@example.com>",
      "jürgen@bücher.example",
      "a@[192.0.2.1]",
      variable("OPS_EMAIL"),
      `Ops <${variable("USER")}@example.com>`
    ])
      assert.isUndefined(addressProblem(address), address)
  })

  it("looks for the @ in the address, not in the name before it", () => {
    assert.strictEqual(addressProblem("@<aa>"), '"@<aa>" is no email address: it has no @ between < and >')
    assert.isUndefined(addressProblem("ops@example.com <ops@example.com>"))
  })

  it("lets nothing pass that could end an address early", () => {
    const piece = fc.constantFrom("a", "@", "b.c", "<", ">", " ", ",", ";", "\r", "\n", '"', "\\", "\0", ":", "é")
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const text = pieces.join("")
        if (addressProblem(text) !== undefined) return
        assert.match(text, /^ *(?:[^<>\r\n,;]*<[^\s<>@,;:"\\]+@[^\s<>@,;:"\\]+>|[^\s<>@,;:"\\]+@[^\s<>@,;:"\\]+) *$/)
      }),
      { numRuns: 5_000 }
    )
  })
})

describe("the connection to the mail server", () => {
  const login = { user: "me@example.com", password: "s3cret-password" }
  const account: Settings = { smtp_username: login.user, smtp_password: login.password }

  it.scoped("is upgraded where the server offers it, and logs in", () =>
    Effect.gen(function* () {
      for (const [method, host] of [
        ["PLAIN", "127.0.0.1"],
        ["LOGIN", "localhost"]
      ] as const) {
        const server = yield* smtpServer({ login, server: { authMethods: [method] } })
        yield* send(yield* emailWith(settingsFor(server.port, { ...account, smtp_host: host })))
        const { isSecure, user } = only(server.received)
        assert.deepStrictEqual([isSecure, user], [true, login.user])
        assert.deepStrictEqual(server.logins, [{ method, isSecure: true }])
      }
    })
  )

  it.scoped("is TLS from the start where that is asked for", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer({ login, server: { secure: true } })
      yield* send(yield* emailWith(settingsFor(server.port, { ...account, smtp_tls: "implicit" })))
      assert.isTrue(only(server.received).isSecure)
    })
  )

  it.scoped("stays plain where the server offers nothing and nothing asks for more", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer({ server: { disabledCommands: ["STARTTLS", "AUTH"] } })
      yield* send(yield* emailWith(settingsFor(server.port)))
      const offering = yield* smtpServer()
      yield* send(yield* emailWith(settingsFor(offering.port, { smtp_tls: "off" })))
      assert.deepStrictEqual([only(server.received).isSecure, only(offering.received).isSecure], [false, false])
    })
  )

  it.scoped("carries a password in the clear to this machine only", () =>
    Effect.gen(function* () {
      const plain = { login, server: { disabledCommands: ["STARTTLS"], allowInsecureAuth: true } }
      const local = yield* smtpServer(plain)
      yield* send(yield* emailWith(settingsFor(local.port, account)))
      assert.deepStrictEqual(local.logins, [{ method: "PLAIN", isSecure: false }])

      const host = Object.values(networkInterfaces())
        .flat()
        .find((it) => it?.internal === false && it.family === "IPv4")?.address
      if (host === undefined) return
      const distant = yield* smtpServer({ ...plain, host })
      const failure = yield* failing(yield* emailWith(settingsFor(distant.port, { ...account, smtp_host: host })))
      assert.isTrue(failure.permanent)
      assert.match(failure.message, /offers no STARTTLS \(5\d\d .*\), and the password is not sent without it/)
      assert.deepStrictEqual(distant.logins, [])
    })
  )

  it.scoped("is given up where TLS is required and not offered", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer({ server: { disabledCommands: ["STARTTLS"] } })
      const failure = yield* failing(yield* emailWith(settingsFor(server.port, { smtp_tls: "required" })))
      assert.isTrue(failure.permanent)
      assert.match(failure.message, /offers no STARTTLS .* smtp_tls asks for it/)
      assert.lengthOf(server.received, 0)
    })
  )

  it.scoped("is given up where the certificate is not to be trusted, and says why", () =>
    Effect.gen(function* () {
      const cases = [
        ["trusted", { smtp_ca: certificates.otherName }, /is not trusted; name the PEM file of its issuer in smtp_ca/],
        ["expired", { smtp_ca: certificates.expired }, /has expired; renew it on the server \(CERT_HAS_EXPIRED\)/],
        ["otherName", { smtp_ca: certificates.otherName }, /is made out to other names; set smtp_host/]
      ] as const
      for (const [certificate, settings, expected] of cases) {
        for (const smtp_tls of ["auto", "implicit"] as const) {
          const server = yield* smtpServer({ certificate, login, server: { secure: smtp_tls === "implicit" } })
          const channel = yield* emailWith(settingsFor(server.port, { ...account, smtp_tls, ...settings }))
          const { message, permanent } = yield* failing(channel)
          assert.match(message, expected)
          assert.isTrue(permanent)
          assert.deepStrictEqual(server.logins, [])
        }
      }
    })
  )

  it.scoped("is given up where the login is refused, without the account in what is said", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer({ login })
      const channel = yield* emailWith(settingsFor(server.port, { ...account, smtp_password: "wr0ng-password" }))
      assert.deepStrictEqual(yield* failing(channel), {
        permanent: true,
        message: `127.0.0.1:${server.port} refused the login (535 5.7.8 [redacted] may not log in with [redacted]); check smtp_username and smtp_password`
      })
    })
  )

  it.scoped("is not told of with what it logged in with, however the server repeats it", () =>
    Effect.gen(function* () {
      const base64 = (text: string) => Buffer.from(text).toString("base64").replaceAll("=", "")
      const { password, user } = login
      const echoes = [user, password, base64(user), base64(password), base64(`\0${user}\0${password}`)]
      const server = yield* smtpServer({ login, atData: () => refusal(550, echoes.join(" ")) })
      const { message } = yield* failing(yield* emailWith(settingsFor(server.port, account)))
      assert.strictEqual(
        message,
        `127.0.0.1:${server.port} refused the message (550 ${echoes.map(() => "[redacted]").join(" ")})`
      )
    })
  )

  it.scoped("ends with the scope, whatever is on it", () =>
    Effect.gen(function* () {
      const server = yield* rawServer((socket) => void socket.write("220 hello\r\n"))
      const scope = yield* Scope.make()
      const channel = yield* Scope.extend(emailWith(settingsFor(server.port)), scope)
      const sending = yield* Effect.fork(Effect.exit(send(channel)))
      yield* until(() => server.heard.length > 0)
      yield* Scope.close(scope, Exit.void)
      const { _tag } = yield* Fiber.join(sending)
      assert.strictEqual(_tag, "Failure")
      yield* until(() => server.open() === 0)
    })
  )

  it.scoped("ends when the attempt is interrupted, and the next one gets another", () =>
    Effect.gen(function* () {
      const server = yield* rawServer((socket) => void socket.write("220 hello\r\n"))
      const channel = yield* emailWith(settingsFor(server.port))
      const sending = yield* Effect.fork(send(channel))
      yield* until(() => server.heard.length > 0)
      yield* Fiber.interrupt(sending)
      const next = yield* Effect.fork(send(channel))
      yield* until(() => server.connections() === 2)
      yield* Fiber.interrupt(next)
    })
  )
})

describe("a mail server that refuses", () => {
  const stages = [
    ["the sender", (error: Error) => ({ atSender: () => error })],
    ["the recipients ops@example.com", (error: Error) => ({ atRecipient: () => error })],
    ["the message", (error: Error) => ({ atData: () => error })]
  ] as const

  it.scoped("for now is tried again", () =>
    Effect.gen(function* () {
      for (const [what, at] of stages) {
        const server = yield* smtpServer(at(refusal(451, "come back later")))
        assert.deepStrictEqual(yield* failing(yield* emailWith(settingsFor(server.port))), {
          permanent: false,
          message: `127.0.0.1:${server.port} refused ${what} (451 come back later); it may be taken later`
        })
      }
    })
  )

  it.scoped("for good is not", () =>
    Effect.gen(function* () {
      for (const [what, at] of stages) {
        const server = yield* smtpServer(at(refusal(550, "we do not want this")))
        assert.deepStrictEqual(yield* failing(yield* emailWith(settingsFor(server.port))), {
          permanent: true,
          message: `127.0.0.1:${server.port} refused ${what} (550 we do not want this)`
        })
      }
    })
  )

  it.scoped("one recipient of several says who got it and who did not", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer({
        atRecipient: (address) => (address === "gone@example.com" ? refusal(550, "no such user") : undefined)
      })
      const job = jobTo(["a@example.com", "gone@example.com", "b@example.com"])
      assert.deepStrictEqual(yield* failing(yield* emailWith(settingsFor(server.port)), { job }), {
        permanent: true,
        message: `127.0.0.1:${server.port} took the message for a@example.com, b@example.com and refused gone@example.com (550 no such user); correct email_recipients, it is not sent again`
      })
      assert.deepStrictEqual(only(server.received).to, ["a@example.com", "b@example.com"])
    })
  )

  /** Refuses some addresses, each time by the next of these codes; those without one are taken. */
  const refusing = (codes: Readonly<Record<string, ReadonlyArray<number>>>) => {
    const times = new Map<string, number>()
    return smtpServer({
      atRecipient: (address) => {
        const time = times.get(address) ?? 0
        times.set(address, time + 1)
        const code = codes[address]?.[time]
        return code === undefined ? undefined : refusal(code, code < 500 ? "come back later" : "no such user")
      }
    })
  }
  const three = jobTo(["a@example.com", "Bücher <b@bücher.example>", "c@example.com"])

  it.scoped("one recipient for now is asked again for that one alone, in a message to all", () =>
    Effect.gen(function* () {
      const server = yield* refusing({ "c@example.com": [451, 451] })
      const channel = yield* emailWith(settingsFor(server.port))
      const later = {
        permanent: false,
        message: `127.0.0.1:${server.port} took the message for a@example.com, b@bücher.example and refused c@example.com (451 come back later); it may be taken later`
      }
      assert.deepStrictEqual(yield* failing(channel, { job: three }), later)
      assert.deepStrictEqual(yield* failing(channel, { job: three }), later)
      yield* send(channel, { job: three })
      assert.deepStrictEqual(
        server.received.map(({ to }) => to),
        [["a@example.com", "b@bücher.example"], ["c@example.com"]]
      )
      const [first, last] = server.received.map(({ raw }) => parseMime(raw).headers.get("to"))
      assert.deepStrictEqual(last, first)
      assert.match(String(last), /a@example\.com, .*, c@example\.com/)
      // Sent anew by hand once it has arrived, it goes to all.
      yield* send(channel, { job: three })
      assert.lengthOf(server.received[2]?.to ?? [], 3)
    })
  )

  it.scoped("one for now and one for good is asked again until only the latter is left", () =>
    Effect.gen(function* () {
      const server = yield* refusing({
        "b@xn--bcher-kva.example": [550, 550, 550],
        "b@bücher.example": [550, 550, 550],
        "c@example.com": [451]
      })
      const channel = yield* emailWith(settingsFor(server.port))
      assert.deepStrictEqual(yield* failing(channel, { job: three }), {
        permanent: false,
        message: `127.0.0.1:${server.port} took the message for a@example.com and refused b@bücher.example (550 no such user), c@example.com (451 come back later); it may be taken later for c@example.com; correct email_recipients for b@bücher.example`
      })
      const rest = {
        permanent: true,
        message: `127.0.0.1:${server.port} took the message for a@example.com, c@example.com and refused b@bücher.example (550 no such user); correct email_recipients, it is not sent again`
      }
      assert.deepStrictEqual(yield* failing(channel, { job: three }), rest)
      // Also when nobody takes what is left.
      assert.deepStrictEqual(yield* failing(channel, { job: three }), rest)
      assert.deepStrictEqual(
        server.received.map(({ to }) => to),
        [["a@example.com"], ["c@example.com"]]
      )
      yield* send(channel, { job: jobTo(["a@example.com", "c@example.com"]) })
      assert.lengthOf(server.received, 2)
    })
  )

  it.scoped("all recipients, some of them for now, is asked again", () =>
    Effect.gen(function* () {
      const server = yield* refusing({ "a@example.com": [451], "c@example.com": [550] })
      const job = jobTo(["a@example.com", "c@example.com"])
      assert.deepStrictEqual(yield* failing(yield* emailWith(settingsFor(server.port)), { job }), {
        permanent: false,
        message: `127.0.0.1:${server.port} refused the recipients a@example.com (451 come back later), c@example.com (550 no such user); it may be taken later for a@example.com; correct email_recipients for c@example.com`
      })
    })
  )

  it.scoped("a recipient of an alert says which key names it", () =>
    Effect.gen(function* () {
      const server = yield* refusing({ "c@example.com": [550] })
      const settings = settingsFor(server.port, { fallback_email_recipients: ["a@example.com", "c@example.com"] })
      const { message } = yield* failing(yield* emailWith(settings), { kind: "undelivered" })
      assert.match(message, /; correct fallback_email_recipients, it is not sent again$/)
    })
  )

  it.scoped("does not make known what a recipient's variable stands for", () =>
    Effect.gen(function* () {
      const secret = /s3cr3t|cor\.example/i
      const variables = { CANARY: "s3cr3t", WHO: "Jo S3cr3t <s3cr3t@cor.example>" }
      const job = jobTo([`${variable("CANARY")}@example.com`, variable("WHO"), "a@example.com"])
      for (const [code, place] of [
        [451, "some"],
        [550, "some"],
        [550, "all"],
        [550, "sender"],
        [451, "data"]
      ] as const) {
        const said = () => refusal(code, "<s3cr3t@cor.example> S3CR3T@example.com s3cr3t cor.example")
        const server = yield* smtpServer({
          ...(place === "some" ? { atRecipient: (to: string) => (to === "a@example.com" ? undefined : said()) } : {}),
          ...(place === "all" ? { atRecipient: said } : {}),
          ...(place === "sender" ? { atSender: said } : {}),
          ...(place === "data" ? { atData: said } : {})
        })
        const { message } = yield* failing(yield* emailWith(settingsFor(server.port), variables), { job })
        assert.notMatch(message, secret, place)
        assert.include(message, "[redacted]")
        if (place === "some" || place === "all") {
          assert.include(message, `\${CANARY}@example.com (${code} <[redacted]> [redacted] [redacted] [redacted])`)
        }
      }
      const wrong = yield* failing(yield* emailWith(settingsFor(1), variables), { job: jobTo([variable("CANARY")]) })
      assert.strictEqual(wrong.message, `email_recipients[0]: "${variable("CANARY")}" is no email address: it has no @`)
    })
  )

  it.scoped("has its answer cut and its control characters removed", () =>
    Effect.gen(function* () {
      const server = yield* rawServer((socket) => {
        socket.write("220 hello\r\n")
        socket.on("data", () => void socket.write(`550 \u001b[31m${"no ".repeat(500)}\r\n`))
      })
      const { message, permanent } = yield* failing(yield* emailWith(settingsFor(server.port)))
      assert.isTrue(permanent)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
      assert.notMatch(message, /[\u0000-\u001f\u007f-\u009f]/)
      assert.isBelow(message.length, 350)
    })
  )
})

describe("a mail server that cannot be used", () => {
  const short = { connect: 200, greeting: 200, silence: 200 }

  it.scoped("is tried again, whatever ails it", () =>
    Effect.gen(function* () {
      const greet = (then: (socket: Socket) => void) =>
        rawServer((socket) => {
          socket.write("220 hello\r\n")
          then(socket)
        })
      const servers = {
        "says nothing": yield* rawServer(() => {}),
        "says nothing after its greeting": yield* greet(() => {}),
        "half-closes": yield* rawServer((socket) => void socket.end()),
        "half-closes after its greeting": yield* greet((socket) => void socket.end()),
        resets: yield* rawServer((socket) => void socket.resetAndDestroy()),
        "resets after its greeting": yield* greet((socket) => socket.on("data", () => socket.resetAndDestroy())),
        "is another kind of server": yield* rawServer((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
        "closes down": yield* rawServer((socket) => void socket.end("421 closing down\r\n"))
      }
      for (const [what, { port }] of Object.entries(servers)) {
        const { message, permanent } = yield* failing(yield* emailWith(settingsFor(port), {}, short))
        assert.isFalse(permanent, `${what}: ${message}`)
        assert.match(message, new RegExp(`^127\\.0\\.0\\.1:${port} `))
      }
    })
  )

  it.scoped("because nothing is there is tried again", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(
        Effect.map(
          rawServer(() => {}),
          (server) => server.port
        )
      )
      assert.deepStrictEqual(yield* failing(yield* emailWith(settingsFor(port))), {
        permanent: false,
        message: `127.0.0.1:${port} cannot be used: nothing listens there; check smtp_host and smtp_port (ECONNREFUSED)`
      })
    })
  )

  it.scoped("because it does not speak TLS is tried again", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const failure = yield* failing(yield* emailWith(settingsFor(server.port, { smtp_tls: "implicit" })))
      assert.isFalse(failure.permanent)
      assert.match(failure.message, /does not speak TLS.*check smtp_port and smtp_tls/)
    })
  )

  it.scoped("is asked anew when it closed a connection that was idle", () =>
    Effect.gen(function* () {
      const server = yield* smtpServer()
      const channel = yield* emailWith(settingsFor(server.port))
      yield* send(channel)
      server.hangUp()
      yield* send(channel)
      assert.lengthOf(server.received, 2)
      assert.strictEqual(server.connections(), 2)
    })
  )
})
