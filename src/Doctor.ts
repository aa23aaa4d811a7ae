import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Client } from "./Client.ts"
import { checkAudit } from "./Doctor/Audit.ts"
import {
  checkAgentFiles,
  checkFallback,
  checkProviders,
  checkReachable,
  readConfiguration
} from "./Doctor/Configuration.ts"
import { checkDatabase } from "./Doctor/Database.ts"
import { checkDataFolder } from "./Doctor/DataFolder.ts"
import { checkLeftAgents } from "./Doctor/LeftAgents.ts"
import { findHolder, judgeLock } from "./Doctor/Lock.ts"
import { checkApprovals, checkBudgets, checkClockJumps, checkJobs, checkService } from "./Doctor/Service.ts"
import { bounded, broken, failed, ok, type Verdict, warning } from "./Doctor/Verdict.ts"
import type { TextFile } from "./FileCheck.ts"

export { judgeDatabase } from "./Doctor/Database.ts"
export { judgeFileSystem, judgeMode, judgeSpace } from "./Doctor/DataFolder.ts"
export { holderIn, judgeLock } from "./Doctor/Lock.ts"
export { judgeBudgets, judgeClock } from "./Doctor/Service.ts"
export { bounded, type Verdict } from "./Doctor/Verdict.ts"

/** Why there is no client of a service: in the CLI's words what is so, and after a semicolon what to do. */
export interface NoClient {
  readonly why: string
  /** Something takes connections there, and says nothing. */
  readonly hangs: boolean
}

/** What is examined, and with what. */
export interface Patient {
  readonly configFile: Option.Option<string>
  readonly data: Option.Option<string>
  /** The files of agents and schedules. */
  readonly files: ReadonlyArray<TextFile>
  /** Why some of them, or their folder, could not be read. */
  readonly unreadable: ReadonlyArray<string>
  /** Where the service is asked for. */
  readonly server: string
  /** A client of it, or why there is none. */
  readonly client: Client | NoClient
  /** Whether servers of other people may be asked, too. */
  readonly network: boolean
}

const oldestNode = 20

const checkNode = (running: string): Verdict => {
  const major = Number(/^v(\d+)/.exec(running)?.[1] ?? 0)
  return major >= oldestNode
    ? ok("node", `Node ${running}`)
    : failed("node", `Node ${running} is too old`, `install Node ${oldestNode} or newer`)
}

const unanswered = ({ hangs, why }: NoClient): Verdict => {
  const [message = why, ...steps] = why.split("; ")
  return (hangs ? failed : warning)("service", message, steps.length === 0 ? "see `symbi up --help`" : steps.join("; "))
}

/** Examines everything, with a service or without one. Every check is bounded in time, and none takes another with it. */
export const examine = Effect.fn("Doctor.examine")(function* (patient: Patient) {
  const { client, configFile, data, files, network, server, unreadable } = patient
  const { loaded, verdicts: configuration } = yield* readConfiguration(configFile, data).pipe(
    Effect.catchAllCause((cause) => Effect.succeed({ loaded: null, verdicts: [broken("configuration", cause)] }))
  )
  const ofFiles = yield* checkAgentFiles(files, loaded).pipe(
    Effect.catchAllCause((cause) => Effect.succeed({ models: 0, verdicts: [broken("files", cause)] }))
  )
  const answers = !("why" in client)
  const folder = loaded?.settings.data_dir
  const holder =
    folder === undefined
      ? null
      : yield* Effect.catchAllCause(findHolder(folder), () => Effect.succeed("unseen" as const))
  const ofService = answers
    ? yield* Effect.forEach(
        [
          bounded("service", checkService(client, server)),
          bounded("clock jumps", checkClockJumps(client)),
          bounded("jobs", checkJobs(client)),
          bounded("approvals", checkApprovals(client)),
          bounded("budgets", checkBudgets(client))
        ],
        (one) => one
      )
    : [[unanswered(client)]]
  return [
    checkNode(process.version),
    ...configuration,
    ...unreadable.map((why) => failed("files", why, "make it readable; `symbi up` does not start like this")),
    // Of no files at all it would say that there are none.
    ...(unreadable.length > 0 && files.length === 0 ? [] : ofFiles.verdicts),
    ...(loaded === null ? [] : [...checkProviders(loaded, ofFiles.models), ...checkFallback(loaded)]),
    ...(loaded === null || !network ? [] : yield* bounded("network", checkReachable(loaded.settings.providers))),
    ...(folder === undefined
      ? []
      : [
          ...(yield* bounded("data folder", checkDataFolder(folder))),
          ...judgeLock(holder, answers),
          ...(holder === null ? yield* bounded("agents", checkLeftAgents(folder)) : []),
          ...(yield* bounded("database", checkDatabase(folder, holder !== null))),
          ...(holder === null ? yield* bounded("audit", checkAudit(folder)) : [])
        ]),
    ...ofService.flat()
  ] as ReadonlyArray<Verdict>
})
