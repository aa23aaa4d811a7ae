import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SessionInfo } from "../Domain/Session.ts"
import { job, oneOf } from "./Arguments.ts"
import { withClient } from "./Root.ts"
import { instant, size } from "./Show.ts"
import { plain } from "./Table.ts"

const encode = Schema.encode(SessionInfo)

const details = (session: SessionInfo): string => {
  const lines: ReadonlyArray<readonly [string, string]> = [
    ["Job", session.job_name],
    ["Mode", session.mode],
    ["Session", session.id ?? "none"],
    ["Turns", String(session.turns)],
    ["Size", `${size(session.bytes)} of at most ${size(session.max_bytes)}`],
    ["Archived", size(session.archived_bytes)],
    ["Created", instant(session.created_at)],
    ["Updated", instant(session.updated_at)]
  ]
  return lines.map(([name, value]) => `${name.padEnd(10)}${plain(value)}`).join("\n")
}

/** `symbi cron session` */
export const session = Command.make(
  "session",
  {
    job,
    clear: Options.boolean("clear").pipe(
      Options.withDescription("archive the conversation; the next run starts a new one")
    ),
    format: oneOf("format", ["table", "json"]).pipe(
      Options.withDescription("table for people (the default) or json for programs"),
      Options.withDefault("table" as const)
    )
  },
  ({ clear, format, job }) =>
    Effect.gen(function* () {
      const path = { job_id: job }
      const found = yield* withClient((client) =>
        clear ? client.sessions.clear({ path }) : client.sessions.get({ path })
      )
      yield* Console.log(
        format === "json" ? JSON.stringify(yield* Effect.orDie(encode(found)), null, 2) : details(found)
      )
    })
).pipe(Command.withDescription("Show a job's shared session, or start it anew"))
