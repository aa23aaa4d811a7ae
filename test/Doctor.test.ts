import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { Client } from "../src/Client.ts"
import { checkClockJumps, checkJobs } from "../src/Doctor/Service.ts"
import {
  bounded,
  holderIn,
  judgeBudgets,
  judgeClock,
  judgeDatabase,
  judgeFileSystem,
  judgeLock,
  judgeMode,
  judgeSpace,
  type Verdict
} from "../src/Doctor.ts"
import { placeOf } from "../src/Domain/Redaction.ts"

const megabyte = 1_048_576
const statuses = (verdicts: ReadonlyArray<Verdict>) => verdicts.map(({ status }) => status)

describe("the doctor", () => {
  it("knows how much room is enough", () => {
    const space = { total: 100_000 * megabyte, files: 1_000, freeFiles: 900 }
    const of = (free: number) => statuses(judgeSpace({ ...space, free: free * megabyte }))
    assert.deepStrictEqual([of(49), of(51), of(499), of(4_999), of(5_001)].flat(), [
      "failed",
      "warning",
      "warning",
      "warning",
      "ok"
    ])
    const small = judgeSpace({ total: 1_000 * megabyte, free: 600 * megabyte, files: 0, freeFiles: 0 })
    assert.deepStrictEqual(statuses(small), ["ok"])
    const stepOf = (free: number) =>
      judgeSpace({ total: 64 * megabyte, free: free * megabyte, files: 0, freeFiles: 0 })[0]?.next_step ?? ""
    assert.match(stepOf(63), /^use a larger disk/)
    assert.match(stepOf(40), /^free some space/)
    const free = 90_000 * megabyte
    assert.deepStrictEqual(statuses(judgeSpace({ ...space, free, files: 10_000, freeFiles: 400 })), ["ok", "warning"])
    assert.deepStrictEqual(statuses(judgeSpace({ ...space, free, freeFiles: 20 })), ["ok", "failed"])
  })

  it("tells clocks that are apart from those that are not", () => {
    const theirs = Date.UTC(2026, 0, 15, 12)
    const of = (apart: number) => judgeClock(theirs, theirs + apart).status
    // The answer says whole seconds: 0.9 s later is the same second.
    assert.deepStrictEqual([of(0), of(900), of(2_900), of(-1_900)], ["ok", "ok", "ok", "ok"])
    assert.deepStrictEqual([of(3_100), of(-2_100), of(30_000)], ["warning", "warning", "warning"])
    assert.deepStrictEqual([of(31_100), of(-30_100)], ["failed", "failed"])
  })

  it("sees what others may do with the data", () => {
    const of = (mode: number, uid = 7) => statuses(judgeMode("x", { mode: 0o40_000 + mode, uid }, 7))
    assert.deepStrictEqual([of(0o700), of(0o750), of(0o722), of(0o700, 8)], [[], ["warning"], ["failed"], ["warning"]])
    assert.deepStrictEqual(judgeMode("x", { mode: 0o777, uid: 8 }, undefined), [], "no such thing on Windows")
  })

  it("finds who holds a lock in Linux's list", () => {
    const locks = [
      "1: FLOCK  ADVISORY  WRITE 11 08:01:77 0 EOF",
      "2: POSIX  ADVISORY  READ 12 08:01:1234 1073741826 1073742335",
      "3: POSIX  ADVISORY  WRITE 13 08:01:1234 1073741824 1073742335",
      "4: POSIX  ADVISORY  WRITE 14 fd:00:12345 0 EOF"
    ].join("\n")
    assert.deepStrictEqual([holderIn(locks, 1234), holderIn(locks, 12345), holderIn(locks, 5)], [13, 14, null])
    assert.deepStrictEqual(
      statuses([...judgeLock(null, false), ...judgeLock(13, true), ...judgeLock("unknown", false)]),
      ["ok", "ok", "warning"]
    )
    assert.include(judgeLock(13, false)[0]?.message, "process 13")
  })

  it("reminds of budgets over 80 %", () => {
    const line = (tokens: number) => ({
      of: "job" as const,
      name: "digest",
      period: "day" as const,
      span: "2026-01-15",
      caps: { tokens: 1_000, runs: 10 },
      spent: { tokens, cost_usd: 3, runs: 2 },
      reserved: { tokens: 100, cost_usd: 0 },
      at_cap: "deny" as const
    })
    assert.deepStrictEqual(statuses(judgeBudgets([line(100)])), ["ok"])
    const [near] = judgeBudgets([line(700)])
    assert.strictEqual(near?.message, "over 80 %: job digest per day: 800 of 1000 tokens")
    assert.include(judgeBudgets([line(900)])[0]?.message, "used up")
  })

  it("reads a database's state", () => {
    const fine = { schema: 13, known: 13, damage: [], wal: 0, dead_letter: 0, quarantined: 0, undelivered: 0 }
    assert.deepStrictEqual(statuses(judgeDatabase(fine, false)), ["ok"])
    assert.deepStrictEqual(statuses(judgeDatabase({ ...fine, schema: 14 }, false)), ["failed"])
    assert.deepStrictEqual(statuses(judgeDatabase({ ...fine, schema: 12 }, false)), ["warning"])
    assert.deepStrictEqual(statuses(judgeDatabase({ ...fine, damage: ["page 3 is torn"] }, false)), ["failed"])
    const sick = { ...fine, dead_letter: 1, quarantined: 1, undelivered: 1, wal: 300 * megabyte }
    assert.deepStrictEqual(statuses(judgeDatabase(sick, false)), ["ok", "warning", "failed", "failed", "warning"])
    assert.deepStrictEqual(statuses(judgeDatabase(sick, true)), ["ok", "warning"], "the service tells of its jobs")
  })

  it.effect("looks at all jobs, page after page, for as long as there is time", () =>
    Effect.gen(function* () {
      const pages = [["a", "b"], ["c"]].map((names) => names.map((name) => ({ name, agent_id: `of-${name}` })))
      const clientTaking = (millis: number) => {
        const list = ({ urlParams }: { readonly urlParams: { readonly status: string; readonly cursor?: string } }) =>
          Effect.as(TestClock.adjust(millis), [
            urlParams.status === "active" ? (pages[urlParams.cursor === undefined ? 0 : 1] ?? []) : [],
            { headers: urlParams.status === "active" && urlParams.cursor === undefined ? { link } : {} }
          ])
        const link = '</api/v1/schedule?cursor=next>; rel="next"'
        const agents = { list: () => Effect.succeed([{ id: "of-a" }, { id: "of-b" }]) }
        return { schedule: { list }, agents } as unknown as Client
      }
      const [lost] = yield* checkJobs(clientTaking(1))
      assert.strictEqual(lost?.message, "1 has an agent that nobody knows: c (of-c)")
      const [slow] = yield* checkJobs(clientTaking(2_000))
      assert.strictEqual(slow?.message, "none is dead, the first 2 have their agents")
    })
  )

  it.effect("tells of clocks that jumped in the last day", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2026-03-02T12:00:00Z"))
      const asked: Array<unknown> = []
      const jumps = ["the clock was set back by 1h", "the clock jumped ahead by 2h"].map((reason) => ({
        reason,
        time: Date.parse("2026-03-02T11:00:00Z")
      }))
      const clientOf = (found: ReadonlyArray<unknown>) =>
        ({
          audit: {
            query: ({ urlParams }: { readonly urlParams: unknown }) =>
              Effect.sync(() => {
                asked.push(urlParams)
                return found
              })
          }
        }) as unknown as Client
      assert.deepStrictEqual(statuses(yield* checkClockJumps(clientOf([]))), ["ok"])
      const [jumped] = yield* checkClockJumps(clientOf(jumps))
      assert.strictEqual(jumped?.status, "warning")
      assert.strictEqual(
        jumped?.message,
        "the clock was set back by 1h (2026-03-02T11:00:00.000Z), and 1 before it in 24 hours"
      )
      const since = Date.parse("2026-03-01T12:00:00Z")
      assert.deepStrictEqual(asked[0], { type: "ClockJumped", since, limit: 100 })
    })
  )

  it("warns of data on a network file system, and of data in memory", () => {
    assert.deepStrictEqual(statuses(judgeFileSystem(0x6969)), ["warning"])
    assert.include(judgeFileSystem(0x6969)[0]?.message, "NFS")
    const [inMemory] = judgeFileSystem(0x01021994)
    assert.deepInclude(inMemory, { status: "warning", next_step: "name a folder on a disk with --data" })
    assert.deepStrictEqual(judgeFileSystem(0xef53), [])
  })

  it("takes users and passwords out of addresses", () => {
    const places = {
      "http://h:4318": "http://h:4318",
      "https://h/otlp/": "https://h/otlp/",
      "http://u:p4ss@h:4318": "http://h:4318",
      "https://p4ss@h/a@b?k=p4ss#p4ss": "https://h/a@b",
      "u:p4ss@h:4318": "h:4318",
      "http://u:p4?s/s@h/x": "h/x",
      "http:u:p4ss@h": "http://h",
      "grpc://u:p4ss@h": "grpc://h"
    }
    for (const [address, place] of Object.entries(places)) assert.strictEqual(placeOf(address), place)
  })

  it.effect("survives checks that break or hang", () =>
    Effect.gen(function* () {
      const [broken] = yield* bounded("disk", Effect.die(new Error("no disk at all")))
      assert.deepInclude(broken, { check: "disk", status: "warning", message: "could not be checked: no disk at all" })
      const hanging = yield* Effect.fork(bounded("network", Effect.never))
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude((yield* Fiber.join(hanging))[0], { check: "network", status: "warning" })
    })
  )
})
