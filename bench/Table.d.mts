import type { Result } from "./Measure.ts"

/** A result on one line of a terminal. */
export const lineOf: (result: Result) => string
