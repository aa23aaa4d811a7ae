import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { type AuditFilter, AuditLog, type Configuration, settingShown, verifyChain } from "../AuditLog.ts"
import type { AuditCheckpoint, AuditDraft, AuditEvent } from "../Domain/Audit.ts"
import { JobId } from "../Domain/Ids.ts"
import { auditReader } from "./AuditReader.ts"
import { decodeAuditRow, describe } from "./Rows.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { Writer } from "./Writer.ts"

const isJobId = Schema.is(JobId)

const Bound = Schema.Array(Schema.Struct({ seq: Schema.NullOr(Schema.Number) }))
const decodeBound = Schema.decodeUnknown(Bound)

const SettingRow = Schema.Struct({
  key: Schema.String,
  value: Schema.parseJson(Schema.Union(Schema.String, Schema.Number, Schema.Boolean))
})
const decodeSettings = Schema.decodeUnknown(Schema.Array(SettingRow))

// As the trigger computes it: SQLite's division of integers drops the fraction.
const hourOf = (millis: number): number => Math.trunc(millis / 3_600_000)

/** The keys in which two configurations differ, each side's values; keys that one side lacks are absent there. */
const differences = (before: Configuration, after: Configuration) => {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key])
  const side = (of: Configuration) => Object.fromEntries(keys.filter((key) => key in of).map((key) => [key, of[key]]))
  return keys.length === 0 ? null : { before: side(before), after: side(after) }
}

/** The audit log of a database. */
export const layerAuditLog = Layer.effect(
  AuditLog,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const reader = auditReader(sql)

    // Entries are not quite in the order of their times, so an index of times would not give them newest first.
    const bounds = Effect.fnUntraced(function* ({ since, until }: AuditFilter) {
      const [first] = yield* since === undefined
        ? Effect.succeed([{ seq: 0 }])
        : Effect.flatMap(sql`SELECT min(first_seq) AS seq FROM audit_hours WHERE hour >= ${hourOf(since)}`, decodeBound)
      const [last] = yield* until === undefined
        ? Effect.succeed([{ seq: Number.MAX_SAFE_INTEGER }])
        : Effect.flatMap(sql`SELECT max(last_seq) AS seq FROM audit_hours WHERE hour <= ${hourOf(until)}`, decodeBound)
      const [from, to] = [first?.seq ?? null, last?.seq ?? null]
      return from === null || to === null ? null : { from, to }
    })

    const query = Effect.fn("AuditLog.query")(function* (filter: AuditFilter) {
      const { actor, cursor, job, limit, run, since, type, until } = filter
      const within = yield* bounds(filter)
      if (within === null) return { items: [], next: null }
      const conditions = [
        sql`seq >= ${within.from}`,
        sql`seq <= ${cursor === undefined ? within.to : Math.min(within.to, Number(cursor) - 1)}`,
        ...(type === undefined ? [] : [sql`type = ${type}`]),
        ...(job === undefined ? [] : [isJobId(job) ? sql`job_id = ${job}` : sql`job_name = ${job}`]),
        ...(run === undefined ? [] : [sql`run_id = ${run}`]),
        ...(actor === undefined ? [] : [sql`actor = ${actor}`]),
        ...(since === undefined ? [] : [sql`time >= ${since}`]),
        ...(until === undefined ? [] : [sql`time < ${until}`])
      ]
      const rows = yield* sql`SELECT * FROM audit WHERE ${sql.and(conditions)} ORDER BY seq DESC LIMIT ${limit + 1}`
      const shown = rows.slice(0, limit)
      const items: Array<AuditEvent> = []
      for (const row of shown) {
        const event = decodeAuditRow(row)
        if (Either.isRight(event)) items.push(event.right)
        else yield* Effect.logWarning("audit entry left out of a list", String(row["id"]), describe(event.left))
      }
      return { items, next: rows.length > limit ? String(shown.at(-1)?.["seq"]) : null }
    }, Effect.orDie)

    const append = Effect.fn("AuditLog.append")(function* (events: ReadonlyArray<AuditDraft>, now: number) {
      yield* writer.commit(audit.append(events, now))
    })

    const verify = Effect.fn("AuditLog.verify")(function* (checkpoints: ReadonlyArray<AuditCheckpoint> = []) {
      return yield* verifyChain(reader, checkpoints)
    })

    const recordConfiguration = Effect.fn("AuditLog.recordConfiguration")(function* (
      configuration: Configuration,
      now: number
    ) {
      const shown = Object.fromEntries(
        Object.entries(configuration).map(([key, value]) => [key, settingShown(key, value)])
      )
      return yield* writer.commit(
        Effect.gen(function* () {
          const rows = yield* Effect.flatMap(sql`SELECT key, value FROM configuration`, decodeSettings)
          const changed = differences(Object.fromEntries(rows.map(({ key, value }) => [key, value])), shown)
          if (changed === null) return false
          yield* sql`DELETE FROM configuration`
          yield* sql`INSERT INTO configuration ${sql.insert(
            Object.entries(shown).map(([key, value]) => ({ key, value: JSON.stringify(value) }))
          )}`
          yield* audit.append([{ type: "ConfigChanged", actor: "scheduler", ...changed }], now)
          return true
        }).pipe(Effect.catchTag("ParseError", Effect.die))
      )
    })

    return AuditLog.of({ append, query, verify, head: Effect.orDie(audit.head), recordConfiguration })
  })
)
