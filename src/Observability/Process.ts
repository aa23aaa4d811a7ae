import { readdir } from "node:fs/promises"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { version } from "../Version.ts"
import { type Family, gauge, plainly } from "./Families.ts"

/** How often the event loop's delay is sampled, in ms. */
const resolution = 20

const seconds = (nanos: number): number => (Number.isFinite(nanos) ? nanos / 1e9 : 0)

/** Only Linux shows them; elsewhere they are left out. */
const openFiles = Effect.promise(() =>
  readdir("/proc/self/fd").then(
    (names) => names.length - 1,
    () => null
  )
).pipe(
  Effect.map((count) =>
    count === null ? [] : [gauge("process_open_fds", "Number of open file descriptors.", plainly(count))]
  )
)

/**
 * What the process says of itself, under the names that Prometheus' own clients use. The delay of the event loop is
 * that since the last time it was read. Measures as long as the scope lives.
 */
export const watchProcess = Effect.gen(function* () {
  const loop = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const histogram = monitorEventLoopDelay({ resolution })
      histogram.enable()
      return histogram
    }),
    (histogram) => Effect.sync(() => histogram.disable())
  )
  const started = (yield* Clock.currentTimeMillis) / 1_000 - process.uptime()

  const lag = (): Family => {
    // The monitor counts its own pause between two samples, too.
    const late = (nanos: number) => Math.max(0, seconds(nanos) - resolution / 1_000)
    const { max, mean } = loop
    const values = [
      ["mean", mean],
      ["p99", loop.percentile(99)],
      ["max", max]
    ] as const
    loop.reset()
    return gauge(
      "symbiont_event_loop_lag_seconds",
      "How late the event loop came to its timers since the last scrape.",
      values.map(([stat, nanos]) => ({ labels: [["stat", stat]], value: late(nanos) }))
    )
  }

  return Effect.map(openFiles, (files): ReadonlyArray<Family> => {
    const { system, user } = process.cpuUsage()
    return [
      gauge("symbiont_build_info", "The version that runs; always 1.", [
        {
          labels: [
            ["version", version],
            ["node", process.version]
          ],
          value: 1
        }
      ]),
      gauge("process_resident_memory_bytes", "Resident memory size in bytes.", plainly(process.memoryUsage.rss())),
      {
        name: "process_cpu_seconds_total",
        help: "Total user and system CPU time spent in seconds.",
        type: "counter",
        samples: plainly((user + system) / 1e6)
      },
      gauge(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        plainly(Math.round(started * 1_000) / 1_000)
      ),
      ...files,
      lag()
    ]
  })
})
