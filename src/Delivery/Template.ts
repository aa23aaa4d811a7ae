import * as Either from "effect/Either"
import type { Job } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import type { DeliveryNotes } from "./CurrentDelivery.ts"

/** What the names of a template stand for. */
export interface TemplateFacts {
  readonly job: Job
  readonly run: Run
  /** The output, or the text of a notice. */
  readonly output: string
  readonly notes: DeliveryNotes
  /** Where people reach the API; null when nobody knows. */
  readonly baseUrl: string | null
}

/** Fills in a template; `literal` changes the text between the places. Left says what is wrong, and where. */
export const renderTemplate = (
  template: string,
  _facts: TemplateFacts,
  literal: (text: string) => string = (text) => text
): Either.Either<string, string> => Either.right(literal(template))
