import { createHash } from "node:crypto"
import { definitionOf, type Job } from "../Domain/Job.ts"

const inOrder = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value

/** What exactly an approval is for: SHA-256 (hex) of the job's definition and the run's input, as JSON with sorted keys. */
export const bindingOf = (job: Job, input: string | null): string =>
  createHash("sha256")
    .update(JSON.stringify({ definition: definitionOf(job), input }, inOrder))
    .digest("hex")
