import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { JobName } from "../../src/Domain/Job.ts"
import type { Stores } from "../../src/JobStore/Sqlite.ts"
import { JobStore, type JobsFound, type JobsPlan, type JobsWanted } from "../../src/JobStore.ts"
import { audited } from "../support/Audit.ts"
import { Database } from "./Conformance.ts"
import { backfill, insert, jobId, newRun, nthJob, runsOf, t0 } from "./fixtures.ts"

const nothing: JobsPlan = { creates: [], changes: [], removals: [] }

const wanted = (some: Partial<JobsWanted>): JobsWanted => ({ names: [], files: [], folders: [], ...some })

/** What a change of many jobs is told of the jobs that it names. */
const foundBy = (some: Partial<JobsWanted>) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    let seen: JobsFound = { jobs: [], damaged: new Map() }
    yield* store.changeJobs(wanted(some), t0, (found) => {
      seen = found
      return Either.right(nothing)
    })
    return { names: seen.jobs.map((job) => job.name as string).toSorted(), damaged: [...seen.damaged.keys()] }
  })

const deleted = (n: number) => ({
  id: jobId(n),
  audit: { type: "CronJobDeleted" as const, actor: "test", job_id: jobId(n) }
})

const created = (n: number, name?: string) => ({
  job: nthJob(n, name === undefined ? {} : { name: JobName.make(name) }),
  audit: [{ type: "CronJobCreated" as const, actor: "test", job_id: jobId(n) }]
})

const paused = (n: number) => ({
  before: nthJob(n),
  job: nthJob(n, { status: "paused", paused_by: "apply", version: 2 }),
  audit: [{ type: "CronJobPaused" as const, actor: "test", job_id: jobId(n) }],
  runs: [newRun({ status: "missed", holds_permit: false, reason: { code: "paused", text: "paused" } })]
})

type Test = <E>(name: string, body: () => Effect.Effect<void, E, Stores | Database>) => void

/** What every store must do with changes of many jobs. */
export const bulkConforms = (engine: string, test: Test) =>
  describe(`a store on ${engine} changes many jobs`, () => {
    test("that it finds by name, by file, and by the folder directly above the file", () =>
      Effect.gen(function* () {
        const folder = "/ein Ordner/%_😀"
        yield* insert(
          nthJob(1),
          nthJob(2, { source_file: `${folder}/a.symbi` }),
          nthJob(3, { source_file: `${folder}/deeper/a.symbi` }),
          nthJob(4, { source_file: `${folder}2/a.symbi` }),
          nthJob(5, { source_file: "b.symbi" }),
          nthJob(6, { source_file: `${folder}/z.symbi` })
        )
        assert.deepStrictEqual(yield* foundBy({}), { names: [], damaged: [] })
        assert.deepStrictEqual((yield* foundBy({ names: ["job-1", "job-2", "none"] })).names, ["job-1", "job-2"])
        assert.deepStrictEqual((yield* foundBy({ files: ["b.symbi", "c.symbi"] })).names, ["job-5"])
        assert.deepStrictEqual((yield* foundBy({ folders: [folder] })).names, ["job-2", "job-6"])
        assert.deepStrictEqual((yield* foundBy({ names: ["job-2"], folders: [folder], files: ["b.symbi"] })).names, [
          "job-2",
          "job-5",
          "job-6"
        ])
        const store = yield* JobStore
        yield* store.deleteJob("job-2", t0, () => ({ audit: { type: "CronJobDeleted", actor: "test" } }))
        assert.deepStrictEqual((yield* foundBy({ names: ["job-2"], folders: [folder] })).names, ["job-6"])
      }))

    test("naming those whose rows are damaged", () =>
      Effect.gen(function* () {
        const { execute } = yield* Database
        yield* insert(nthJob(1), nthJob(2))
        yield* execute("UPDATE jobs SET definition = '{' WHERE name = 'job-1'")
        assert.deepStrictEqual(yield* foundBy({ names: ["job-1", "job-2"] }), { names: ["job-2"], damaged: ["job-1"] })
      }))

    test("creating, changing and deleting, each with its rows and its audit events", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1), nthJob(2), nthJob(3))
        yield* backfill("job-2", [t0 - 60_000, t0 - 120_000])
        const plan = { creates: [created(4)], changes: [paused(1)], removals: [deleted(2)], told: "so" }
        const done = yield* store.changeJobs(wanted({}), t0, () => Either.right(plan))
        assert.strictEqual(done.told, "so")
        const { items } = yield* store.listJobs({ limit: 10 })
        assert.deepStrictEqual(
          items.map((job) => [job.name, job.status, job.version]),
          [
            ["job-1", "paused", 2],
            ["job-3", "active", 1],
            ["job-4", "active", 1]
          ]
        )
        assert.deepStrictEqual(
          (yield* runsOf("job-1")).map((run) => run.status),
          ["missed"]
        )
        assert.deepStrictEqual(
          (yield* audited({ limit: 3 })).map((event) => [event.type, event.job_id]),
          [
            ["CronJobCreated", jobId(4)],
            ["CronJobPaused", jobId(1)],
            ["CronJobDeleted", jobId(2)]
          ]
        )
      }))

    test("all of them or none: a name that is taken, or a plan that refuses, leaves everything as it was", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1), nthJob(2), nthJob(3))
        const before = yield* store.listJobs({ limit: 10 })
        const events = yield* audited({ limit: 10 })
        const plan = { creates: [created(4), created(5, "job-3")], changes: [paused(1)], removals: [deleted(2)] }
        const taken = yield* Effect.flip(store.changeJobs(wanted({}), t0, () => Either.right(plan)))
        assert.strictEqual(taken._tag, "JobNameTaken")
        const refused = yield* Effect.flip(store.changeJobs(wanted({}), t0, () => Either.left("no" as const)))
        assert.strictEqual(refused, "no")
        assert.deepStrictEqual(yield* store.listJobs({ limit: 10 }), before)
        assert.deepStrictEqual(yield* audited({ limit: 10 }), events)
        assert.deepStrictEqual(yield* runsOf("job-1"), [])
      }))

    test("thousands at once, each with its event in order; a name that is taken among them undoes all", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        const creates = Array.from({ length: 1_100 }, (_, n) => created(n + 1))
        const retaken = creates.with(1_090, created(2_000, "job-7"))
        const taken = yield* Effect.flip(
          store.changeJobs(wanted({}), t0, () => Either.right({ ...nothing, creates: retaken }))
        )
        assert.deepStrictEqual([taken.name as string, taken.id], ["job-7", jobId(7)])
        assert.deepStrictEqual((yield* store.listJobs({ limit: 10 })).items, [])
        assert.deepStrictEqual(yield* audited({ limit: 10 }), [])
        yield* store.changeJobs(wanted({}), t0, () => Either.right({ ...nothing, creates }))
        const names = (yield* store.listJobs({ limit: 2_000 })).items.map(({ name }) => name as string)
        assert.deepStrictEqual(
          names,
          creates.map(({ job }) => job.name as string)
        )
        assert.deepStrictEqual(
          (yield* audited({ limit: 2_000 })).map((event) => event.job_id).toReversed(),
          creates.map(({ job }) => job.id)
        )
      }))

    test("whose name is given to a new one in the same change", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1))
        const plan = { creates: [created(2, "job-1")], changes: [], removals: [deleted(1)] }
        yield* store.changeJobs(wanted({}), t0, () => Either.right(plan))
        assert.strictEqual((yield* store.findJob("job-1")).id, jobId(2))
      }))
  })
