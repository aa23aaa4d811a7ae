import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { JobId } from "../Domain/Ids.ts"
import type { Job, StoredJob } from "../Domain/Job.ts"
import type { JobChange, JobRemoval, LiveRuns } from "../JobStore.ts"
import { SqliteApprovals } from "./SqliteApprovals.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { SqliteNewRuns } from "./SqliteNewRuns.ts"
import { SqliteSessionArchive } from "./SqliteSessionArchive.ts"
import { Writer } from "./Writer.ts"

/** Changes of one job, each a transaction. */
export class SqliteJobChanges extends Effect.Service<SqliteJobChanges>()("symbiont/JobStore/SqliteJobChanges", {
  effect: Effect.gen(function* () {
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const jobs = yield* SqliteJobs
    const newRuns = yield* SqliteNewRuns
    const approvals = yield* SqliteApprovals
    const sessions = yield* SqliteSessionArchive

    const modify = Effect.fn("JobStore.modifyJob")(function* <E>(
      ref: string,
      change: (job: StoredJob, live: LiveRuns) => Either.Either<JobChange, E>
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const row = yield* jobs.findRow(ref)
          const before = yield* jobs.readRow(ref, row)
          const { audit: events, awaiting, job, runs = [] } = yield* change(before, jobs.liveRunsOf(before.id))
          if (job === before) return before
          if (job.name !== before.name) yield* jobs.refuseTaken([job])
          newRuns.insert(runs.map((run) => ({ row: newRuns.row(before, run, job.updated_at), job: before })))
          yield* jobs.write(job)
          yield* sessions.endWhereLeft([{ before, job }], job.updated_at)
          yield* audit.append(events, job.updated_at)
          if (awaiting === undefined) return job
          const ended = yield* approvals.endAmong(new Map([[job.id, awaiting]]), job.updated_at)
          // The end of a one-shot's run is the end of its job.
          return ended === 0 ? job : (jobs.byIds([job.id]).get(job.id) ?? job)
        })
      )
    })

    const remove = Effect.fn("JobStore.deleteJob")(function* (
      ref: string,
      now: number,
      removal: (job: Pick<Job, "id" | "name">, stored: StoredJob | null) => JobRemoval
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const [found, named] = yield* jobs.findRow(ref)
          const id = String(found) as JobId
          const name = typeof named === "string" ? named : ref
          const stored = jobs.byIds([id]).get(id) ?? null
          yield* jobs.removeRows([id], now)
          const { audit: event, awaiting } = removal({ id, name: name as Job["name"] }, stored)
          yield* audit.append([event], now)
          if (awaiting !== undefined) yield* approvals.endAmong(new Map([[id, awaiting]]), now)
          return id
        })
      )
    })

    return { modify, remove } as const
  })
}) {}
