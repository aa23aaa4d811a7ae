import * as Effect from "effect/Effect"
import { type AuditFilter, AuditLog } from "../../src/AuditLog.ts"

/** Entries of the audit log, newest first. */
export const audited = (filter: AuditFilter) =>
  Effect.flatMap(AuditLog, (log) => Effect.map(log.query(filter), ({ items }) => items))
