import * as Effect from "effect/Effect"
import { formatFile, parseFile } from "../src/Dsl.ts"
import { checkFiles } from "../src/FileCheck.ts"
import { median, type Result, type Size } from "./Measure.ts"

const block = (index: number): string => `# Job ${index} of many: looks at the backups of one customer in office hours.
schedule {
  name: "customer-${index}"
  agent: "agent-${index % 100}"
  cron: "*/5 9-17 * * MON-FRI"  # every five minutes
  timezone: "Europe/Berlin"

  session_mode: "ephemeral_with_summary"
  delivery: ["stdout", "log_file"]
  labels: ["team-${index % 7}", "office-hours"]
  input: "Check the backups of customer ${index}, and say what is wrong with them, if anything is."

  policy {
    max_runtime: "5m"
    require_approval: false
    allowed_hours: { start: "08:00" end: "18:00" }
  }
}

`

const measured = (work: () => unknown): { readonly wall: number; readonly cpu: number } => {
  const start = performance.now()
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return { wall: performance.now() - start, cpu: (user + system) / 1_000 }
}

/** What one large file costs: read, read and checked, brought into its layout. */
export const dsl = ({ quick, rounds }: Size) =>
  Effect.try(() => {
    const count = quick ? 1_000 : 10_000
    const text = Array.from({ length: count }, (_, index) => block(index)).join("")
    const read = parseFile(text, "bench.symbi")
    if (read.schedules.length !== count || read.diagnostics.length > 0) throw new Error("the file was not read in full")
    const what = `${(text.length / 1e6).toFixed(1)} MB, ${count.toLocaleString("en")} schedules`
    const context = {
      now: Date.UTC(2026, 0, 1),
      timezone: "UTC",
      variables: {},
      agents: [],
      policies: new Map(),
      channels: null,
      unset: "error"
    } as const
    const works: Readonly<Record<string, () => unknown>> = {
      read: () => parseFile(text, "bench.symbi"),
      "read and check": () => checkFiles([{ path: "bench.symbi", text }], context),
      format: () => formatFile(text, "bench.symbi")
    }
    return Object.entries(works).flatMap(([name, work]): ReadonlyArray<Result> => {
      const taken = Array.from({ length: rounds }, () => measured(work))
      return [
        { name: `${name} a file of ${what}`, value: median(taken.map(({ wall }) => wall)), unit: "ms" },
        { name: `${name}, CPU`, value: median(taken.map(({ cpu }) => cpu)), unit: "ms" }
      ]
    })
  })
