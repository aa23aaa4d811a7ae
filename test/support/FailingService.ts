import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { failpointNames } from "../../src/Failpoints.ts"
import { serve } from "../../src/main.ts"
import { dyingAt } from "../../src/Selftest/DyingAt.ts"
import { faultyDisk } from "../../src/Selftest/FaultyDisk.ts"

/** `symbi up` that dies at a failpoint, at that hit; or, for `full` and `read_only`, whose disk SIGUSR2 makes so. */
const [name = "", hit = "1"] = process.argv.slice(2)

const fault = () => {
  if (name === "full" || name === "read_only") return faultyDisk(name)
  const failpoint = failpointNames.find((known) => known === name)
  if (failpoint === undefined) throw new Error(`no failpoint ${name}`)
  return dyingAt(failpoint, Number(hit))
}

const none = { config: Option.none(), port: Option.none(), host: Option.none(), data: Option.none() }

NodeRuntime.runMain(Effect.provide(serve(none), fault()))
