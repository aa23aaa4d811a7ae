import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { DeliveryFailure } from "../Domain/Delivery.ts"
import type { Job } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import { interpolate, ServiceEnvironment } from "../ServiceEnvironment.ts"
import { Settings } from "../Settings.ts"
import { deliveryNotes } from "./CurrentDelivery.ts"
import { cutOutput } from "./Cut.ts"
import { parseAddress, resolvedAddressProblem } from "./Email/Address.ts"
import { defaultTimeouts, type MailTimeouts, makeMailer } from "./Email/Mailer.ts"
import { messageOf } from "./Email/Message.ts"
import { type Recipient, recipientOf } from "./Email/Recipient.ts"

export { addressProblem } from "./Email/Address.ts"

const refuse = (message: string) => new DeliveryFailure({ channel: "email", message, permanent: true })

/** A text that is an address; left says what is wrong with it, as it is written. */
const checked = (text: string, where: string, written = text) => {
  const problem = resolvedAddressProblem(text, written)
  return problem === undefined ? Either.right(text) : Either.left(refuse(`${where}: ${problem}`))
}

/** {@link makeEmail} with a server that may take as long as these say. */
export const makeEmailWithin = Effect.fnUntraced(function* (timeouts: MailTimeouts) {
  const { variables } = yield* ServiceEnvironment
  const settings = (yield* Settings).scheduler.delivery
  const send = yield* makeMailer(settings, timeouts)

  const recipientsOf = (
    job: Job,
    isAlert: boolean,
    key: string
  ): Either.Either<ReadonlyArray<Recipient>, DeliveryFailure> => {
    const written = (isAlert ? settings.fallback_email_recipients : job.email_recipients) ?? []
    if (written.length === 0) {
      const where = isAlert ? "set it under [scheduler.delivery]" : "set it in the job"
      return Either.left(refuse(`there is nobody to send it to: ${key} is empty; ${where}`))
    }
    return Either.all(
      written.map((entry, index) => {
        const where = `${key}[${index}]`
        const resolved = Either.mapLeft(interpolate(entry, variables), (name) =>
          refuse(
            `${where} needs the environment variable ${name}, which is not set; set it for the service and restart`
          )
        )
        return resolved.pipe(
          Either.flatMap((text) => checked(text, where, entry)),
          Either.map((text) => recipientOf(text, entry, variables))
        )
      })
    )
  }

  return Effect.fn("Delivery.email")(function* (job: Job, run: Run, output: string) {
    const { email_from, max_output_bytes, smtp_host } = settings
    const notes = yield* deliveryNotes("email", run)
    if (smtp_host === undefined || email_from === undefined) {
      const key = smtp_host === undefined ? "smtp_host" : "email_from"
      return yield* refuse(`no email can be sent: set ${key} under [scheduler.delivery]`)
    }
    const from = parseAddress(yield* checked(email_from, "email_from"))
    const isAlert = notes.kind === "undelivered"
    const key = isAlert ? "fallback_email_recipients" : "email_recipients"
    const to = yield* recipientsOf(job, isAlert, key)
    yield* send(
      smtp_host,
      messageOf({ from, to, job, run, notes, output: cutOutput(output, max_output_bytes, run.id) }),
      key
    )
  })
})

/** Sends each output as one message to all recipients, by the SMTP server of the settings. */
export const makeEmail = makeEmailWithin(defaultTimeouts)
