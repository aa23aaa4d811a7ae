import * as Schema from "effect/Schema"

/** A whole number within bounds. */
export const intBetween = (low: number, high: number) =>
  Schema.Int.pipe(
    Schema.between(low, high, {
      message: () => ({ message: `a whole number from ${low} to ${high}`, override: true })
    })
  )

/** A key that may be left out. */
export const withDefault = <A, I>(schema: Schema.Schema<A, I>, value: () => NoInfer<A>) =>
  Schema.optionalWith(schema, { exact: true, default: value })

/** A text that may be left out, but not be empty. */
export const optionalText = Schema.optionalWith(Schema.NonEmptyString, { exact: true })
