import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { AgentAnswer, AgentDefinition } from "../Domain/Agent.ts"
import { Authorized, needs } from "./Access.ts"
import { answers } from "./Errors.ts"
import { AgentPath, strict } from "./Params.ts"
import { RunRequest } from "./Schedule.ts"

/** Everything about agents. */
export class AgentsApi extends HttpApiGroup.make("agents")
  .add(
    HttpApiEndpoint.get("list", "/agents")
      .addSuccess(Schema.Array(AgentDefinition))
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "List the agents that this service knows")
  )
  .add(
    HttpApiEndpoint.get("get", "/agents/:agent_id")
      .setPath(AgentPath)
      .addSuccess(AgentDefinition)
      .addError(answers.notFound)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Get an agent")
  )
  .add(
    HttpApiEndpoint.post("run", "/agents/:agent_id/run")
      .setPath(AgentPath)
      .setPayload(strict(RunRequest))
      .addSuccess(AgentAnswer)
      .addError(answers.notFound)
      .addError(answers.agentFailed)
      .addError(answers.agentTimedOut)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Run an agent by hand and wait for its answer; no job, no run is stored")
  )
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Agents") {}
