// Assesses the machine; says so in one line; asks to sleep when there is nothing to act on.
import { statfsSync } from "node:fs"
import { availableParallelism, loadavg } from "node:os"

const disk = statfsSync(".")
const freePercent = Math.round((100 * disk.bavail) / disk.blocks)
const load = loadavg()[0] ?? 0
const busy = load > 2 * availableParallelism()
const full = freePercent < 5

process.stdout.write(
  `disk ${freePercent}% free, load ${load.toFixed(2)}: ${full || busy ? "needs a look" : "all well"}\n`
)
process.stdout.write("sleep\n")
