import * as Schema from "effect/Schema"
import { maxLogLines } from "../Domain/Log.ts"

/** Refuses unknown keys and reports every issue, not only the first. */
export const strict = <A, I, R>(schema: Schema.Schema<A, I, R>): Schema.Schema<A, I, R> =>
  schema.annotations({ parseOptions: { errors: "all", onExcessProperty: "error" } })

/** A path parameter. The router has decoded it when it gets here; the derived client encodes it here. */
const PathText = Schema.transform(Schema.String, Schema.String, {
  strict: true,
  decode: (text) => text,
  encode: (text) => encodeURIComponent(text)
})

/** `{job_id}`: a job's id or its name. */
export const JobPath = Schema.Struct({
  job_id: PathText.annotations({ description: "The job's id, or its name." })
})

/** `{run_id}` */
export const RunPath = Schema.Struct({ run_id: PathText.annotations({ description: "The run's id." }) })

/** `{approval_id}` */
export const ApprovalPath = Schema.Struct({
  approval_id: PathText.annotations({ description: "The approval's id, or its run's." })
})

/** `{delivery_id}` */
export const DeliveryPath = Schema.Struct({ delivery_id: PathText.annotations({ description: "The delivery's id." }) })

/** `{agent_id}` */
export const AgentPath = Schema.Struct({ agent_id: PathText.annotations({ description: "The agent's name." }) })

/** `{key}` */
export const KeyPath = Schema.Struct({ key: PathText.annotations({ description: "The key's id, or its name." }) })

const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })

const wholeNumber = (low: number, high: number) => {
  const message = () => `a whole number from ${low} to ${high}`
  return Schema.transform(
    Schema.String.pipe(Schema.pattern(/^\d{1,9}$/, { message })),
    Schema.Int.pipe(Schema.between(low, high, { message })),
    { strict: true, decode: Number, encode: String }
  )
}

/** `limit` of a page. */
export const Limit = optional(wholeNumber(1, 1_000))

/** `lines` of a log. */
export const Lines = optional(wholeNumber(1, maxLogLines))

/** `count` of instants to look ahead. */
export const Count = optional(wholeNumber(1, 1_000))

/** `cursor` of a page, from the `Link` header of the page before. */
export const Cursor = optional(Schema.NonEmptyString)

/** A switch in the query: `true` or `false`. */
export const Switch = optional(Schema.transformLiterals(["true", true], ["false", false]))
