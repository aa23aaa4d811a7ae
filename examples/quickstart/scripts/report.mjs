// Sums up the monitor's log: how many looks, the highest load, the least free disk. Its last report comes in a variable.
import { existsSync, readFileSync } from "node:fs"

const file = process.env.MONITOR_LOG ?? ""
const text = existsSync(file) ? readFileSync(file, "utf8") : ""
const looks = [...text.matchAll(/disk (\d+)% free, load ([\d.]+)/g)]
if (looks.length === 0) {
  process.stdout.write("no looks logged yet\n")
} else {
  const least = Math.min(...looks.map((look) => Number(look[1])))
  const highest = Math.max(...looks.map((look) => Number(look[2])))
  process.stdout.write(`${looks.length} looks so far: disk never below ${least}% free, load up to ${highest}\n`)
}
const before = process.env.SYMBI_SUMMARY ?? ""
if (before !== "") process.stdout.write(`last time: ${before.split("\n")[0]}\n`)
