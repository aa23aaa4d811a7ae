import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Client } from "../Client.ts"
import { placeOf } from "../Domain/Redaction.ts"
import { nearest } from "../Suggestion.ts"
import type { ClientError } from "./ClientErrors.ts"
import { CliError } from "./Errors.ts"

const defaultServer = "http://127.0.0.1:8080"

/** The command that all others are under, with what all of them share. */
export const symbi = Command.make("symbi", {
  server: Options.text("server").pipe(
    Options.withDescription(`where the service is (or SYMBI_SERVER; default ${defaultServer})`),
    Options.optional
  )
}).pipe(Command.withDescription("Runs AI agents on schedules, durably."))

const setIn = (name: string) =>
  Config.string(name).pipe(Config.option, Config.map(Option.filter((value) => value !== "")), Effect.orDie)

/** Where the service is asked for. */
export const serverOf = Effect.gen(function* () {
  const { server } = yield* symbi
  const text = Option.getOrElse(
    Option.orElse(server, () => Option.none<string>()),
    () => ""
  )
  const url = text !== "" ? text : Option.getOrElse(yield* setIn("SYMBI_SERVER"), () => defaultServer)
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url
  return yield* new CliError({
    kind: "usage",
    message: `"${placeOf(url)}" is no address of a service; write one such as ${defaultServer}`
  })
})

const loaded = Effect.promise(() =>
  Promise.all([import("../Client.ts"), import("./ClientErrors.ts"), import("./Answers.ts")])
)

/** How long an answer is waited for where nothing else is said, and where a lot is done for it. */
const patience = "30 seconds"
export const longPatience = "10 minutes"

/** The name of the job that was probably meant, among the first thousand. */
const nearestJob = (client: Client, word: string) =>
  client.schedule.list({ urlParams: { limit: 1_000 } }).pipe(
    Effect.map((jobs) =>
      nearest(
        word,
        jobs.map(({ name }) => name)
      )
    ),
    Effect.orElseSucceed(() => undefined)
  )

const withHint = (error: CliError, meant: string | undefined) =>
  meant === undefined ? error : new CliError({ ...error, message: `${error.message}; did you mean "${meant}"?` })

/** Where the service is, and the key to show it. */
export interface Reached {
  readonly server: string
  readonly apiKey: Redacted.Redacted | undefined
}

/** The service that a command is about. */
export const reached: Effect.Effect<Reached, CliError, Command.Command.Context<"symbi">> = Effect.gen(function* () {
  const server = yield* serverOf
  const apiKey = Option.getOrUndefined(Option.map(yield* setIn("SYMBI_API_KEY"), Redacted.make))
  if (apiKey !== undefined && !/^[\x21-\x7e]*$/.test(Redacted.value(apiKey))) {
    return yield* new CliError({
      kind: "auth",
      message: "SYMBI_API_KEY has characters that no key has (spaces, or others than ASCII); set it to a key"
    })
  }
  return { server, apiKey }
})

/**
 * Speaks to the service; whatever the service or the network answers becomes one error with its exit code. Each answer
 * is waited for as long as `within` says, null for any time.
 */
export const withClient = <A, E extends ClientError | CliError, R>(
  use: (client: Client) => Effect.Effect<A, E, R>,
  within: Duration.DurationInput | null = patience
) =>
  Effect.gen(function* () {
    const { apiKey, server } = yield* reached
    const [{ makeClient }, { fromClient }, { patientClient }] = yield* loaded
    const http = patientClient(yield* HttpClient.HttpClient, within)
    const client = yield* Effect.provideService(
      makeClient({ baseUrl: server, apiKey, client: "cli" }),
      HttpClient.HttpClient,
      http
    )
    return yield* Effect.catchAll(use(client), (error: ClientError | CliError) => {
      if (error._tag === "CliError") return error
      const told = fromClient(error, server)
      const word = told.kind === "notFound" ? /^no job with the id or name "(.*)"$/s.exec(told.message)?.[1] : undefined
      return word === undefined ? told : Effect.flatMap(nearestJob(client, word), (hint) => withHint(told, hint))
    })
  })
