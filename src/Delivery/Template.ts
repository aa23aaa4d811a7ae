import * as Either from "effect/Either"
import type { Job } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import type { DeliveryNotes } from "./CurrentDelivery.ts"
import { parseTemplate } from "./Template/Parser.ts"
import { render } from "./Template/Render.ts"

export { type BreaksJson, breaksJsonIn } from "./Template/Json.ts"
export { parseTemplate } from "./Template/Parser.ts"
export type { TemplateProblem } from "./Template/Syntax.ts"

/** What the names of a template stand for. */
export interface TemplateFacts {
  readonly job: Job
  readonly run: Run
  /** The output, or the text of a notice. */
  readonly output: string
  readonly notes: DeliveryNotes
  /** Where people reach the API; null when nobody knows. */
  readonly baseUrl: string | null
  /** The zone of jobs that name none; UTC unless it is given. */
  readonly timezone?: string | undefined
}

/**
 * Fills in a template; `literal` changes the text between the places. What is filled in is never read as template. Left
 * says what is wrong, and where.
 */
export const renderTemplate = (
  template: string,
  facts: TemplateFacts,
  literal: (text: string) => string = (text) => text
): Either.Either<string, string> =>
  Either.mapBoth(parseTemplate(template), {
    onLeft: ({ column, line, message }) => `line ${line}, column ${column}: ${message}`,
    onRight: (nodes) => render(nodes, facts, literal)
  })
