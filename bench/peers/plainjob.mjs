// plainjob with synchronous=FULL: `runs COUNT`: adds jobs one by one, then works them off. `start COUNT MILLIS`: how
// late jobs start that are spread over some time, its worker asking every 10 ms.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Database from "better-sqlite3"
import { better, defineQueue, defineWorker } from "plainjob"

const [what, count, millis] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const silent = { error: (text) => process.stderr.write(`${text}\n`), warn: () => {}, info: () => {}, debug: () => {} }
const folder = await mkdtemp(join(tmpdir(), "symbiont-bench-plainjob-"))
const db = new Database(join(folder, "plainjob.db"))
const queue = defineQueue({ connection: better(db), logger: silent })
db.pragma("synchronous = FULL")

/** Lets a worker do that many jobs; gives it each, and ends it. */
const work = async (wanted, pollIntervall, each = () => {}) => {
  let done = 0
  const { promise, resolve } = Promise.withResolvers?.() ?? deferred()
  const onCompleted = () => {
    done += 1
    if (done === wanted) resolve()
  }
  const worker = defineWorker("noop", async (job) => each(job), { queue, pollIntervall, logger: silent, onCompleted })
  void worker.start()
  await promise
  await worker.stop()
}

const deferred = () => {
  let resolve
  const promise = new Promise((done) => {
    resolve = done
  })
  return { promise, resolve }
}

const add = (some) => {
  for (let i = 0; i < some; i++) queue.add("noop", { i })
}

const measure = {
  runs: async () => {
    add(1_000)
    await work(1_000, 1)
    const before = process.cpuUsage()
    const start = performance.now()
    add(count)
    const added = performance.now()
    await work(count, 1)
    const end = performance.now()
    const { system, user } = process.cpuUsage(before)
    return {
      enqueue: (count * 1_000) / (added - start),
      process: (count * 1_000) / (end - added),
      both: (count * 1_000) / (end - start),
      cpu: (system + user) / 1_000 / count
    }
  },
  start: async () => {
    const first = Date.now() + 1_000
    for (let i = 0; i < count; i++) {
      const due = first + Math.floor((i * millis) / count)
      queue.add("noop", { due }, { delay: due - Date.now() })
    }
    const late = []
    const before = process.cpuUsage()
    await work(count, 10, ({ data }) => late.push(Date.now() - JSON.parse(data).due))
    const { system, user } = process.cpuUsage(before)
    late.sort((a, b) => a - b)
    return {
      p50: late[Math.floor(count * 0.5)],
      p99: late[Math.floor(count * 0.99)],
      load: (system + user) / 10 / (millis + 1_000)
    }
  }
}[what]

process.stdout.write(JSON.stringify(await measure()))
queue.close()
await rm(folder, { recursive: true, force: true })
