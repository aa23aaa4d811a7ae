// `symbi up` on the big database, as a process of its own: from its start until it answers that it is healthy, and what
// it costs while nothing is due. CPU time and memory are the system's own figures, so they are had on Linux alone.
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { kept, median, started, stopped } from "./processes.mjs"

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

// Measures as the service does, in a process that does nothing: what the machine itself is late by.
const nothing = `const loop = require("node:perf_hooks").monitorEventLoopDelay({ resolution: 20 })
setTimeout(() => loop.enable(), Number(process.argv[1]))
setInterval(() => {}, 60_000)
process.on("SIGTERM", () => { console.log(Math.max(0, loop.percentile(99) / 1e6 - 20)); process.exit(0) })`

const lagOfNothing = (child) =>
  new Promise((resolve) => {
    let said = ""
    child.stdout.on("data", (text) => {
      said += text
    })
    child.once("close", () => resolve(Number(said)))
    child.kill("SIGTERM")
  })

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
  const found = { ready: [], readyCpu: [], cpu: [], memory: [], lag: [], lagOfNothing: [] }
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    const begun = performance.now()
    const service = await started([symbi, "up", "--port", "0", "--data", dirname(big)], folder)
    await untilHealthy(service.url)
    found.ready.push(performance.now() - begun)
    const { pid } = service.child
    found.readyCpu.push(cpuOf(pid))
    const idler = kept(
      spawn(process.execPath, ["-e", nothing, String(settle)], { stdio: ["ignore", "pipe", "inherit"] })
    )
    // What a start leaves to do is done by then.
    await sleep(settle)
    await lagOf(service.url)
    const [cpu, from] = [cpuOf(pid), performance.now()]
    await sleep(watched)
    found.cpu.push(((cpuOf(pid) - cpu) / (performance.now() - from)) * 100)
    found.memory.push(megabytesOf(pid))
    found.lag.push(await lagOf(service.url))
    found.lagOfNothing.push(await lagOfNothing(idler))
    await stopped(service)
  }
  await rm(folder, { recursive: true, force: true })
  const row = (what, values, unit, wanted) => {
    const value = median(values)
    return { name: `${jobs} jobs, ${what}`, value, unit, goal: { text: `<= ${wanted} ${unit}`, met: value <= wanted } }
  }
  const [lag, machine] = [median(found.lag), median(found.lagOfNothing)]
  return [
    row("idle: CPU", found.cpu, "% of a core", 1),
    row("idle: memory", found.memory, "MB", 250),
    {
      name: `${jobs} jobs, idle: event loop lag p99`,
      value: lag,
      unit: "ms",
      peer: { name: "a process that does nothing", value: machine },
      goal: { text: "<= 5 ms more", met: lag - machine <= 5 }
    },
    row("from start to healthy", found.ready, "ms", 1_000),
    { name: `${jobs} jobs, from start to healthy, CPU`, value: median(found.readyCpu), unit: "ms" }
  ]
}
