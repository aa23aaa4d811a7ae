import * as Schema from "effect/Schema"
import { DeliveryChannel } from "./Delivery.ts"
import { DurationText } from "./Duration.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * What a model may give a tool for one `{placeholder}`. A string needs `values` (one of these) or `pattern` (an RE2
 * expression for the whole text): nothing else reaches a command.
 */
export const ToolParameter = Schema.Struct({
  type: Schema.optionalWith(Schema.Literal("string", "integer", "number", "boolean"), {
    exact: true,
    default: () => "string" as const
  }),
  description: optional(Schema.String),
  values: optional(Schema.NonEmptyArray(Schema.String)),
  pattern: optional(Schema.NonEmptyString),
  /** Longest text, in characters; 1,000 unless given. */
  max_length: optional(Schema.Int.pipe(Schema.between(1, 100_000))),
  /** Least number; 0 unless given, as what begins with a minus sign may be read as an option. */
  min: optional(Schema.Number.pipe(Schema.finite())),
  max: optional(Schema.Number.pipe(Schema.finite())),
  /** Whether the model may leave it out: the arguments of the command that name it are left out, too. */
  optional: Schema.optionalWith(Schema.Boolean, { exact: true, default: () => false })
}).annotations({ identifier: "ToolParameter" })
export type ToolParameter = typeof ToolParameter.Type

/** The keys of which a tool has one: its kind. */
export const toolKinds = ["command", "http_get", "notify", "read_files"] as const

/**
 * Something that a model may use, of the kind whose key is there. `command`: a program and its arguments, in which
 * `{name}` stands for a parameter, run without a shell. `http_get`: the hosts that may be asked (names, `*.suffix`, each
 * perhaps with `:PORT`); one with `headers` asks by https only, but where the port is named. `notify`: the delivery channel that a text goes to. `read_files`: the folder under which files
 * may be read and listed.
 */
export const Tool = Schema.Struct({
  description: optional(Schema.String),
  command: optional(Schema.NonEmptyArray(Schema.String)),
  parameters: optional(Schema.Record({ key: Schema.String, value: ToolParameter })),
  env: optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  http_get: optional(Schema.NonEmptyArray(Schema.NonEmptyString)),
  headers: optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  notify: optional(DeliveryChannel),
  read_files: optional(Schema.NonEmptyString),
  /** How long one call may take; 30 s unless given. */
  timeout: optional(DurationText),
  /** How much of a call's result the model is given; 65,536 bytes unless given. */
  max_bytes: optional(Schema.Int.pipe(Schema.between(1, 1_048_576)))
})
  .pipe(
    Schema.filter((tool) => {
      const given = toolKinds.filter((kind) => tool[kind] !== undefined)
      return given.length === 1 || `needs exactly one of ${toolKinds.join(", ")}`
    })
  )
  .annotations({ identifier: "Tool" })
export type Tool = typeof Tool.Type

/** What all tool calls of one run may take together. */
export const ToolLimits = Schema.Struct({
  /** 50 unless given. */
  calls: optional(Schema.Int.pipe(Schema.between(0, 10_000))),
  /** Bytes of results; 1 MiB unless given. */
  bytes: optional(Schema.Int.pipe(Schema.between(0, 104_857_600))),
  /** 5 minutes unless given. */
  time: optional(DurationText)
}).annotations({ identifier: "ToolLimits" })
export type ToolLimits = typeof ToolLimits.Type
