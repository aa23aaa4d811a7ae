import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

const running = new Set()

/** Keeps a process in mind until it ends, for {@link endAll}. */
export const kept = (child) => {
  running.add(child)
  child.once("close", () => running.delete(child))
  return child
}

/** Ends all processes that are kept in mind, those by force that do not within seconds. */
export const endAll = () =>
  Promise.all(
    [...running].map(
      (child) =>
        new Promise((resolve) => {
          child.once("close", resolve)
          child.kill("SIGTERM")
          setTimeout(() => child.kill("SIGKILL"), 5_000).unref()
        })
    )
  )

/** Starts a server as a process of its own in a folder; gives its address once it has told it. */
export const started = (args, cwd) =>
  new Promise((resolve, reject) => {
    const child = kept(spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] }))
    const said = []
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on("line", (line) => {
        said.push(line)
        const url = /http:\/\/[\d.]+:\d+/.exec(line)?.[0]
        if (url !== undefined) resolve({ url, child })
      })
    }
    child.once("exit", (code) => reject(new Error(`${args[0]} ended with ${code}: ${said.join("\n")}`)))
  })

/** Ends a server in its own way. */
export const stopped = ({ child }) =>
  new Promise((resolve) => {
    child.once("exit", resolve)
    child.kill("SIGTERM")
  })

/** The middle of some numbers. */
export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
