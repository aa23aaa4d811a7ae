import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { ApiKey, CreatedKey, KeyRequest } from "../Domain/Key.ts"
import { Authorized, needs } from "./Access.ts"
import { answers } from "./Errors.ts"
import { KeyPath, Switch, strict } from "./Params.ts"

/** Everything about API keys. */
export class KeysApi extends HttpApiGroup.make("keys")
  .add(
    HttpApiEndpoint.get("list", "/keys")
      .setUrlParams(strict(Schema.Struct({ all: Switch })))
      .addSuccess(Schema.Array(ApiKey))
      .annotateContext(needs("admin"))
      .annotate(
        OpenApi.Summary,
        "List the stored API keys, in the order of their creation; with all=true revoked ones too"
      )
  )
  .add(
    HttpApiEndpoint.post("create", "/keys")
      .setPayload(strict(KeyRequest))
      .addSuccess(CreatedKey, { status: 201 })
      .addError(answers.conflict)
      .annotateContext(needs("admin"))
      .annotate(
        OpenApi.Summary,
        "Create an API key; only this answer has its secret. The first key ends the open mode, and must be for admin"
      )
  )
  .add(
    HttpApiEndpoint.del("revoke", "/keys/:key")
      .setPath(KeyPath)
      .addSuccess(ApiKey)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("admin"))
      .annotate(OpenApi.Summary, "Revoke an API key, by its id or name; the last one for admin stays")
  )
  .prefix("/api/v1")
  .middleware(Authorized)
  .annotate(OpenApi.Title, "Keys") {}
