import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { Applied, ApplyRequest } from "../Domain/Apply.ts"
import { Authorized, needs } from "./Access.ts"
import { answers } from "./Errors.ts"
import { strict } from "./Params.ts"

/** How jobs are written out. */
export const ExportParams = Schema.Struct({
  format: Schema.optionalWith(Schema.Literal("symbi", "json"), { exact: true })
})

/** Jobs as files. */
export class FilesApi extends HttpApiGroup.make("files")
  .add(
    HttpApiEndpoint.post("apply", "/apply")
      .setPayload(strict(ApplyRequest))
      .addSuccess(Applied)
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(
        OpenApi.Summary,
        "Bring jobs in line with .symbi files, all of them or, with any error, nothing; a dry run only says what would change"
      )
  )
  .add(
    HttpApiEndpoint.get("export", "/export")
      .setUrlParams(strict(ExportParams))
      .addSuccess(HttpApiSchema.Text())
      .annotateContext(needs("read"))
      .annotate(
        OpenApi.Summary,
        "Write all jobs out as the text of a .symbi file, or with format=json as a JSON array of definitions"
      )
  )
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Files") {}
