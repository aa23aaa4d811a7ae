import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AgentDefinition } from "../Domain/Agent.ts"
import { format, oneOf } from "./Arguments.ts"
import { withClient } from "./Root.ts"
import { printRows } from "./Rows.ts"
import { instant } from "./Show.ts"
import { plain } from "./Table.ts"

/** What an agent is, in a few words. */
const isWhat = (agent: AgentDefinition): string => {
  switch (agent.kind) {
    case "command":
      return agent.command.join(" ")
    case "model": {
      const tools = Object.keys(agent.tools ?? {})
      return tools.length === 0 ? agent.model : `${agent.model} with ${tools.join(", ")}`
    }
    case "url":
      return agent.url
    case "effect":
      return "written in code"
  }
}

const print = printRows({
  schema: AgentDefinition,
  columns: [
    { name: "AGENT", value: ({ id }) => id, flexible: true },
    { name: "KIND", value: ({ kind }) => kind },
    { name: "IS", value: isWhat, flexible: true },
    { name: "DESCRIPTION", value: ({ description = "" }) => description, flexible: true, optional: true }
  ],
  csv: [
    ["id", ({ id }) => id],
    ["kind", ({ kind }) => kind],
    ["is", isWhat],
    ["capabilities", ({ capabilities }) => capabilities.join(" ")],
    ["description", ({ description = "" }) => description]
  ],
  none: "no agents; put one into agents/NAME.symbi beside the configuration of the service"
})

const list = Command.make("list", { format }, ({ format }) =>
  Effect.flatMap(
    withClient((client) => client.agents.list()),
    (agents) => print(agents, format, instant)
  )
).pipe(Command.withDescription("List the agents that the service knows"))

const written = Effect.fnUntraced(function* (agent: AgentDefinition) {
  if (agent.kind === "effect") {
    const what = agent.description === undefined ? "" : `: ${plain(agent.description)}`
    return `# ${plain(agent.id)} is written in code${what}`
  }
  // Loaded when it is used: every other command would start later by it.
  const { printAgent } = yield* Effect.promise(() => import("../Dsl.ts"))
  return printAgent(agent).trimEnd()
})

const show = Command.make(
  "show",
  {
    format: oneOf("format", ["text", "json"]).pipe(
      Options.withDescription("text: as in a file (the default); json"),
      Options.withDefault("text" as const)
    ),
    agent: Args.text({ name: "agent" }).pipe(Args.withDescription("the agent's name"))
  },
  ({ agent, format }) =>
    Effect.gen(function* () {
      const found = yield* withClient((client) => client.agents.get({ path: { agent_id: agent } }))
      yield* format === "text"
        ? Effect.flatMap(written(found), Console.log)
        : Effect.flatMap(Effect.orDie(Schema.encode(AgentDefinition)(found)), (encoded) =>
            Console.log(JSON.stringify(encoded, null, 2))
          )
    })
).pipe(Command.withDescription("Show an agent as a file would define it, without what may be secret"))

/** `symbi agents` */
export const agents = Command.make("agents").pipe(
  Command.withDescription("What the service can wake: agents of its files and of its code"),
  Command.withSubcommands([list, show])
)
