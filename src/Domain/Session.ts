import * as Schema from "effect/Schema"
import { DurationText } from "./Duration.ts"
import { JobId, SessionId } from "./Ids.ts"
import { Instant } from "./Instant.ts"

/** What an agent remembers between runs (and between the iterations of a heartbeat). */
export const SessionMode = Schema.Literal("ephemeral_with_summary", "shared_persistent", "fully_ephemeral")
export type SessionMode = typeof SessionMode.Type

/** One turn of a conversation. */
export const Turn = Schema.Struct({
  role: Schema.Literal("user", "assistant"),
  text: Schema.String
})
export type Turn = typeof Turn.Type

/** The stored conversation of a job whose session mode is `shared_persistent`. */
export const Session = Schema.Struct({
  id: SessionId,
  job_id: JobId,
  turns: Schema.Array(Turn),
  created_at: Instant,
  updated_at: Instant
}).annotations({ identifier: "Session" })
export type Session = typeof Session.Type

/** What a job's shared session holds; all but the archive is empty before its first run, and in other modes. */
export const SessionInfo = Schema.Struct({
  job_id: JobId,
  job_name: Schema.String,
  mode: SessionMode,
  id: Schema.NullOr(SessionId),
  turns: Schema.Int,
  /** Size of the turns' texts, and the cap on it. */
  bytes: Schema.Int,
  max_bytes: Schema.Int,
  /** What the cap dropped, and sessions that ended, until retention prunes them. */
  archived_bytes: Schema.Int,
  created_at: Schema.NullOr(Instant),
  updated_at: Schema.NullOr(Instant)
}).annotations({ identifier: "SessionInfo" })
export type SessionInfo = typeof SessionInfo.Type

/** A run is using the session. */
export class SessionInUse extends Schema.TaggedError<SessionInUse>()("SessionInUse", { job: Schema.String }) {
  override get message() {
    return `a run of job "${this.job}" is using its session; wait for its end, or cancel the run`
  }
}

/** Longest summary handed to the next run, in characters. */
export const maxSummaryLength = 2_000

/** How the sleep of a heartbeat that finds nothing to do grows. */
export const HeartbeatBackoff = Schema.Struct({
  /** So many all-clears in a row lengthen the sleep: beats whose first answer was `sleep`. 3 unless given. */
  after: Schema.optionalWith(Schema.Int.pipe(Schema.between(1, 1_000)), { exact: true }),
  /** What each further one multiplies it by; 2 unless given. */
  factor: Schema.optionalWith(Schema.Number.pipe(Schema.between(1, 100)), { exact: true }),
  /** Longest sleep; 1 h unless given. */
  max: Schema.optionalWith(DurationText, { exact: true })
}).annotations({ identifier: "HeartbeatBackoff" })
export type HeartbeatBackoff = typeof HeartbeatBackoff.Type

/** Heartbeat settings: a run becomes a loop of iterations that the agent ends with `sleep`. */
export const Heartbeat = Schema.Struct({
  enabled: Schema.Boolean,
  context_mode: Schema.optionalWith(SessionMode, { exact: true }),
  max_iterations: Schema.optionalWith(Schema.Int.pipe(Schema.between(1, 100_000)), { exact: true }),
  /** Off unless given. */
  backoff: Schema.optionalWith(HeartbeatBackoff, { exact: true })
}).annotations({ identifier: "Heartbeat" })
export type Heartbeat = typeof Heartbeat.Type
