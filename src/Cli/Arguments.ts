import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** The job that a command is about. */
export const job = Args.text({ name: "job" }).pipe(Args.withDescription("the job's id, or its name"))

/** One of some words; any other is refused with the list. */
export const oneOf = <const Word extends string>(name: string, words: ReadonlyArray<Word>) =>
  Options.text(name).pipe(
    Options.withPseudoName(words.join("|")),
    Options.filterMap(
      (text) => Option.fromNullable(words.find((word) => word === text)),
      `--${name} must be one of: ${words.join(", ")}`
    )
  )

/** A whole number within bounds. */
export const integerBetween = (name: string, low: number, high: number) =>
  Options.integer(name).pipe(
    Options.withPseudoName("n"),
    Options.withSchema(
      Schema.Int.pipe(
        Schema.between(low, high, { message: () => `--${name} must be a whole number from ${low} to ${high}` })
      )
    )
  )

/** The options that were given, as the API takes them. */
export const given = <A extends Readonly<Record<string, Option.Option<unknown>>>>(options: A) =>
  Object.fromEntries(
    Object.entries(options).flatMap(([key, value]) => (Option.isSome(value) ? [[key, value.value]] : []))
  ) as { readonly [K in keyof A]?: Option.Option.Value<A[K]> }

/** How rows are printed. */
export const format = oneOf("format", ["table", "json", "csv"]).pipe(
  Options.withDescription("table for people (the default), json or csv for programs"),
  Options.withDefault("table" as const)
)
