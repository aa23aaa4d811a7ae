/**
 * The commands of `symbi` by name, in the order of its help. Each is loaded when it is asked for, with all that it
 * needs: a command starts in the time of its own part.
 */
export const commands = {
  up: async () => (await import("./Up.ts")).up,
  cron: async () => (await import("./Cron.ts")).cron,
  approvals: async () => (await import("./Approvals.ts")).approvals,
  deliveries: async () => (await import("./Deliveries.ts")).deliveries,
  why: async () => (await import("./Why.ts")).why,
  run: async () => (await import("./RunAgent.ts")).runAgent,
  agents: async () => (await import("./Agents.ts")).agents,
  budgets: async () => (await import("./Budgets.ts")).budgets,
  validate: async () => (await import("./Validate.ts")).validate,
  fmt: async () => (await import("./Fmt.ts")).fmt,
  apply: async () => (await import("./Apply.ts")).apply,
  export: async () => (await import("./Export.ts")).exportJobs,
  config: async () => (await import("./Config.ts")).config,
  audit: async () => (await import("./Audit.ts")).audit,
  logs: async () => (await import("./Logs.ts")).logs,
  agentpin: async () => (await import("./AgentPin.ts")).agentpin,
  doctor: async () => (await import("./Doctor.ts")).doctor,
  selftest: async () => (await import("./Selftest.ts")).selftest,
  backup: async () => (await import("./Backup.ts")).backup,
  restore: async () => (await import("./Backup.ts")).restore,
  completions: async () => (await import("./Completions.ts")).completions,
  keys: async () => (await import("./Keys.ts")).keys
} as const

/** The name of a command of `symbi`. */
export type CommandName = keyof typeof commands

/** All of them, in the order of the help. */
export const commandNames = Object.keys(commands) as ReadonlyArray<CommandName>

/** Whether a word is the name of a command. */
export const isCommandName = (word: string | undefined): word is CommandName =>
  word !== undefined && Object.hasOwn(commands, word)
