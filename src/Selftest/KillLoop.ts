import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type FailpointName, failpointNames } from "../Failpoints.ts"
import { spawnService, startService } from "./Child.ts"
import { writeLoad } from "./Load.ts"
import type { Place } from "./Place.ts"
import { makeReceiver } from "./Receiver.ts"
import { claimed, counted, type Finding, NotSeen } from "./Report.ts"
import { bringToRest, problemsAtRest } from "./Rest.ts"
import { numbers } from "./SimulationPlan.ts"
import { openStored } from "./Stored.ts"

const jobCount = 12

/** Each so many kills are at a chosen place of the program, the others at any instant. */
const chosenEach = 3

/** Each so many kills the service stays down for longer than the grace for late slots. */
const outageEach = 6

/** Those that an upgrade of a database passes are passed by nothing here, those of a start only once. */
const places = failpointNames.filter((name) => name !== "migration.applied" && name !== "migration.statement")

const isOfStart = (name: FailpointName): boolean => name.startsWith("migration.")

/**
 * Kills a service with a slot of each job each second again and again, then lets it catch up and compares what it has
 * stored, told and left behind with what it should. Its data stay in `kill` of the place's folder.
 */
export const killLoop = Effect.fn("Selftest.killLoop")(function* (place: Place, kills: number) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const random = numbers(place.seed)
  const receiver = yield* makeReceiver
  const folder = yield* writeLoad(place, "kill", receiver.url, jobCount)
  const file = path.join(folder, ".symbi", "symbiont.db")
  let chosen = 0

  const ended = (code: number | null, said: string) =>
    code === null
      ? Effect.void
      : new NotSeen({ message: `the service was to be killed and ended with ${code}:\n${said}` })

  const dieAtPlace = Effect.fnUntraced(function* () {
    const name = places[random(places.length)] ?? "look.before"
    const service = yield* spawnService(place, folder, name, String(isOfStart(name) ? 1 : 1 + random(8)))
    const died = yield* Effect.timeoutOption(service.exitCode, "5 seconds")
    if (Option.isSome(died)) chosen++
    else yield* service.signal("SIGKILL")
    yield* ended(yield* service.exitCode, service.said())
  }, Effect.scoped)

  const dieAnywhen = Effect.fnUntraced(function* (kill: number) {
    const service = yield* spawnService(place, folder)
    // Some die while they start and recover, most while they work.
    const isEarly = kill > 0 && random(4) === 0
    if (!isEarly) yield* service.answers
    yield* Effect.sleep(random(600))
    yield* service.signal("SIGKILL")
    yield* ended(yield* service.exitCode, service.said())
  }, Effect.scoped)

  for (let kill = 0; kill < kills; kill++) {
    yield* place.progress(`kill ${kill + 1} of ${kills}`)
    yield* kill % chosenEach === chosenEach - 1 ? dieAtPlace() : dieAnywhen(kill)
    if (kill % outageEach === outageEach - 1) yield* Effect.sleep("2 seconds")
  }
  yield* place.progress("catching up")
  const last = yield* startService(place, folder)
  const db = yield* openStored(file)
  // Long enough for each job to have work, however few the kills.
  yield* Effect.sleep("1500 millis")
  yield* bringToRest(last, db)
  const { problems, stored } = yield* problemsAtRest(place, db, receiver)
  const slots = stored.jobs.reduce((sum, job) => sum + (job.slots?.length ?? 0), 0)
  const twice = [...receiver.taken.values()].filter((arrivals) => arrivals.length > 1).length
  const size = Number((yield* fs.stat(file)).size)
  const repeated = twice === 0 ? "" : `, ${twice} more than once`
  const hasWorked = stored.runs.some(({ status }) => status === "succeeded")
  const wrong = hasWorked || problems.length > 0 ? problems : ["no run succeeded"]
  const is = (claim: string) => claimed(wrong, claim)
  return {
    summary: `killed ${counted(kills, "time")} (kill -9), ${chosen} of them within or beside a commit. ${counted(slots, "slot")}${is(", each in exactly one row or missed range")}; ${counted(stored.runs.length, "run")}${is(", all ended")}; ${counted(stored.deliveries.length, "delivery", "deliveries")}${is(", all arrived")}${repeated}${is("; no agent left")}`,
    warnings: [],
    problems: wrong,
    counts: { kills, chosen, slots, runs: stored.runs.length, deliveries: stored.deliveries.length, twice, size }
  } satisfies Finding
}, Effect.scoped)
