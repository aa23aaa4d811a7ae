// How long commands take from start to end against a bare Node, in turns, as medians: `node -e 0`, `symbi --help`,
// `symbi cron list` of a service with one job, `symbi cron next`.
import { spawn, spawnSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { median, started, stopped } from "./processes.mjs"

const symbi = new URL("../bin/symbi.js", import.meta.url).pathname

/** Rows of results; `quick` measures less often. */
export const measureCli = async (quick) => {
  const folder = await mkdtemp(join(tmpdir(), "symbiont-bench-cli-"))
  await writeFile(join(folder, "symbiont.toml"), "")
  const service = await started([symbi, "up", "--port", "0", "--data", join(folder, "data")], folder)
  const env = { ...process.env, SYMBI_SERVER: service.url, NO_COLOR: "1" }
  const job = JSON.stringify({ name: "daily", agent_id: "reporter", cron_expr: "@daily" })
  spawnSync(process.execPath, [symbi, "cron", "add", "--json", job], { env, stdio: "ignore" })
  const timed = (args) =>
    new Promise((resolve, reject) => {
      const start = performance.now()
      const child = spawn(process.execPath, args, { env, stdio: "ignore" })
      child.once("exit", (code) =>
        code === 0 ? resolve(performance.now() - start) : reject(new Error(args.join(" ")))
      )
    })
  const commands = {
    bare: ["-e", "0"],
    "symbi --help": [symbi, "--help"],
    "symbi cron list": [symbi, "cron", "list"],
    "symbi cron next @daily": [symbi, "cron", "next", "@daily"]
  }
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]))
  for (let round = 0; round < (quick ? 5 : 21); round++) {
    for (const [name, args] of Object.entries(commands)) times[name].push(await timed(args))
  }
  await stopped(service)
  await rm(folder, { recursive: true, force: true })
  const bare = median(times.bare)
  return Object.entries(times)
    .filter(([name]) => name !== "bare")
    .map(([name, found]) => {
      const value = median(found)
      const wanted = name === "symbi --help" ? 3 : 5
      const goal = { text: `<= ${wanted} times`, met: value <= wanted * bare }
      return { name, value, unit: "ms", peer: { name: "node -e 0", value: bare }, goal }
    })
}
