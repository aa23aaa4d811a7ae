import type { TelemetrySettings } from "../Settings.ts"

type Settings = Pick<typeof TelemetrySettings.Type, "traces_sampler" | "traces_sampler_arg">

/** Whether a trace is exported; `parent` is what the caller from outside decided, if there was one. */
export type Sampler = (traceId: string, parent: boolean | undefined) => boolean

/** By the last 52 bits of the trace id, which are random in the ids of all who make them well. */
const withinRatio = (ratio: number) => {
  const limit = Math.round(ratio * 2 ** 52)
  return (traceId: string): boolean => Number.parseInt(traceId.slice(-13), 16) < limit
}

/** The sampler of the OpenTelemetry environment variables `OTEL_TRACES_SAMPLER` and `_ARG`. */
export const samplerOf = ({ traces_sampler: name, traces_sampler_arg: ratio }: Settings): Sampler => {
  const root = name.endsWith("always_off")
    ? () => false
    : name.endsWith("traceidratio")
      ? withinRatio(ratio)
      : () => true
  return name.startsWith("parentbased_") ? (traceId, parent) => parent ?? root(traceId) : root
}
