import type { NodemailerError } from "nodemailer"
import { DeliveryFailure } from "../../Domain/Delivery.ts"
import { answerText, withoutThese } from "../AnswerText.ts"
import { oneLine } from "../OneLine.ts"

/** What failure texts need to know of the server. */
export interface MailServer {
  /** `host:port`. */
  readonly name: string
  readonly hasPassword: boolean
  /** Never to be shown, whatever the server answers. */
  readonly secrets: ReadonlyArray<string>
}

/** A recipient that the server refused. */
export interface Refused {
  readonly address: string
  readonly answer: string
}

const listed = (addresses: ReadonlyArray<string>): string => oneLine(addresses.join(", "), 300)

const quoted = (answer: string, secrets: ReadonlyArray<string>): string => answerText(withoutThese(secrets)(answer))

const fail = (permanent: boolean, message: string) => new DeliveryFailure({ channel: "email", permanent, message })

/** The failure of a message that some of its recipients got. */
export const partly = (server: MailServer, accepted: ReadonlyArray<string>, refused: ReadonlyArray<Refused>) => {
  const why = refused.map(({ address, answer }) => `${oneLine(address, 100)} (${quoted(answer, server.secrets)})`)
  return fail(
    true,
    `${server.name} took the message for ${listed(accepted)} and refused ${oneLine(why.join(", "), 500)}; correct email_recipients, it is not sent again`
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
export const mailFailure = (error: unknown, server: MailServer): DeliveryFailure => {
  if (!(error instanceof Error)) return fail(false, `the message could not be sent to ${server.name}`)
  const { code, command, message, originalCode, permanent, rejectedErrors, response, responseCode }: NodemailerError =
    error
  const answer = response === undefined ? "no reason given" : quoted(response, server.secrets)
  const isRefusal = permanent === true
  const cause = originalCode ?? code ?? ""

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
    const one = rejectedErrors?.[0]
    const whose =
      one?.recipient === undefined ? "" : ` ${listed(rejectedErrors?.map((it) => it.recipient ?? "") ?? [])}`
    const what = `${stages[command ?? ""] ?? oneLine(command ?? "the message", 50)}${whose}`
    return fail(isRefusal, `${server.name} refused ${what} (${answer})${isRefusal ? "" : "; it is tried again"}`)
  }
  const advice = networkAdvice[cause] ?? networkAdvice[code ?? ""] ?? quoted(message, server.secrets)
  return fail(code === "EENVELOPE", `${server.name} cannot be used: ${advice} (${cause || "no code"})`)
}
