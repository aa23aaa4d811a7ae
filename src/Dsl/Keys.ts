/** Keys of a job definition that files write in another way. */
const writtenAs: Readonly<Record<string, string>> = { agent_id: "agent", cron_expr: "cron", policy_ref: "policy" }

const targets: Readonly<Record<string, string>> = { agent: "agent_id", cron: "cron_expr" }

/** The key that a file writes for a field of the definition. */
export const writtenKey = (field: string): string => writtenAs[field] ?? field

/** Whether a field of the definition goes by another key in files. */
export const isRenamed = (field: string): boolean => Object.hasOwn(writtenAs, field)

/** The field of the definition that a written key stands for. A policy given by its name is another field. */
export const fieldOf = (key: string, byName: boolean): string =>
  key === "policy" && byName ? "policy_ref" : Object.hasOwn(targets, key) ? (targets[key] ?? key) : key

/** A path into the definition as a person would write it: `agent_id` is `agent`. */
export const writtenPath = (path: string): string => {
  const [first = "", ...rest] = path.split(".")
  return [writtenKey(first), ...rest].join(".")
}
