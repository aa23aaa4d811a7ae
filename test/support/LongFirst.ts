import { BaseSequencer, type TestSpecification } from "vitest/node"

/** The files that take longest, the longest first: a worker that came to one of them last would be waited for alone. */
const long = [
  "SimulationSeeds",
  "Service/Embedding",
  "Service/Documentation",
  "Service/KillLoop",
  "Service/Service",
  "Service/Hostile",
  "Service/Backup",
  "JobStore/Failpoints",
  "Service/Telemetry",
  "Service/Sdk",
  "Agents/Misbehaving",
  "Service/Selftest",
  "Service/ReadOnly",
  "Service/Doctor",
  "AuditLog/Tampering",
  "Service/CliJobs",
  "CliService",
  "Service/Quickstart",
  "Service/Audit",
  "Recurrence/Oracle",
  "Service/TwoServices",
  "Service/Delivery",
  "Service/Access",
  "Service/AgentsGuide",
  "JobStore/Sqlite"
]

const rankOf = ({ moduleId }: TestSpecification): number => {
  const at = long.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`))
  return at < 0 ? long.length : at
}

/** Starts the longest files first, and the others in vitest's own order. */
export class LongFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    const sorted = await super.sort(files)
    return sorted.sort((a, b) => rankOf(a) - rankOf(b))
  }
}
