import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Settings } from "../Settings.ts"

/** Sends traces and metrics where the settings say so; nothing of it is loaded where they do not. */
export const telemetryOf = (settings: typeof Settings.Service) => {
  const { disabled, otlp_endpoint } = settings.telemetry
  return disabled || otlp_endpoint === undefined
    ? Layer.empty
    : Layer.unwrapEffect(
        Effect.map(
          Effect.promise(() => import("../Telemetry/Export.ts")),
          ({ exportingTo }) => exportingTo(otlp_endpoint, settings)
        )
      )
}
