import { X509Certificate } from "node:crypto"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as SynchronizedRef from "effect/SynchronizedRef"
import type { SMTPPoolOptions, SMTPPoolSentMessageInfo, Transporter } from "nodemailer"
import { DeliveryFailure } from "../../Domain/Delivery.ts"
import { ServiceEnvironment } from "../../ServiceEnvironment.ts"
import type { DeliverySettings } from "../../Settings.ts"
import { type MailServer, mailFailure, refusals } from "./Failures.ts"
import type { Message } from "./Message.ts"
import { formOf } from "./Recipient.ts"
import { makeSockets } from "./Socket.ts"
import { makeTaken } from "./Taken.ts"

const maxConnections = 5

/** How long the server may take for each step, in ms. */
export interface MailTimeouts {
  readonly connect: number
  /** From the connection to the end of its set-up, TLS and all. */
  readonly greeting: number
  /** Silence between two answers. */
  readonly silence: number
}

/** For servers as they should be. */
export const defaultTimeouts: MailTimeouts = { connect: 10_000, greeting: 15_000, silence: 20_000 }

const permanent = (message: string) => new DeliveryFailure({ channel: "email", permanent: true, message })

const pemBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** The certificates of a PEM file; left says why it has none. */
const certificatesIn = (pem: string): Either.Either<Array<string>, string> => {
  const blocks = pem.match(pemBlock) ?? []
  if (blocks.length === 0) return Either.left("it holds no certificate in PEM form")
  return Either.try({
    try: () => blocks.map((block) => new X509Certificate(block).toString()),
    catch: () => "a certificate in it cannot be read"
  })
}

/**
 * Sends messages over a few connections to the SMTP server of the settings, which are opened when first needed. Another
 * attempt of a delivery goes to those alone that have not taken it.
 */
export const makeMailer = Effect.fnUntraced(function* (settings: DeliverySettings, timeouts: MailTimeouts) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { directory } = yield* ServiceEnvironment
  const scope = yield* Effect.scope
  const { smtp_ca, smtp_password, smtp_port, smtp_tls, smtp_username } = settings

  const certificates = Effect.fnUntraced(function* (name: string) {
    const file = path.resolve(directory, name)
    const pem = yield* Effect.mapError(fs.readFileString(file), () =>
      permanent(`smtp_ca: ${file} cannot be read; write the certificates to trust there, in PEM form`)
    )
    return yield* Either.mapLeft(certificatesIn(pem), (why) => permanent(`smtp_ca: ${file}: ${why}`))
  })

  const connect = Effect.fnUntraced(function* (host: string) {
    if (smtp_username !== undefined && smtp_password === undefined)
      return yield* permanent(
        "smtp_username is set without smtp_password; set both under [scheduler.delivery], or none"
      )
    const pass = smtp_password === undefined ? "" : Redacted.value(smtp_password)
    const hasPassword = smtp_username !== undefined
    const ca = smtp_ca === undefined ? undefined : yield* certificates(smtp_ca)
    const { createTransport } = yield* Effect.promise(() => import("nodemailer"))
    const sockets = makeSockets({ host, port: smtp_port, timeout: timeouts.connect })
    const options: SMTPPoolOptions & { readonly pool: true } = {
      pool: true,
      host,
      port: smtp_port,
      secure: smtp_tls === "implicit" || (smtp_tls === "auto" && smtp_port === 465),
      ignoreTLS: smtp_tls === "off",
      ...(hasPassword ? { auth: { user: smtp_username, pass } } : {}),
      tls: { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
      maxConnections,
      // Once, for a pooled connection that the server has closed meanwhile; the outbox does all other retries.
      maxRequeues: 1,
      idleTimeout: 60_000,
      connectionTimeout: timeouts.connect + timeouts.greeting,
      greetingTimeout: timeouts.greeting,
      socketTimeout: timeouts.silence,
      socketCloseTimeout: 1_000,
      disableFileAccess: true,
      disableUrlAccess: true,
      getSocket: (_, done) =>
        sockets.open((error, opened) => {
          if (opened === undefined) return done(error)
          const { connection, isLocal } = opened
          done(null, {
            connection,
            requireTLS: smtp_tls === "required" || (smtp_tls === "auto" && hasPassword && !isLocal)
          })
        })
    }
    const transporter = yield* Effect.acquireRelease(
      Effect.sync((): Transporter<SMTPPoolSentMessageInfo> => createTransport(options)),
      (it) =>
        Effect.sync(() => {
          it.close({ force: true })
          sockets.destroyAll()
        })
    ).pipe(Scope.extend(scope))
    const both = `\0${smtp_username ?? ""}\0${pass}`
    const name = `${host.includes(":") ? `[${host}]` : host}:${smtp_port}`
    const server: MailServer = { name, hasPassword, secrets: [pass, smtp_username ?? "", both] }
    return { transporter, server }
  })

  type Connected = Effect.Effect.Success<ReturnType<typeof connect>>
  const connected = yield* SynchronizedRef.make<Connected | undefined>(undefined)

  const taken = makeTaken()

  return Effect.fnUntraced(function* (host: string, message: Message, key: string) {
    const now = yield* Clock.currentTimeMillis
    const { server, transporter } = yield* SynchronizedRef.modifyEffect(connected, (before) =>
      before === undefined
        ? Effect.map(connect(host), (made) => [made, made] as const)
        : Effect.succeed([before, before] as const)
    )
    const { deliveryId, from, html, messageId, subject, text, to } = message
    const before = taken.of(deliveryId)
    const left = to.filter(({ form }) => !before.has(form))
    if (left.length === 0) return taken.forget(deliveryId)
    const sending = { server, to, key, taken: before }
    const sent = yield* Effect.tryPromise({
      try: (signal) =>
        transporter.sendMail({
          signal,
          from: { address: from.address, name: from.name },
          to: to.map(({ address, name }) => ({ address, name })),
          envelope: { from: from.address, to: left.map(({ address }) => ({ address, name: "" })) },
          subject,
          text,
          html,
          messageId,
          date: new Date(now),
          // RFC 3834: no answering machine is to answer.
          headers: { "Auto-Submitted": "auto-generated", "X-Symbiont-Delivery-Id": deliveryId },
          xMailer: false
        }),
      catch: (error) => mailFailure(error, sending)
    })
    const refused = sent.rejectedErrors ?? []
    if (refused.length === 0) return taken.forget(deliveryId)
    taken.add(deliveryId, (sent.accepted ?? []).map(formOf))
    return yield* refusals(refused, { ...sending, taken: taken.of(deliveryId) })
  })
})
