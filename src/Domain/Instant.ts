import * as Schema from "effect/Schema"

const isoWithOffset = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

/** Whether the year of an instant (UTC ms) has four digits, as ISO 8601 texts of it need. */
export const isNameable = (millis: number): boolean =>
  millis >= Date.parse("0000-01-01T00:00:00Z") && millis <= Date.parse("9999-12-31T23:59:59.999Z")

/**
 * A point in time: UTC milliseconds since the epoch in code and in rows, ISO 8601 `Z` with milliseconds on the wire.
 * Decoding accepts any ISO 8601 text with an offset.
 */
export const Instant = Schema.transform(
  Schema.String.pipe(
    Schema.filter((text) => isoWithOffset.test(text) && isNameable(Date.parse(text)), {
      identifier: "InstantText",
      message: () => "an ISO 8601 instant with an offset, such as 2026-02-15T14:30:00Z",
      jsonSchema: { type: "string", format: "date-time" }
    })
  ),
  Schema.Int,
  { strict: true, decode: (text) => Date.parse(text), encode: (millis) => new Date(millis).toISOString() }
).annotations({ identifier: "Instant" })

/** ISO 8601 `Z` text with milliseconds of an instant in UTC milliseconds. */
export const formatInstant = (millis: number): string => new Date(millis).toISOString()

/** ISO 8601 `Z` text of an instant in UTC milliseconds, to the second where it is a whole one. */
export const shortInstant = (millis: number): string => formatInstant(millis).replace(".000Z", "Z")

/** Local times with their zone's name: `2026-02-15 09:30:00 America/New_York`. */
export const localTimes = (timezone: string): ((millis: number) => string) => {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: timezone, dateStyle: "short", timeStyle: "medium" })
  return (millis) => `${format.format(millis)} ${timezone}`
}
