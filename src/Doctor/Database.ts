import * as Effect from "effect/Effect"
import { type Examined, examineFile } from "../JobStore/Examine.ts"
import { isReadable, lookAt, unseen } from "./Look.ts"
import { failed, ok, type Verdict, warning } from "./Verdict.ts"

/** A log of changes beyond this is not being taken into the database, in bytes. */
const largeWal = 268_435_456

/** What an examined database tells; what a service tells of its jobs itself is left to it. */
export const judgeDatabase = (
  { damage, dead_letter, known, quarantined, schema, undelivered, wal }: Examined,
  isUsed: boolean
): ReadonlyArray<Verdict> => {
  if (schema > known) {
    return [failed("database", `its schema ${schema} is newer than this symbi knows (${known})`, "upgrade symbi")]
  }
  if (damage !== null && damage.length > 0) {
    return [failed("database", `it is damaged: ${damage[0]}`, "restore a backup; keep the file as evidence")]
  }
  const looked = damage === null ? "" : ", not damaged"
  const verdicts: Array<Verdict> = [
    schema === known
      ? ok("database", `schema ${schema}${looked}`)
      : warning(
          "database",
          `schema ${schema}, and this symbi brings ${known}`,
          "`symbi up` brings it up to date, and keeps a copy"
        )
  ]
  if (wal > largeWal) {
    verdicts.push(
      warning(
        "database",
        `its log of changes (symbiont.db-wal) has ${Math.floor(wal / 1_048_576)} MB`,
        "start the service again; is something reading the database for long?"
      )
    )
  }
  if (isUsed) return verdicts
  if (dead_letter > 0) {
    verdicts.push(
      failed(
        "jobs",
        `${dead_letter} in the dead-letter queue`,
        "start the service, then `symbi cron list --status dead_letter`"
      )
    )
  }
  if (quarantined > 0) {
    verdicts.push(
      failed("jobs", `${quarantined} set aside as damaged`, "start the service, then write them again or remove them")
    )
  }
  if (undelivered > 0) {
    verdicts.push(
      warning("deliveries", `${undelivered} failed or are dead`, "start the service, then `symbi deliveries list`")
    )
  }
  return verdicts
}

/** The database of a data folder; `isUsed` while a service works on it. */
export const checkDatabase = (folder: string, isUsed: boolean) =>
  Effect.gen(function* () {
    const file = `${folder}/symbiont.db`
    const found = yield* lookAt(file)
    if (typeof found === "string") return [unseen("database", file, found)]
    if (found === null) return [ok("database", "there is none yet; `symbi up` makes it")]
    if (!(yield* isReadable(file))) return [unseen("database", file, "no permission to read it")]
    return yield* Effect.catchAllCause(
      Effect.map(examineFile(file, isUsed), (examined) => judgeDatabase(examined, isUsed)),
      (cause) =>
        Effect.as(Effect.logDebug("the database cannot be examined", cause), [
          failed(
            "database",
            `${file} cannot be read as a database`,
            "restore a backup, or name another folder with --data"
          )
        ])
    )
  })
