import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { job } from "./Arguments.ts"
import { withClient } from "./Root.ts"
import { instant } from "./Show.ts"

/** `symbi cron pause` */
export const pause = Command.make("pause", { job }, ({ job }) =>
  withClient((client) => client.schedule.pause({ path: { job_id: job } })).pipe(
    Effect.flatMap(({ name }) => Console.log(`paused "${name}"`))
  )
).pipe(Command.withDescription("Stop scheduling a job; its state is kept"))

/** `symbi cron resume` */
export const resume = Command.make("resume", { job }, ({ job }) =>
  withClient((client) => client.schedule.resume({ path: { job_id: job } })).pipe(
    Effect.flatMap(({ name, next_run }) => Console.log(`resumed "${name}"; next run ${instant(next_run)}`))
  )
).pipe(Command.withDescription("Schedule a paused job again, from now on"))

/** `symbi cron reset` */
export const reset = Command.make("reset", { job }, ({ job }) =>
  withClient((client) => client.schedule.reset({ path: { job_id: job } })).pipe(
    Effect.flatMap(({ name, next_run }) => Console.log(`reset "${name}"; next run ${instant(next_run)}`))
  )
).pipe(Command.withDescription("Make a dead-lettered job active again"))
