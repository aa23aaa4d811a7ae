import { availableParallelism } from "node:os"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import { compare, emptyTally, record, type Tally } from "./Compare.ts"
import { windowOf } from "./Oracle.ts"
import { makeRandom } from "./Random.ts"
import { allZones, type Transition, transitionsOf } from "./Zones.ts"

/** What a worker is asked for: its share of the zones and of the cases. */
interface Share {
  readonly zones: ReadonlyArray<string>
  readonly cases: number
  readonly seed: number
  /** Milliseconds between two looks for transitions. */
  readonly probe: number
}

interface Report {
  readonly tally: Tally
  readonly transitions: number
  readonly finished: boolean
}

const HOUR = 3_600_000

const flag = (name: string, otherwise: number): number => {
  const text = process.argv.find((argument) => argument.startsWith(`--${name}=`))
  return text === undefined ? otherwise : Number(text.slice(name.length + 3).replaceAll(/[_,]/g, ""))
}

/** Probes finely, and sees whether the tests' probes find the same. */
const findTransitions = (zone: string, probe: number, tally: Tally): ReadonlyArray<Transition> => {
  const found = transitionsOf(zone, probe)
  if (JSON.stringify(found) !== JSON.stringify(transitionsOf(zone))) {
    tally.differences.push(`${zone}: wider probes find other transitions than those of ${probe / HOUR} h`)
  }
  return found
}

const work = ({ zones, cases, seed, probe }: Share, tell: (report: Report) => void): void => {
  const tally = emptyTally()
  const transitions = zones.flatMap((zone) => findTransitions(zone, probe, tally))
  const shuffled = makeRandom(seed).some(transitions, transitions.length)
  let told = 0
  for (const [index, transition] of shuffled.entries()) {
    const upTo = Math.ceil((cases * (index + 1)) / shuffled.length)
    if (upTo === tally.cases) continue
    const window = windowOf(transition)
    while (tally.cases < upTo) record(tally, compare(window, seed + tally.cases))
    if (Date.now() - told > 1_000) {
      told = Date.now()
      tell({ tally, transitions: shuffled.length, finished: false })
    }
  }
  tell({ tally, transitions: shuffled.length, finished: true })
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const sum = (reports: Iterable<Report>): Report => {
  const tally = emptyTally()
  let transitions = 0
  for (const report of reports) {
    transitions += report.transitions
    tally.differences.push(...report.tally.differences)
    for (const key of ["cases", "slots", "counted", "inGap", "inFold", "refused"] as const) {
      tally[key] += report.tally[key]
    }
  }
  return { tally, transitions, finished: true }
}

const figures = ({ tally, transitions }: Report): string => {
  const of = (value: number, what: string) => `${value.toLocaleString("en-US")} ${what}`
  return [
    of(tally.cases, "cases"),
    of(transitions, "transitions"),
    of(tally.slots, "slots compared"),
    of(tally.counted, "counted"),
    of(tally.inGap, "cases in a gap"),
    of(tally.inFold, "in a fold"),
    of(tally.refused, "refused"),
    of(tally.differences.length, "differences")
  ].join(", ")
}

const main = async (): Promise<void> => {
  const cases = flag("cases", 1_000_000)
  const seed = flag("seed", 20_260_308)
  const workers = flag("workers", availableParallelism())
  const started = Date.now()
  say(
    `${cases.toLocaleString("en-US")} cases, seed ${seed}, ${workers} workers, time zone data ${process.versions["tz"]}`
  )
  const reports = new Map<number, Report>()
  const shown = new Set<string>()
  const progress = setInterval(
    () => say(reports.size === 0 ? "looking for transitions" : figures(sum(reports.values()))),
    10_000
  )
  const done = Array.from({ length: workers }, (_, index) => {
    const share: Share = {
      zones: allZones.filter((_, place) => place % workers === index),
      cases: Math.ceil(cases / workers),
      // Each worker has seeds of its own.
      seed: seed + index * 10_000_000,
      probe: flag("probe", 6) * HOUR
    }
    return new Promise<void>((resolve, reject) => {
      const worker = new Worker(__filename, { workerData: share })
      worker.on("message", (report: Report) => {
        reports.set(index, report)
        for (const difference of report.tally.differences) if (!shown.has(difference)) say(`DIFFERENCE ${difference}`)
        for (const difference of report.tally.differences) shown.add(difference)
      })
      worker.on("error", reject)
      worker.on("exit", () => (reports.get(index)?.finished === true ? resolve() : reject(new Error("worker ended"))))
    })
  })
  await Promise.all(done).finally(() => clearInterval(progress))
  const { tally, ...rest } = sum(reports.values())
  say(`${figures({ tally, ...rest })}, in ${Math.round((Date.now() - started) / 1_000)} s`)
  // So that a run which compared next to nothing does not pass.
  const enough =
    tally.cases >= cases &&
    tally.slots >= cases * 20 &&
    tally.inGap >= cases / 8 &&
    tally.inFold >= cases / 8 &&
    tally.refused <= cases / 50
  if (!enough) say("FAILED: too few cases, slots, gaps or folds were compared")
  process.exitCode = enough && tally.differences.length === 0 ? 0 : 1
}

if (isMainThread) void main()
else work(workerData as Share, (report) => parentPort?.postMessage(report))
