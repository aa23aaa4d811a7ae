import * as Effect from "effect/Effect"
import { AgentRuntime } from "../Agents.ts"
import { DurationText } from "../Domain/Duration.ts"
import { runByHand } from "../RunByHand.ts"
import { CliError } from "./Errors.ts"
import { readSymbiFile } from "./SymbiFile.ts"

/** Runs an agent of a `.symbi` file in this process; what it says meanwhile goes to stderr. */
export const runLocally = Effect.fnUntraced(function* (file: string, name: string, input: string) {
  const { agents } = yield* readSymbiFile(file)
  return yield* Effect.gen(function* () {
    const runtime = yield* AgentRuntime
    yield* runtime.load(agents.map(({ definition }) => definition))
    const agent = yield* Effect.mapError(
      runtime.find(name),
      ({ message }) => new CliError({ kind: "notFound", message: `${file}: ${message}` })
    )
    return yield* runByHand(agent, {
      input,
      maxRuntime: DurationText.make("1h"),
      log: (text) => Effect.sync(() => process.stderr.write(text))
    }).pipe(Effect.mapError(({ message }) => new CliError({ kind: "failed", message })))
  }).pipe(Effect.provide(AgentRuntime.layer))
})
