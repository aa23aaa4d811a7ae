// node-cron in memory: `start COUNT`: how late tasks are called that are all due each second.
import cron from "node-cron"

const count = Number(process.argv[2])
const seconds = 5
const late = []
for (let i = 0; i < count; i++) {
  cron.schedule("* * * * * *", () => {
    late.push(Date.now() % 1_000)
  })
}
await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
late.sort((a, b) => a - b)
process.stdout.write(
  JSON.stringify({ p50: late[Math.floor(late.length * 0.5)], p99: late[Math.floor(late.length * 0.99)] })
)
process.exit(0)
