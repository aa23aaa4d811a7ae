import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { formatInstant } from "../Domain/Instant.ts"
import { LogEntry } from "../Domain/Log.ts"
import { type Followed, jsonLine, Logs } from "../Logs.ts"
import { json, streamed } from "./Answer.ts"
import { Closing } from "./Closing.ts"
import { handlersOf } from "./Routes.ts"

const encode = Schema.encodeSync(Schema.Array(LogEntry))

/** Server-sent events; of an entry that can be gone on after, its id. */
const events = ({ entries, missed }: Followed): string =>
  [
    ...(missed === 0 ? [] : [`event: missed\ndata: ${JSON.stringify({ missed })}\n\n`]),
    ...entries.map((entry) => `event: log\nid: ${entry.id}\ndata: ${jsonLine(entry)}\n\n`)
  ].join("")

/** The route about the service's log. */
export const LogsHttp = Effect.gen(function* () {
  const logs = yield* Logs
  const closing = yield* Closing
  // The first of them is sent at once: the head of the answer goes out with it.
  const keepAlive = Stream.concat(
    Stream.succeed(": the log follows\n\n"),
    Stream.as(Stream.fromSchedule(Schedule.spaced("15 seconds")), ": still here\n\n")
  )

  /** What is logged, and since when entries below that are known. */
  const keptHeaders = Effect.map(logs.kept, ({ level, since }) => ({
    "cache-control": "no-store",
    "symbi-log-level": level,
    ...(since === null ? {} : { "symbi-log-since": formatInstant(since) })
  }))

  return handlersOf("logs", {
    read: ({ headers, urlParams: { filter, follow, level, lines = 100 } }) =>
      Effect.gen(function* () {
        const kept = yield* keptHeaders
        if (follow !== true) return json(200, encode(yield* logs.read({ filter, level }, lines)), kept)
        const after = headers["last-event-id"]?.trim() || undefined
        return streamed(
          "text/event-stream",
          logs.follow({ filter, level, lines, after }).pipe(
            Stream.map(events),
            Stream.filter((text) => text !== ""),
            Stream.merge(keepAlive, { haltStrategy: "left" }),
            Stream.interruptWhen(closing),
            Stream.encodeText
          ),
          { ...kept, "x-accel-buffering": "no" }
        )
      })
  })
})
