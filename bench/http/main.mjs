// POST /schedule and GET /schedule/{id} of the service against a service as one would write it by hand, in turns, each
// alone on the machine with its load: 64 connections. Both commit with synchronous=FULL; only ours audits.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import autocannon from "autocannon"
import { median, started, stopped } from "../processes.mjs"

const connections = 64
const root = new URL("../..", import.meta.url).pathname
const headers = { "content-type": "application/json" }

let count = 0
const job = () =>
  JSON.stringify({
    name: `job-${process.pid}-${count++}`,
    agent_id: "reporter",
    cron_expr: "0 0 1 1 *",
    session_mode: "ephemeral_with_summary",
    delivery: ["log_file"]
  })

const load = async (options) => {
  const { "2xx": ok, errors, latency, non2xx, requests } = await autocannon({ connections, ...options })
  if (errors > 0 || non2xx > 0) throw new Error(`${errors} errors and ${non2xx} refusals beside ${ok} answers`)
  return { rate: requests.average, p99: latency.p99 }
}

const measured = async (service, duration) => {
  const setupClient = (client) => {
    const next = () => client.setBody(job())
    next()
    client.on("response", next)
  }
  const url = `${service.url}/api/v1/schedule`
  const create = { url, method: "POST", headers, setupClient }
  await load({ ...create, duration: Math.ceil(duration / 2) })
  const post = await load({ ...create, duration })
  const { id } = await (await fetch(url, { method: "POST", headers, body: job() })).json()
  await load({ url: `${url}/${id}`, duration: Math.ceil(duration / 2) })
  return { post, get: await load({ url: `${url}/${id}`, duration }) }
}

/** Rows of results; `quick` measures once and for a shorter time. */
export const measureHttp = async (quick) => {
  const folder = await mkdtemp(join(tmpdir(), "symbiont-bench-http-"))
  await writeFile(join(folder, "symbiont.toml"), "[server]\nrate_limit = 0\n")
  await mkdir(join(folder, "agents"))
  await writeFile(join(folder, "agents", "reporter.symbi"), 'agent reporter { command: ["true"] }\n')
  const services = {
    ours: [join(root, "bin/symbi.js"), "up", "--port", "0", "--data"],
    byHand: [join(root, "bench/http/reference.mjs")]
  }
  const found = { ours: [], byHand: [] }
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (const [name, args] of Object.entries(services)) {
      const data = await mkdtemp(join(folder, `${name}-`))
      const service = await started([...args, data], folder)
      found[name].push(await measured(service, quick ? 4 : 10))
      await stopped(service)
    }
  }
  await rm(folder, { recursive: true, force: true })
  return ["post", "get"].flatMap((what) => {
    const of = (name, key) => median(found[name].map((round) => round[what][key]))
    const title = what === "post" ? "POST /schedule" : "GET /schedule/{id}"
    const wanted = what === "post" ? 1 : 0.25
    const [value, theirs] = [of("ours", "rate"), of("byHand", "rate")]
    const peer = (value) => ({ name: "Fastify by hand", value })
    const goal = { text: `>= ${wanted.toFixed(2)} times`, met: value >= wanted * theirs }
    return [
      { name: `${title}, 64 connections`, value, unit: "per second", peer: peer(theirs), goal },
      { name: `${title}, 99th percentile`, value: of("ours", "p99"), unit: "ms", peer: peer(of("byHand", "p99")) }
    ]
  })
}
