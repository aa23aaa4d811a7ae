import type { NodemailerError } from "nodemailer"
import { DeliveryFailure } from "../../Domain/Delivery.ts"
import { answerText, withoutThese } from "../AnswerText.ts"
import { oneLine } from "../OneLine.ts"
import { formOf, type Recipient } from "./Recipient.ts"

/** What failure texts need to know of the server. */
export interface MailServer {
  /** `host:port`. */
  readonly name: string
  readonly hasPassword: boolean
  /** Never to be shown, whatever the server answers. */
  readonly secrets: ReadonlyArray<string>
}

/** What was to be sent, and what is known of it. */
export interface Sending {
  readonly server: MailServer
  readonly to: ReadonlyArray<Recipient>
  /** The key that names the recipients. */
  readonly key: string
  /** The addresses that have the message, in the form in which they are compared. */
  readonly taken: ReadonlySet<string>
}

/** A recipient that the server refused. */
interface Refused {
  readonly shown: string
  readonly answer: string
  readonly permanent: boolean
}

const listed = (addresses: ReadonlyArray<string>): string => oneLine(addresses.join(", "), 300)

const quoted = (answer: string, secrets: ReadonlyArray<string>): string => answerText(withoutThese(secrets)(answer))

const fail = (permanent: boolean, message: string) => new DeliveryFailure({ channel: "email", permanent, message })

const secretsOf = ({ server, to }: Sending): ReadonlyArray<string> => [
  ...server.secrets,
  ...to.flatMap(({ secrets }) => secrets)
]

const refusedBy = (errors: ReadonlyArray<NodemailerError>, sending: Sending): ReadonlyArray<Refused> =>
  errors.map(({ permanent, recipient = "somebody", response }) => ({
    shown: sending.to.find(({ form }) => form === formOf(recipient))?.shown ?? recipient,
    answer: response === undefined ? "no reason given" : quoted(response, secretsOf(sending)),
    permanent: permanent === true
  }))

const names = (refused: ReadonlyArray<Refused>): string => listed(refused.map(({ shown }) => shown))

const adviceAfter = (refused: ReadonlyArray<Refused>, { key, taken }: Sending): string => {
  const [forGood, forNow] = [refused.filter((it) => it.permanent), refused.filter((it) => !it.permanent)]
  if (forNow.length === 0) return taken.size === 0 ? "" : `; correct ${key}, it is not sent again`
  if (forGood.length === 0) return "; it may be taken later"
  return `; it may be taken later for ${names(forNow)}; correct ${key} for ${names(forGood)}`
}

/** The failure of a message that not all of its recipients got: for good where all that is left was refused for good. */
export const refusals = (errors: ReadonlyArray<NodemailerError>, sending: Sending): DeliveryFailure => {
  const { server, taken, to } = sending
  const refused = refusedBy(errors, sending)
  const why = oneLine(refused.map(({ answer, shown }) => `${oneLine(shown, 100)} (${answer})`).join(", "), 500)
  const takers = to.filter(({ form }) => taken.has(form)).map(({ shown }) => shown)
  const what = takers.length === 0 ? "refused the recipients" : `took the message for ${listed(takers)} and refused`
  return fail(
    refused.every(({ permanent }) => permanent),
    // The server's own name is the operator's, though it may be part of what a variable stands for.
    `${server.name} ${withoutThese(to.flatMap(({ secrets }) => secrets))(`${what} ${why}${adviceAfter(refused, sending)}`)}`
  )
}

const certificate = /^(?!ERR_SSL)(?:.*CERT|.*ISSUER|UNABLE_TO_VERIFY|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH)/

const certificateAdvice = (code: string): string => {
  if (code === "CERT_HAS_EXPIRED") return "has expired; renew it on the server"
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH")
    return "is made out to other names; set smtp_host to a name that it holds"
  return "is not trusted; name the PEM file of its issuer in smtp_ca"
}

const networkAdvice: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name cannot be resolved; check smtp_host",
  EAI_AGAIN: "its name cannot be resolved now; check smtp_host and the service's name servers",
  ECONNREFUSED: "nothing listens there; check smtp_host and smtp_port",
  EPROTO: "it does not speak TLS there; check smtp_port and smtp_tls",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS from the start there; check smtp_port and smtp_tls",
  ECONNECTION: "it closed the connection; its log may say why",
  ECONNRESET: "it closed the connection; its log may say why",
  EPROTOCOL: "it does not speak SMTP there; check smtp_port",
  ETIMEDOUT: "no answer in time; check smtp_host, smtp_port and smtp_tls"
}

const stages: Readonly<Record<string, string>> = {
  CONN: "the connection",
  "MAIL FROM": "the sender",
  "RCPT TO": "the recipients",
  DATA: "the message"
}

/** What became of a message that nobody got: for good where the server said so, else for now. */
export const mailFailure = (error: unknown, sending: Sending): DeliveryFailure => {
  const { server, to } = sending
  const secrets = secretsOf(sending)
  const blanked = withoutThese(to.flatMap((recipient) => recipient.secrets))
  if (!(error instanceof Error)) return fail(false, `the message could not be sent to ${server.name}`)
  const { code, command, message, originalCode, permanent, rejectedErrors, response, responseCode }: NodemailerError =
    error
  const answer = response === undefined ? "no reason given" : quoted(response, secrets)
  const isRefusal = permanent === true
  const cause = originalCode ?? code ?? ""

  if (command === "RCPT TO" && rejectedErrors?.[0] !== undefined) return refusals(rejectedErrors, sending)
  if (command === "STARTTLS" || (command === "EHLO" && isRefusal)) {
    const need = server.hasPassword
      ? "the password is not sent without it; let the server offer it, or choose smtp_tls"
      : "smtp_tls asks for it; let the server offer it, or choose another smtp_tls"
    return fail(isRefusal, `${server.name} offers no STARTTLS (${answer}), and ${need}`)
  }
  if (code === "EAUTH") {
    const temporary = responseCode !== undefined && responseCode < 500
    return fail(!temporary, `${server.name} refused the login (${answer}); check smtp_username and smtp_password`)
  }
  if (certificate.test(cause)) {
    return fail(true, `the certificate of ${server.name} ${certificateAdvice(cause)} (${cause})`)
  }
  if (responseCode !== undefined) {
    const what = stages[command ?? ""] ?? oneLine(command ?? "the message", 50)
    return fail(
      isRefusal,
      `${server.name} ${blanked(`refused ${what} (${answer})`)}${isRefusal ? "" : "; it may be taken later"}`
    )
  }
  const advice = networkAdvice[cause] ?? networkAdvice[code ?? ""] ?? quoted(message, secrets)
  return fail(code === "EENVELOPE", `${server.name} ${blanked(`cannot be used: ${advice} (${cause || "no code"})`)}`)
}
