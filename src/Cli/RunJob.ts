import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isTerminal, type Run } from "../Domain/Run.ts"
import { job } from "./Arguments.ts"
import { CliError } from "./Errors.ts"
import { withClient } from "./Root.ts"
import { why } from "./Show.ts"

const pollEvery = "500 millis"

const sayIfAwaiting = (run: Run, before: Run["status"] | null) =>
  run.status === "awaiting_approval" && before !== "awaiting_approval"
    ? Console.error(
        `it ${run.reason?.text ?? "waits for approval"}; decide with: symbi approvals approve ${run.approval_id}`
      )
    : Effect.void

const untilEnd = (
  run: Run,
  before: Run["status"] | null = null
): Effect.Effect<Run, CliError, Effect.Effect.Context<ReturnType<typeof poll>>> =>
  isTerminal(run.status)
    ? Effect.succeed(run)
    : sayIfAwaiting(run, before).pipe(
        Effect.zipRight(Effect.delay(poll(run.id), pollEvery)),
        Effect.flatMap((next) => untilEnd(next, run.status))
      )

const poll = (id: string) => withClient((client) => client.runs.get({ path: { run_id: id } }))

/** `symbi cron run` */
export const runJob = Command.make(
  "run",
  {
    job,
    input: Options.text("input").pipe(
      Options.withDescription("what the agent is given, instead of the job's own input"),
      Options.optional
    ),
    queue: Options.boolean("queue").pipe(Options.withDescription("wait for a place when the job is at its limit")),
    wait: Options.boolean("wait").pipe(Options.withDescription("wait for the end; print the output"))
  },
  ({ job, input, queue, wait }) =>
    Effect.gen(function* () {
      const run = yield* withClient((client) =>
        client.schedule.run({
          path: { job_id: job },
          urlParams: queue ? { queue } : {},
          headers: {},
          payload: Option.match(input, { onNone: () => ({}), onSome: (input) => ({ input }) })
        })
      )
      if (!wait) return yield* Console.log(`${run.id} ${run.status}`)
      yield* Console.error(`${run.id} ${run.status}; waiting for its end`)
      const last = yield* untilEnd(run)
      if (last.output !== null && last.output !== "") yield* Console.log(last.output.replace(/\n$/, ""))
      if (last.status === "succeeded") return
      const reason = why(last)
      return yield* new CliError({
        kind: "failed",
        message: `run ${run.id} ended ${last.status}${reason === "" ? "" : `: ${reason}`}`
      })
    })
).pipe(Command.withDescription("Run a job now, outside its schedule"))
