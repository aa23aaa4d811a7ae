import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { DurationText } from "../Domain/Duration.ts"
import { shortInstant } from "../Domain/Instant.ts"
import { ApiKey, CreatedKey, KeyName, Scope } from "../Domain/Key.ts"
import { format, oneOf } from "./Arguments.ts"
import { CliError } from "./Errors.ts"
import { withClient } from "./Root.ts"
import { printRows } from "./Rows.ts"
import { iso } from "./Show.ts"
import type { Column } from "./Table.ts"
import { time, timesFor } from "./Times.ts"

const isScope = Schema.is(Scope)

const scopesOf = (words: ReadonlyArray<string>) => {
  const [first, ...others] = words.filter(isScope)
  return first === undefined || 1 + others.length < words.length
    ? new CliError({ kind: "usage", message: `--scope must be one of: ${Scope.literals.join(", ")}` })
    : Effect.succeed([first, ...others] as const)
}

const create = Command.make(
  "create",
  {
    scopes: Options.text("scope").pipe(
      Options.withPseudoName("scope"),
      Options.atLeast(1),
      Options.withDescription("what it may do: read, operate, approve or admin; give the option again for more")
    ),
    expires: Options.text("expires").pipe(
      Options.withSchema(DurationText),
      Options.withPseudoName("duration"),
      Options.withDescription("how long it is valid, such as 90d; without it, until it is revoked"),
      Options.optional
    ),
    format: oneOf("format", ["text", "json"]).pipe(
      Options.withDescription("text: the secret alone (the default); json: the key, secret included"),
      Options.withDefault("text" as const)
    ),
    name: Args.text({ name: "name" }).pipe(
      Args.withDescription("who the key is for; approvers are named by it"),
      Args.withSchema(KeyName)
    )
  },
  ({ name, scopes, expires, format }) =>
    Effect.gen(function* () {
      const checked = yield* scopesOf(scopes)
      const key = yield* withClient((client) =>
        client.keys.create({
          payload: {
            name,
            scopes: checked,
            ...Option.match(expires, { onNone: () => ({}), onSome: (expires_in) => ({ expires_in }) })
          }
        })
      )
      const until = key.expires_at === null ? "it does not expire" : `it expires at ${shortInstant(key.expires_at)}`
      yield* Console.error(`key "${key.name}" (${key.id}) for ${key.scopes.join(", ")}; ${until}`)
      yield* Console.error("this is the only time that its secret is shown:")
      if (format === "text") return yield* Console.log(key.secret)
      yield* Console.log(JSON.stringify(yield* Effect.orDie(Schema.encode(CreatedKey)(key)), null, 2))
    })
).pipe(Command.withDescription("Create an API key; with the first one, the service asks everyone for a key"))

const columns: ReadonlyArray<Column<ApiKey>> = [
  { name: "ID", value: (key) => key.id },
  { name: "NAME", value: (key) => key.name, flexible: true },
  { name: "SCOPES", value: (key) => key.scopes.join(" "), flexible: true },
  { name: "CREATED", value: (key, at) => at(key.created_at), spare: true },
  { name: "LAST USED", value: (key, at) => at(key.last_used_at) },
  { name: "EXPIRES", value: (key, at) => at(key.expires_at) },
  { name: "REVOKED", value: (key, at) => at(key.revoked_at), optional: true }
]

const print = printRows({
  schema: ApiKey,
  columns,
  csv: [
    ["id", (key) => key.id],
    ["name", (key) => key.name],
    ["scopes", (key) => key.scopes.join(" ")],
    ["created_at", (key) => iso(key.created_at)],
    ["last_used_at", (key) => iso(key.last_used_at)],
    ["expires_at", (key) => iso(key.expires_at)],
    ["revoked_at", (key) => iso(key.revoked_at)]
  ],
  none: "no stored keys; those of the configuration are in symbi config"
})

const list = Command.make(
  "list",
  { all: Options.boolean("all").pipe(Options.withDescription("revoked ones too")), time, format },
  ({ all, format, time }) =>
    Effect.gen(function* () {
      const keys = yield* withClient((client) => client.keys.list({ urlParams: all ? { all } : {} }))
      yield* print(keys, format, yield* timesFor(time))
    })
).pipe(Command.withDescription("List the stored API keys"))

const revoke = Command.make(
  "revoke",
  { key: Args.text({ name: "key" }).pipe(Args.withDescription("the key's id, or its name")) },
  ({ key }) =>
    Effect.flatMap(
      withClient((client) => client.keys.revoke({ path: { key } })),
      ({ id, name }) => Console.log(`revoked "${name}" (${id})`)
    )
).pipe(Command.withDescription("End an API key at once"))

/** `symbi keys` */
export const keys = Command.make("keys").pipe(
  Command.withDescription("API keys of the service"),
  Command.withSubcommands([create, list, revoke])
)
