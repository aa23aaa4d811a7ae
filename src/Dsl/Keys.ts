/** Keys of a job definition that files write in another way. */
const writtenAs: Readonly<Record<string, string>> = { agent_id: "agent", cron_expr: "cron", policy_ref: "policy" }

/** The key that a file writes for a field of the definition. */
export const writtenKey = (field: string): string => writtenAs[field] ?? field

/** Whether a field of the definition goes by another key in files. */
export const isRenamed = (field: string): boolean => Object.hasOwn(writtenAs, field)

/** A path into the definition as a person would write it: `agent_id` is `agent`. */
export const writtenPath = (path: string): string => {
  const [first = "", ...rest] = path.split(".")
  return [writtenKey(first), ...rest].join(".")
}
