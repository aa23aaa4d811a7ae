// node-cron: `EXPRESSION ZONE MILLIS`: how many next slots a second. It tells only what comes after now: the same slots
// again and again, some at a time.
import { createTask } from "node-cron"

const [expression, timezone, millis] = process.argv.slice(2)
const task = createTask(expression, () => {}, { timezone })

const perSecond = () => {
  const begun = performance.now()
  let answers = 0
  while (performance.now() - begun < Number(millis)) answers += task.getNextRuns(20).length
  return (answers * 1_000) / (performance.now() - begun)
}

perSecond()
process.stdout.write(JSON.stringify({ rate: perSecond() }))
