import * as Effect from "effect/Effect"
import { copyFileSync, mkdtempSync } from "node:fs"
import { prepareDatabase, simulate } from "../src/Selftest/Simulation.ts"
import { planOf, simulatedWeek } from "../src/Selftest/SimulationPlan.ts"
const folder = mkdtempSync("/dev/shm/prof-")
const main = async () => {
await Effect.runPromise(prepareDatabase(folder + "/t.db"))
for (let seed = 1; seed <= Number(process.argv[2]); seed++) {
  copyFileSync(folder + "/t.db", `${folder}/${seed}.db`)
  const cpu = process.cpuUsage()
  const plan = planOf(seed, simulatedWeek)
  const r = await Effect.runPromise(simulate(plan, `${folder}/${seed}.db`))
  const used = process.cpuUsage(cpu)
  console.log(seed, plan.events.length, r.runs, r.crashes, Math.round(used.user / 1000), r.problems)
}
process.exit(0)
}
main()
