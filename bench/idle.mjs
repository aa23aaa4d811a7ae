// `symbi up` on the big database, as a process of its own: from its start until it answers that it is healthy, and what
// it costs while nothing is due. CPU time and memory are the system's own figures, so they are had on Linux alone.
import { readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { median, started, stopped } from "./processes.mjs"

const symbi = new URL("../bin/symbi.js", import.meta.url).pathname

/** CPU time in ms: of a hundred ticks a second, as Linux has them. */
const cpuOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const megabytesOf = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024

const lagOf = async (url) => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/symbiont_event_loop_lag_seconds\{stat="p99"\} (\S+)/.exec(text)[1]) * 1_000
}

const untilHealthy = async (url) => {
  while (true) {
    const response = await fetch(`${url}/api/v1/health/scheduler`).catch(() => undefined)
    if (response?.ok) return
    await sleep(5)
  }
}

/** Rows of results; `big` is the path of the database, `jobs` how many it has. */
export const measureIdle = async (quick, big, jobs) => {
  const folder = await mkdtemp(join(tmpdir(), "symbiont-bench-idle-"))
  await writeFile(join(folder, "symbiont.toml"), "")
  const [settle, watched] = quick ? [5_000, 10_000] : [10_000, 30_000]
  const found = { ready: [], cpu: [], memory: [], lag: [] }
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    const begun = performance.now()
    const service = await started([symbi, "up", "--port", "0", "--data", dirname(big)], folder)
    await untilHealthy(service.url)
    found.ready.push(performance.now() - begun)
    const { pid } = service.child
    // What a start leaves to do is done by then.
    await sleep(settle)
    await lagOf(service.url)
    const [cpu, from] = [cpuOf(pid), performance.now()]
    await sleep(watched)
    found.cpu.push(((cpuOf(pid) - cpu) / (performance.now() - from)) * 100)
    found.memory.push(megabytesOf(pid))
    found.lag.push(await lagOf(service.url))
    await stopped(service)
  }
  await rm(folder, { recursive: true, force: true })
  const row = (what, values, unit, wanted) => {
    const value = median(values)
    return { name: `${jobs} jobs, ${what}`, value, unit, goal: { text: `<= ${wanted} ${unit}`, met: value <= wanted } }
  }
  return [
    row("idle: CPU", found.cpu, "% of a core", 1),
    row("idle: memory", found.memory, "MB", 250),
    row("idle: event loop lag p99", found.lag, "ms", 5),
    row("from start to healthy", found.ready, "ms", 1_000)
  ]
}
