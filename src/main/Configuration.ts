import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AuditLog } from "../AuditLog.ts"
import type { EffectiveSetting } from "../Settings.ts"

/** Records in the audit log what the service runs on, if it is not what it last ran on. */
export const configurationRecorded = (effective: ReadonlyArray<EffectiveSetting>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const log = yield* AuditLog
      const configuration = Object.fromEntries(effective.map(({ key, value }) => [key, value]))
      yield* log.recordConfiguration(configuration, yield* Clock.currentTimeMillis)
    })
  )
