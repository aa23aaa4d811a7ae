import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { KeyStore, NewKey } from "../Access.ts"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { KeyId } from "../Domain/Ids.ts"
import { ApiKey, KeyNameTaken, KeyNotFound } from "../Domain/Key.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { Writer } from "./Writer.ts"

const { id, name, scopes, created_by } = ApiKey.fields
const instant = Schema.Int

const KeyRow = Schema.Struct({
  id,
  name,
  hash: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
  scopes: Schema.parseJson(scopes),
  created_at: instant,
  created_by,
  last_used_at: Schema.NullOr(instant),
  expires_at: Schema.NullOr(instant),
  revoked_at: Schema.NullOr(instant)
})
const decodeRows = Schema.decodeUnknown(Schema.Array(KeyRow))
const encodeRow = Schema.encodeSync(KeyRow)

const keyOf = ({ hash: _, ...key }: typeof KeyRow.Type): ApiKey => key

/** The keys. A damaged row fails every look as a defect: a key that was overlooked could leave the service open. */
export class SqliteKeys extends Effect.Service<SqliteKeys>()("symbiont/JobStore/SqliteKeys", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit

    const read = (rows: Effect.Effect<ReadonlyArray<unknown>, SqlError>) =>
      Effect.flatMap(rows, (found) => Effect.orDie(decodeRows(found)))
    const all = read(sql`SELECT * FROM api_keys ORDER BY id`)
    const live = read(sql`SELECT * FROM api_keys WHERE revoked_at IS NULL ORDER BY id`)

    const create = Effect.fn("KeyStore.create")(function* <E>(
      now: number,
      make: (unrevoked: ReadonlyArray<ApiKey>) => Either.Either<NewKey, E>
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const others = yield* live
          const made = yield* make(others.map(keyOf))
          const { key } = made
          if (others.some((other) => other.name === key.name)) return yield* new KeyNameTaken({ name: key.name })
          yield* sql`INSERT INTO api_keys ${sql.insert(encodeRow({ ...key, hash: made.hash }))}`
          yield* audit.append([made.audit], now)
          return key
        })
      )
    })

    const revoke = Effect.fn("KeyStore.revoke")(function* <E>(
      ref: string,
      now: number,
      check: (key: ApiKey, others: ReadonlyArray<ApiKey>) => Either.Either<AuditDraft, E>
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const keys = (yield* live).map(keyOf)
          const found = keys.find((key) => key.id === ref || key.name === ref)
          if (found === undefined) return yield* new KeyNotFound({ key: ref })
          const event = yield* check(
            found,
            keys.filter((key) => key !== found)
          )
          yield* sql`UPDATE api_keys SET revoked_at = ${now} WHERE id = ${found.id}`
          yield* audit.append([event], now)
          return { ...found, revoked_at: now }
        })
      )
    })

    return {
      create,
      revoke,
      list: Effect.orDie(Effect.map(all, (rows) => rows.map(keyOf))),
      unrevoked: Effect.orDie(Effect.map(live, (rows) => rows.map((row) => ({ key: keyOf(row), hash: row.hash })))),
      used: (id: KeyId, at: number) =>
        writer.commit(Effect.asVoid(sql`UPDATE api_keys SET last_used_at = ${at} WHERE id = ${id}`))
    } satisfies KeyStore["Type"]
  })
}) {}
