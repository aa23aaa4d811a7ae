import { readFileSync } from "node:fs"
import * as Schema from "effect/Schema"

const Case = Schema.Struct({
  name: Schema.String,
  jwt: Schema.String,
  want: Schema.String,
  agent: Schema.optional(Schema.String),
  requiredCapabilities: Schema.optional(Schema.Array(Schema.String)),
  discovery: Schema.optional(Schema.Unknown),
  revocation: Schema.optional(Schema.Unknown)
})

const Vectors = Schema.Struct({
  now: Schema.Number,
  domain: Schema.String,
  audience: Schema.String,
  default_agent: Schema.String,
  discovery: Schema.Unknown,
  revocation: Schema.Unknown,
  makers: Schema.Unknown,
  cases: Schema.Array(Case),
  stateful: Schema.Array(
    Schema.Struct({ name: Schema.String, jwt: Schema.String, jobId: Schema.String, want: Schema.String })
  )
})

const file = new URL("../fixtures/agentpin/vectors.json", import.meta.url)

/** Credentials with the code expected of each, at a frozen clock. */
export const vectors = Schema.decodeUnknownSync(Schema.parseJson(Vectors))(readFileSync(file, "utf8"))

/** The instant at which they are judged, UTC ms. */
export const vectorsNow = vectors.now * 1_000
