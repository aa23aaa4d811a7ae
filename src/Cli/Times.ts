import * as Options from "@effect/cli/Options"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { shortInstant } from "../Domain/Instant.ts"
import { oneOf } from "./Arguments.ts"
import { isTerminal } from "./Terminal.ts"

/** How instants (UTC ms) are written; null is a dash. */
export type Times = (millis: number | null) => string

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000]
] as const

/** The largest unit of a length, and the next one where the largest alone would say too little: `2d3h`, `45m`, `12d`. */
export const roughly = (millis: number): string => {
  const [index, amount] = units
    .map(([, size], index) => [index, Math.floor(millis / size)] as const)
    .find(([, amount]) => amount > 0) ?? [3, 0]
  const [unit, size] = units[index] ?? ["s", 1_000]
  const next = units[index + 1]
  const rest = next === undefined || index > 1 || amount > 9 ? 0 : Math.floor((millis - amount * size) / next[1])
  return `${amount}${unit}${rest === 0 ? "" : `${rest}${next?.[0]}`}`
}

/** How far an instant is from another, both UTC ms: `in 4m`, `2h ago`, `now`. */
export const relative = (millis: number, now: number): string => {
  const distance = Math.abs(millis - now)
  if (distance < 1_000) return "now"
  return millis > now ? `in ${roughly(distance)}` : `${roughly(distance)} ago`
}

const two = (n: number): string => String(n).padStart(2, "0")

/** An instant (UTC ms) by the clock of this machine, with its offset: `2026-02-15 09:30:00-05:00`. */
export const byLocalClock = (millis: number): string => {
  const date = new Date(millis)
  const offset = -date.getTimezoneOffset()
  const hours = two(Math.floor(Math.abs(offset) / 60))
  const shifted = new Date(millis + offset * 60_000).toISOString().slice(0, 19).replace("T", " ")
  return `${shifted}${offset < 0 ? "-" : "+"}${hours}:${two(Math.abs(offset) % 60)}`
}

/** `--time` of commands that show a table. */
export const time = oneOf("time", ["relative", "local", "utc"]).pipe(
  Options.withDescription(
    "how tables show times: relative (the default on a terminal), local (this machine's clock), utc (elsewhere)"
  ),
  Options.optional
)

/** How times are shown: as was asked for, else relative on a terminal, else in UTC. */
export const timesFor = (asked: Option.Option<"relative" | "local" | "utc">) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const otherwise = (yield* isTerminal) ? "relative" : "utc"
    const how = Option.getOrElse(asked, () => otherwise)
    const show = (millis: number): string => {
      switch (how) {
        case "relative":
          return relative(millis, now)
        case "local":
          return byLocalClock(millis)
        default:
          return shortInstant(millis)
      }
    }
    return ((millis) => (millis === null ? "-" : show(millis))) satisfies Times
  })
