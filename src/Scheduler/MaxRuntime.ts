import { type DurationText, durationMillis } from "../Domain/Duration.ts"
import type { Job } from "../Domain/Job.ts"
import type { Policy } from "../Domain/Policy.ts"
import { policiesOf } from "../PolicyGate.ts"

/** How long a run may take: the shortest that its policies set; without any, the job's own, else the service's. */
export const maxRuntimeOf = (
  job: Job,
  policies: ReadonlyMap<string, Policy>,
  otherwise: DurationText | "none"
): DurationText | "none" => {
  if (job.policy === undefined && job.policy_ref === undefined) return job.max_runtime ?? otherwise
  const set = policiesOf(job, policies).flatMap(({ max_runtime }) => (max_runtime === undefined ? [] : [max_runtime]))
  const limits = set
    .flatMap((limit) => (limit === "none" ? [] : [limit]))
    .toSorted((a, b) => durationMillis(a) - durationMillis(b))
  return limits[0] ?? set[0] ?? job.max_runtime ?? otherwise
}
