import { text as readAll } from "node:stream/consumers"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { AgentPinRefused } from "../../Domain/AgentPin.ts"
import { Instant, shortInstant } from "../../Domain/Instant.ts"
import { oneOf } from "../Arguments.ts"
import { CliError, unreadable } from "../Errors.ts"
import { plain } from "../Table.ts"
import { domain, domainOf } from "./Options.ts"

const usage = (message: string) => new CliError({ kind: "usage", message })

const readFile = (file: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.mapError(fs.readFileString(file), unreadable(file)))

const optionalFile = (name: string, description: string) =>
  Options.text(name).pipe(Options.withPseudoName("file"), Options.withDescription(description), Options.optional)

const readOptional = Option.match({ onNone: () => Effect.succeed(undefined), onSome: readFile })

interface Answer {
  readonly result: string
  readonly detail: string
}

const print = ({ detail, result }: Answer, as: "table" | "json") =>
  Console.log(as === "json" ? JSON.stringify({ result, detail }) : plain(`${result}: ${detail}`))

/** `symbi agentpin verify` */
export const verify = Command.make(
  "verify",
  {
    credential: Args.text({ name: "jwt" }).pipe(Args.withDescription("the credential, or - for standard input")),
    agent: Options.text("agent").pipe(Options.withDescription("the job's agent, by name or URN")),
    domain,
    discovery: Options.text("discovery").pipe(
      Options.withPseudoName("file"),
      Options.withDescription("the domain's agent-identity.json")
    ),
    revocations: optionalFile(
      "revocations",
      "the domain's agent-identity-revocations.json; without it every credential is refused"
    ),
    makers: optionalFile("makers", "JSON object of makers' discovery documents by domain"),
    audience: Options.text("audience").pipe(
      Options.withDescription("the verifier's own domain, that aud is compared with"),
      Options.optional
    ),
    capabilities: Options.text("capability").pipe(
      Options.withDescription("a capability that the credential must hold, such as read:reports; may be repeated"),
      Options.repeated
    ),
    at: Options.text("at").pipe(
      Options.withPseudoName("instant"),
      Options.withDescription("judge as of this instant, such as 2026-02-15T14:30:00Z (default now)"),
      Options.optional
    ),
    format: oneOf("format", ["table", "json"]).pipe(
      Options.withDescription("table for people (the default), json for programs"),
      Options.withDefault("table" as const)
    )
  },
  (options) =>
    Effect.gen(function* () {
      const { parseDiscovery, parseMakers, parseRevocations, Refusal, verifyCredential, withoutLineBreak } =
        yield* Effect.promise(() => import("../../AgentPin.ts"))
      const trusted = yield* domainOf(options.domain)
      const now = yield* Option.match(options.at, {
        onNone: () => Clock.currentTimeMillis,
        onSome: (text) =>
          Effect.mapError(Schema.decode(Instant)(text), () =>
            usage("--at must be an instant such as 2026-02-15T14:30:00Z")
          )
      })
      const unusual = options.capabilities.find((name) => !name.includes(":"))
      if (unusual !== undefined) return yield* usage(`--capability ${plain(unusual)}: write action:resource`)
      const discovery = yield* readFile(options.discovery)
      const revocations = yield* readOptional(options.revocations)
      const makers = yield* readOptional(options.makers)
      const token =
        options.credential === "-"
          ? withoutLineBreak(yield* Effect.promise(() => readAll(process.stdin)))
          : options.credential
      const outcome: Either.Either<{ readonly credential: { exp: number; agent_id: string } }, AgentPinRefused> =
        yield* Effect.either(
          verifyCredential(token, {
            now,
            domain: trusted,
            audience: Option.getOrUndefined(options.audience),
            agent: options.agent,
            capabilities: options.capabilities,
            discovery: () => parseDiscovery(discovery, trusted),
            revocation:
              revocations === undefined
                ? new Refusal({
                    code: "DISCOVERY_FETCH_FAILED",
                    detail: "what the domain revoked is not known; give its document with --revocations"
                  })
                : parseRevocations(revocations, trusted),
            makers: makers === undefined ? Effect.succeed(new Map()) : parseMakers(makers)
          })
        )
      if (outcome._tag === "Left") {
        const { code, detail } = outcome.left
        yield* print({ result: code, detail }, options.format)
        return yield* new CliError({ kind: "failed", message: "the credential is refused" })
      }
      const { agent_id, exp } = outcome.right.credential
      yield* print({ result: "ok", detail: `it is for ${agent_id}, until ${shortInstant(exp)}` }, options.format)
    })
).pipe(Command.withDescription("Judge a credential by given documents, as a run would; no service, nothing remembered"))
