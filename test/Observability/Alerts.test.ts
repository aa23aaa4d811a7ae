import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { promtool } from "../support/Prometheus.ts"
import { folderWith } from "../support/Service.ts"

const rules = fileURLToPath(new URL("../../examples/grafana/alerts.yml", import.meta.url))

const series = (job_name: string, status: string, values: string) => `
      - series: 'symbiont_cron_runs_total{instance="a",job_name="${job_name}",status="${status}"}'
        values: '${values}'`

/** Scraped once a minute for four hours. */
const rulesTest = `
rule_files: ["${rules}"]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:${[
      series("always-new", "failed", "_x120 3x120"),
      series("from-zero", "failed", "0x120 3x120"),
      series("restarted", "failed", "9x120 _x2 3x118"),
      series("failed-long-ago", "failed", "9x240"),
      series("fails-seldom", "failed", "_x120 2x120"),
      series("succeeds", "succeeded", "_x120 50x120")
    ].join("")}
    alert_rule_test:
      - eval_time: 150m
        alertname: SymbiontJobFails
        exp_alerts:${["always-new", "from-zero", "restarted"]
          .map(
            (job_name) => `
          - exp_labels: { severity: warning, instance: a, job_name: ${job_name} }
            exp_annotations:
              summary: ${job_name} failed 3 times in an hour
              action: symbi cron history JOB --status failed`
          )
          .join("")}
      - eval_time: 230m
        alertname: SymbiontJobFails
        exp_alerts: []
`

describe("the alert rules", () => {
  it.scopedLive("fire for jobs that failed again and again within the hour, also with their first ends", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "test.yml": rulesTest })
      const tested = promtool(["test", "rules", join(folder, "test.yml")])
      if (tested !== null) assert.isTrue(tested.ok, tested.said)
    })
  )
})
