import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AgentAnswer } from "../Domain/Agent.ts"
import { CliError } from "./Errors.ts"
import { withClient } from "./Root.ts"
import { writeOut } from "./Terminal.ts"

const print = (answer: AgentAnswer) =>
  answer.output === "" ? Effect.void : writeOut(answer.output.replace(/\n?$/, "\n"))

/** `symbi run` */
export const runAgent = Command.make(
  "run",
  {
    input: Options.text("input").pipe(Options.withDescription("what the agent is given"), Options.withDefault("")),
    file: Options.text("file").pipe(
      Options.withDescription("a .symbi file that defines the agent; it then runs here, without a service"),
      Options.optional
    ),
    config: Options.text("config").pipe(
      Options.withDescription("with --file: the configuration that names the providers (default ./symbiont.toml)"),
      Options.optional
    ),
    agent: Args.text({ name: "agent" }).pipe(Args.withDescription("the agent's name"))
  },
  ({ agent, config, input, file }) =>
    Effect.gen(function* () {
      if (Option.isSome(file)) {
        const { runLocally } = yield* Effect.promise(() => import("./LocalAgent.ts"))
        return yield* print(yield* runLocally(file.value, agent, input, config))
      }
      if (Option.isSome(config)) {
        return yield* new CliError({ kind: "usage", message: "--config is for --file; the service has its own" })
      }
      const payload = input === "" ? {} : { input }
      // The agent's own limit is the service's to keep.
      yield* print(yield* withClient((client) => client.agents.run({ path: { agent_id: agent }, payload }), null))
    })
).pipe(Command.withDescription("Run an agent by hand and print its answer; no job, no run is stored"))
