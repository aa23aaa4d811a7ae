import { readFileSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { SMTPServer, type SMTPServerOptions } from "smtp-server"

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))

/** Paths of self-signed certificates for `localhost` and 127.0.0.1, one of them expired; one is for another name. */
export const certificates = {
  trusted: fixture("trusted.pem"),
  expired: fixture("expired.pem"),
  otherName: fixture("other-name.pem")
}

/** One message as a server got it. */
export interface Received {
  readonly from: string
  readonly to: ReadonlyArray<string>
  /** As it came over the wire, dots unstuffed. */
  readonly raw: string
  readonly isSecure: boolean
  readonly user: string | undefined
}

/** A refusal with its SMTP code. */
export const refusal = (responseCode: number, text: string): Error => Object.assign(new Error(text), { responseCode })

/** What a mail server does otherwise than taking everything. */
export interface SmtpOptions {
  readonly host?: string
  readonly certificate?: keyof typeof certificates
  readonly server?: SMTPServerOptions
  readonly login?: { readonly user: string; readonly password: string }
  readonly atSender?: () => Error | undefined
  readonly atRecipient?: (address: string) => Error | undefined
  readonly atData?: () => Error | undefined
}

const portOf = (server: Pick<Server, "address">): number => {
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

/** A real SMTP server on the loopback that keeps what it gets; gone with the scope. Logins need TLS unless told otherwise. */
export const smtpServer = (options: SmtpOptions = {}) =>
  Effect.gen(function* () {
    const received: Array<Received> = []
    const logins: Array<{ readonly method: string; readonly isSecure: boolean }> = []
    let connections = 0
    const server = new SMTPServer({
      key: readFileSync(fixture("key.pem")),
      cert: readFileSync(certificates[options.certificate ?? "trusted"]),
      authOptional: options.login === undefined,
      disableReverseLookup: true,
      closeTimeout: 100,
      logger: false,
      ...options.server,
      onConnect: (_, done) => {
        connections++
        done()
      },
      onAuth: ({ method, password, username }, session, done) => {
        logins.push({ method, isSecure: session.secure })
        const { login } = options
        if (login?.user === username && login?.password === password) return done(null, { user: username })
        done(refusal(535, `5.7.8 ${username} may not log in with ${password}`))
      },
      onMailFrom: (_, __, done) => done(options.atSender?.()),
      onRcptTo: ({ address }, _, done) => done(options.atRecipient?.(address)),
      onData: (stream, session, done) => {
        const chunks: Array<Buffer> = []
        stream.on("data", (chunk: Buffer) => chunks.push(chunk))
        stream.on("end", () => {
          const error = options.atData?.()
          if (error !== undefined) return done(error)
          const { mailFrom, rcptTo } = session.envelope
          received.push({
            from: mailFrom === false ? "" : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            raw: Buffer.concat(chunks).toString("latin1"),
            isSecure: session.secure,
            user: session.user
          })
          done()
        })
      }
    })
    // A client that goes away in the middle of a handshake is what some tests are about.
    server.on("error", () => {})
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, options.host ?? "127.0.0.1", () => resume(Effect.void))
      }),
      () => Effect.async<void>((resume) => server.close(() => resume(Effect.void)))
    )
    return {
      port: portOf(server.server),
      received,
      logins,
      connections: () => connections,
      /** Ends all connections, as servers do with those that have long been idle. */
      hangUp: () => {
        for (const connection of server.connections) connection.close()
      }
    }
  })

/** A TCP server on the loopback that does as it is told with each connection; `talk` counts them. Gone with the scope. */
export const rawServer = (talk: (socket: Socket, count: number) => void) =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    const heard: Array<string> = []
    let count = 0
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
      socket.on("error", () => {})
      socket.on("data", (chunk) => void heard.push(chunk.toString("latin1")))
      talk(socket, ++count)
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    )
    return { port: portOf(server), heard, open: () => sockets.size, connections: () => count }
  })
