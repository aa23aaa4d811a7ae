import * as Args from "@effect/cli/Args"
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
import { writeErr, writeOut } from "./Terminal.ts"

const pollEvery = "500 millis"

/** How long a service that is not there is waited for: a restart takes less. */
const patience = 60

const sayIfAwaiting = (run: Run, before: Run["status"]) =>
  run.status === "awaiting_approval" && before !== "awaiting_approval"
    ? Console.error(
        `it ${run.reason?.text ?? "waits for approval"}; decide with: symbi approvals approve ${run.approval_id}`
      )
    : Effect.void

const poll = (id: string) => withClient((client) => client.runs.get({ path: { run_id: id } }))

/** Shows on stderr what a run's log has more than was shown; gives how long it is now. */
const showLog = Effect.fnUntraced(function* (id: string, shown: number) {
  const log = yield* withClient((client) => client.runs.log({ path: { run_id: id }, urlParams: {} }))
  if (log.length > shown) yield* writeErr(log.slice(shown))
  return Math.max(shown, log.length)
})

/** Waits for a run's end, and lets a service restart meanwhile. */
const untilEnd = Effect.fnUntraced(function* (first: Run, follow: boolean) {
  let run = first
  let shown = 0
  let silent = 0
  while (true) {
    // Looked at before the log is read: what came before the end is shown.
    const ended = isTerminal(run.status)
    const looked = Effect.gen(function* () {
      if (follow) shown = yield* showLog(run.id, shown)
      return ended ? run : yield* Effect.delay(poll(run.id), pollEvery)
    })
    const next = yield* Effect.catchIf(
      looked,
      ({ kind }) => kind === "unreachable" && ++silent < patience,
      () => Effect.delay(Effect.succeed(run), "1 second")
    )
    if (next !== run) silent = 0
    else if (ended) return run
    yield* sayIfAwaiting(next, run.status)
    run = next
  }
})

const goesOn = (run: Run) =>
  Console.error(
    `\nrun ${run.id} goes on; see it with \`symbi why ${run.id}\`, stop it with \`symbi cron cancel ${run.id}\``
  )

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
    wait: Options.boolean("wait").pipe(
      Options.withDescription("wait for the end and print the output; exit 0 when it succeeded, 1 when not")
    ),
    follow: Options.boolean("follow").pipe(
      Options.withDescription("with --wait: show the run's log on stderr meanwhile")
    )
  },
  ({ follow, input, job, queue, wait }) =>
    Effect.gen(function* () {
      if (follow && !wait) {
        return yield* new CliError({ kind: "usage", message: "--follow goes with --wait; give both" })
      }
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
      yield* sayIfAwaiting(run, "pending")
      const last = yield* Effect.onInterrupt(untilEnd(run, follow), () => goesOn(run))
      if (last.output !== null && last.output !== "") yield* writeOut(last.output.replace(/\n?$/, "\n"))
      if (last.status === "succeeded") return
      const reason = why(last)
      return yield* new CliError({
        kind: "failed",
        message: `run ${run.id} ended ${last.status}${reason === "" ? "" : `: ${reason}`}`
      })
    })
).pipe(Command.withDescription("Run a job now, outside its schedule"))

/** `symbi cron cancel` */
export const cancel = Command.make(
  "cancel",
  { run: Args.text({ name: "run" }).pipe(Args.withDescription("the run's id")) },
  ({ run }) =>
    Effect.flatMap(
      withClient((client) => client.runs.cancel({ path: { run_id: run } })),
      ({ id, job_name, status }) => Console.log(`${id} of "${job_name}" is ${status}`)
    )
).pipe(Command.withDescription("Stop a run that has not ended"))
