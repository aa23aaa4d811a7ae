import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { failpointNames } from "./Failpoints.ts"
import { dyingAt } from "./Selftest/DyingAt.ts"
import { faultyDisk } from "./Selftest/FaultyDisk.ts"

// The service of the working folder with a fault in it, for `symbi selftest`: `full` (SIGUSR2 makes its disk full, and
// well again), or a failpoint and the hit at which the process dies there. A program of its own, so that nothing that
// a service in use is told, by its options, its files or its environment, can bring a fault about.

const [fault = "", hit = "1"] = process.argv.slice(2)

const faults = () => {
  if (fault === "full") return faultyDisk(fault)
  const failpoint = failpointNames.find((name) => name === fault)
  if (failpoint === undefined) throw new Error(`no such fault: ${JSON.stringify(fault)}`)
  return dyingAt(failpoint, Number(hit))
}

const given = {
  config: Option.none(),
  port: Option.some(0),
  host: Option.some("127.0.0.1"),
  data: Option.some(".symbi")
}

// As the command does, so that both have the same parts of the program.
const service = Effect.flatMap(
  Effect.promise(() => import("./main.ts")),
  ({ serve }) => serve(given)
)

NodeRuntime.runMain(Effect.provide(service, faults()))
