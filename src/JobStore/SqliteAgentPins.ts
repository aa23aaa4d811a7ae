import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { type Admission, AgentPinMemory, type CredentialUse } from "../AgentPin.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { Writer } from "./Writer.ts"

const decodePins = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ thumbprint: Schema.String, first_seen: Schema.Number }))
)
const decodeUses = Schema.decodeUnknown(Schema.Array(Schema.Struct({ job_id: Schema.String })))

/** Most uses of expired credentials that are forgotten at a time. */
const batch = 100

/** Pins and uses of credentials in the database. */
export const layerAgentPins = Layer.effect(
  AgentPinMemory,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit

    const compare = Effect.fnUntraced(function* ({ domain, job_id, jti, now, thumbprint }: CredentialUse) {
      const pins = yield* decodePins(
        yield* sql`SELECT thumbprint, first_seen FROM agentpin_pins WHERE domain = ${domain} ORDER BY first_seen`
      )
      const [first] = pins
      if (first !== undefined && pins.every((pin) => pin.thumbprint !== thumbprint)) {
        return { _tag: "OtherKey", first_seen: first.first_seen } satisfies Admission
      }
      const [use] = yield* decodeUses(
        yield* sql`SELECT job_id FROM agentpin_uses WHERE domain = ${domain} AND jti = ${jti} AND until > ${now}`
      )
      return use === undefined || use.job_id === job_id
        ? ({ _tag: "Admitted" } satisfies Admission)
        : ({ _tag: "OtherJob", job_id: use.job_id } satisfies Admission)
    })

    const record = Effect.fnUntraced(function* ({ domain, job_id, jti, kid, now, thumbprint, until }: CredentialUse) {
      yield* sql`INSERT INTO agentpin_pins ${sql.insert({ domain, kid, thumbprint, first_seen: now })}
        ON CONFLICT (domain, kid) DO NOTHING`
      yield* sql`INSERT INTO agentpin_uses ${sql.insert({ domain, jti, job_id, until })}
        ON CONFLICT (domain, jti) DO UPDATE SET job_id = excluded.job_id, until = max(until, excluded.until)`
      yield* sql`DELETE FROM agentpin_uses WHERE (domain, jti) IN
        (SELECT domain, jti FROM agentpin_uses WHERE until <= ${now} LIMIT ${batch})`
    })

    const admit = Effect.fn("AgentPinMemory.admit")(function* (use: CredentialUse) {
      return yield* writer.commit(
        Effect.tap(Effect.orDie(compare(use)), ({ _tag }) => (_tag === "Admitted" ? record(use) : Effect.void))
      )
    })

    const pin = Effect.fn("AgentPinMemory.pin")(function* (
      { domain, kid, thumbprint }: Pick<CredentialUse, "domain" | "kid" | "thumbprint">,
      now: number,
      actor: string
    ) {
      yield* writer.commit(
        Effect.gen(function* () {
          yield* sql`INSERT INTO agentpin_pins ${sql.insert({ domain, kid, thumbprint, first_seen: now })}
            ON CONFLICT (domain, kid) DO UPDATE SET thumbprint = excluded.thumbprint, first_seen = excluded.first_seen`
          const reason = `AgentPin key ${kid} of ${domain} (SHA-256 thumbprint ${thumbprint}) may sign from now on`
          yield* audit.append([{ type: "ConfigChanged", actor, reason }], now)
        })
      )
    })

    const unpin = Effect.fn("AgentPinMemory.unpin")(function* (
      domain: string,
      kid: string,
      now: number,
      actor: string
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const pins = yield* sql`DELETE FROM agentpin_pins WHERE domain = ${domain} AND kid = ${kid} RETURNING kid`
          const reason = `AgentPin key ${kid} of ${domain} may not sign any more`
          if (pins.length > 0) yield* audit.append([{ type: "ConfigChanged", actor, reason }], now)
          return pins.length > 0
        })
      )
    })

    return AgentPinMemory.of({ admit, pin, unpin })
  })
)
