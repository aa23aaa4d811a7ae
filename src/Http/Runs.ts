import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { toHttp } from "../Api.ts"
import { isTerminal } from "../Domain/Run.ts"
import { Jobs } from "../Jobs.ts"
import { RunLogs } from "../RunLogs.ts"
import { Explanations } from "../Why.ts"
import { streamed, whole } from "./Answer.ts"
import { Closing } from "./Closing.ts"
import { handlersOf } from "./Routes.ts"

/** One server-sent event (html.spec.whatwg.org, "Server-sent events"); each line of the data has its own field. */
const event = (name: string, data: string): string =>
  `event: ${name}\n${data
    .split(/\r\n|\n|\r/)
    .map((line) => `data: ${line}\n`)
    .join("")}\n`

/** The routes about runs. */
export const RunsHttp = Effect.gen(function* () {
  const jobs = yield* Jobs
  const explanations = yield* Explanations
  const logs = yield* RunLogs
  const closing = yield* Closing

  const keepAlive = Stream.as(Stream.fromSchedule(Schedule.spaced("15 seconds")), ": still running\n\n")
  const follow = (text: Stream.Stream<string>) =>
    streamed(
      "text/event-stream",
      text.pipe(
        Stream.filter((chunk) => chunk !== ""),
        Stream.map((chunk) => event("log", chunk)),
        Stream.merge(keepAlive, { haltStrategy: "left" }),
        Stream.concat(Stream.succeed(event("end", ""))),
        Stream.interruptWhen(closing),
        Stream.encodeText
      ),
      { "x-accel-buffering": "no" }
    )

  return handlersOf("runs", {
    why: ({ path }) => Effect.mapError(explanations.run(path.run_id), toHttp),
    get: ({ path }) => Effect.mapError(jobs.getRun(path.run_id), toHttp),
    log: ({ path, urlParams }) =>
      jobs.getRun(path.run_id).pipe(
        Effect.mapError(toHttp),
        Effect.flatMap((run) =>
          urlParams.follow === true
            ? Effect.succeed(
                follow(isTerminal(run.status) ? Stream.fromEffect(logs.read(run.id)) : logs.follow(run.id))
              )
            : Effect.map(logs.read(run.id), (text) => whole(200, "text/plain; charset=utf-8", text))
        )
      ),
    cancel: ({ path, principal }) => Effect.mapError(jobs.cancelRun(path.run_id, principal.actor), toHttp)
  })
})
