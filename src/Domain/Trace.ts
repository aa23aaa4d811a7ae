import { createHash } from "node:crypto"
import type { RunId } from "./Ids.ts"

/** Ids of the trace that a run is, in lower-case hex: 32 digits of the trace, 16 of the run's own span. */
export interface TraceIds {
  readonly traceId: string
  readonly spanId: string
}

/**
 * The trace of a run: the SHA-256 of the run's id, cut. Attempts, deliveries and services that go on with a run after
 * another died find the same.
 */
export const traceIdsOf = (run_id: RunId): TraceIds => {
  const hash = createHash("sha256").update(run_id).digest("hex")
  return { traceId: hash.slice(0, 32), spanId: hash.slice(32, 48) }
}
