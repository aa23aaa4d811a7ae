// `npm test`: build, reference pages and tests one after the other; beside them, as many tests wait, the linter and the
// types with the rules of Effect. What fails is told whole when it has ended, and once more at the end.
import { spawn } from "node:child_process"

const failed = []

const run = (script, { words = [], quiet = true } = {}) =>
  new Promise((resolve) => {
    const start = performance.now()
    const output = []
    const stdio = quiet ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"]
    const child = spawn("npm", ["run", "--silent", script, ...words], { stdio })
    child.stdout?.on("data", (chunk) => output.push(chunk))
    child.stderr?.on("data", (chunk) => output.push(chunk))
    child.on("close", (code) => {
      const seconds = ((performance.now() - start) / 1000).toFixed(1)
      if (code !== 0) process.stdout.write(Buffer.concat(output))
      process.stdout.write(`${script}: ${code === 0 ? "ok" : "FAILED"} (${seconds} s)\n`)
      if (code !== 0) failed.push(script)
      resolve(code === 0)
    })
  })

const tested = async () =>
  (await run("build", { words: ["--", "stale"] })) &&
  (await run("reference", { words: ["--", "--check"] })) &&
  (await run("vitest", { words: ["--", "run"], quiet: false }))

const checked = async () => (await run("lint")) && (await run("types"))

await Promise.all([tested(), checked()])
if (failed.length > 0) process.stdout.write(`failed: ${failed.join(", ")}\n`)
process.exitCode = failed.length === 0 ? 0 : 1
