import * as Command from "@effect/cli/Command"
import { add } from "./Add.ts"
import { backfill } from "./Backfill.ts"
import { pause, reset, resume } from "./Changes.ts"
import { history } from "./History.ts"
import { list } from "./List.ts"
import { next } from "./Next.ts"
import { remove } from "./Remove.ts"
import { cancel, runJob } from "./RunJob.ts"
import { session } from "./Session.ts"
import { status } from "./Status.ts"

/** `symbi cron` */
export const cron = Command.make("cron").pipe(
  Command.withDescription("Jobs and their schedules"),
  Command.withSubcommands([
    list,
    add,
    remove,
    pause,
    resume,
    reset,
    status,
    runJob,
    cancel,
    backfill,
    history,
    session,
    next
  ])
)
