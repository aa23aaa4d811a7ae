import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const unitMillis: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000
}

const syntax = /^(\d+w)?(\d+d)?(\d+h)?(\d+m(?!s))?(\d+s)?(\d+ms)?$/

/** A hundred years: what is longer is a slip, and could lead beyond the years that instants can name. In ms. */
const longest = 36_500 * 86_400_000

/**
 * Milliseconds of a duration text such as `90s`, `5m`, `1h30m`, `2d` (units w, d, h, m, s, ms, largest first, each once).
 * None for anything else, for zero, for negative durations and for more than a hundred years.
 */
export const parseDuration = (text: string): Option.Option<number> => {
  if (!syntax.test(text)) return Option.none()
  let total = 0
  for (const [, amount = "0", unit = "ms"] of text.matchAll(/(\d+)(ms|[wdhms])/g)) {
    total += Number(amount) * (unitMillis[unit] ?? 0)
  }
  return total > 0 && total <= longest ? Option.some(total) : Option.none()
}

/** The shortest duration text of some milliseconds: 5400000 is `1h30m`. */
export const formatDuration = (millis: number): string => {
  let rest = Math.max(0, Math.round(millis))
  let text = ""
  for (const unit of ["d", "h", "m", "s", "ms"] as const) {
    const size = unitMillis[unit] ?? 1
    const amount = Math.floor(rest / size)
    if (amount > 0) text += `${amount}${unit}`
    rest -= amount * size
  }
  return text === "" ? "0s" : text
}

// What is written well, names an amount above zero, and is refused all the same.
const isTooLong = (text: unknown): boolean => typeof text === "string" && syntax.test(text) && /[1-9]/.test(text)

/** A positive duration as people write it: `5m`, `1h30m`. Kept as text; {@link durationMillis} reads it. */
export const DurationText = Schema.String.pipe(
  Schema.filter((text) => Option.isSome(parseDuration(text)), {
    identifier: "DurationText",
    message: ({ actual }) => ({
      message: isTooLong(actual)
        ? "a duration of at most 36500d (a hundred years)"
        : `a positive duration such as "90s", "5m" or "1h30m"`,
      override: true
    }),
    jsonSchema: { type: "string", examples: ["90s", "5m", "1h30m"] }
  }),
  Schema.brand("DurationText")
)
export type DurationText = typeof DurationText.Type

/** Milliseconds of a validated duration text. */
export const durationMillis = (text: DurationText): number => Option.getOrElse(parseDuration(text), () => 0)
