import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { AgentPin, DocumentNetwork } from "../../src/AgentPin.ts"
import { JobId } from "../../src/Domain/Ids.ts"
import { layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { Settings, SettingsSchema } from "../../src/Settings.ts"

type Section = (typeof SettingsSchema.Encoded)["agentpin"]

/** A network that reaches nothing. */
export const noNetwork: DocumentNetwork["Type"] = {
  resolve: () => Promise.reject(new Error("there is no network here")),
  permits: () => true,
  port: 443,
  ca: undefined,
  timeout: "5 seconds"
}

/** The verifier on the given settings, with a memory of its own in SQLite. */
export const verifier = (options: {
  readonly settings?: Section
  readonly variables?: Readonly<Record<string, string>>
  readonly directory?: string
  readonly database?: string
  readonly network?: DocumentNetwork["Type"]
}) =>
  AgentPin.layer.pipe(
    Layer.provideMerge(layerSqlite(options.database ?? ":memory:").pipe(Layer.orDie)),
    Layer.provide(
      Layer.succeed(Settings, {
        ...Schema.decodeSync(SettingsSchema)({ scheduler: {}, server: {}, agentpin: options.settings ?? {} }),
        data_dir: "."
      })
    ),
    Layer.provide(
      ServiceEnvironment.layer({ variables: options.variables ?? {}, directory: options.directory ?? "/nowhere" })
    ),
    Layer.provide(Layer.succeed(DocumentNetwork, options.network ?? noNetwork)),
    Layer.provide(NodeContext.layer)
  )

/** The n-th job. */
export const nthJobId = (n: number) => JobId.make(`job_${String(n).padStart(26, "0")}`)

/** What the verifier answers a job of `worker`: `ok`, or the code and its text. */
export const presented = (
  credential: string | undefined,
  options: { readonly job?: number; readonly agent?: string; readonly capabilities?: ReadonlyArray<string> } = {}
) =>
  Effect.flatMap(AgentPin, (pin) =>
    pin.verify({
      credential,
      job_id: nthJobId(options.job ?? 1),
      agent_id: options.agent ?? "worker",
      capabilities: options.capabilities ?? []
    })
  ).pipe(
    Effect.match({ onSuccess: () => "ok", onFailure: (refused) => refused.message }),
    Effect.map((answer) => answer)
  )

/** The code at the start of an answer. */
export const codeOfAnswer = (answer: string): string => answer.replace(/:.*$/s, "")

/** `ok` or the code that the verifier answers. */
export const answered = (...args: Parameters<typeof presented>) => Effect.map(presented(...args), codeOfAnswer)
