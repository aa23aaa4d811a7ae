import { formatDuration } from "../../Domain/Duration.ts"
import { shortInstant } from "../../Domain/Instant.ts"
import { RunStatus, RunTrigger } from "../../Domain/Run.ts"
import { eventOf, WebhookEvent } from "../../Domain/WebhookPayload.ts"
import type { TemplateFacts } from "../Template.ts"

/** What a name stands for: a text, and the instant (UTC ms) that it tells of, if it is one. */
export interface Value {
  readonly text: string
  readonly instant: number | null
}

/** A name that templates know. */
export interface Name {
  /** Whether it can stand for any text: one with quotes or line breaks. */
  readonly isFree: boolean
  readonly isInstant: boolean
  /** All that it can stand for, where that is a few words. */
  readonly words?: ReadonlyArray<string>
  readonly of: (facts: TemplateFacts) => Value
}

type Told = (facts: TemplateFacts) => string | null | undefined

const text = (of: Told, words?: ReadonlyArray<string>): Name => ({
  isFree: false,
  isInstant: false,
  ...(words === undefined ? {} : { words }),
  of: (facts) => ({ text: of(facts) ?? "", instant: null })
})

const freeText = (of: Told): Name => ({ ...text(of), isFree: true })

const instant = (of: (facts: TemplateFacts) => number | null): Name => ({
  isFree: false,
  isInstant: true,
  of: (facts) => {
    const millis = of(facts)
    return { text: millis === null ? "" : shortInstant(millis), instant: millis }
  }
})

/** All names, and nothing besides, can be reached from a template. */
export const names: ReadonlyMap<string, Name> = new Map([
  ["job.name", freeText(({ job }) => job.name)],
  ["job.agent_id", freeText(({ job }) => job.agent_id)],
  ["job.description", freeText(({ job }) => job.description)],
  ["job.labels", freeText(({ job }) => job.labels.join(", "))],
  ["run.id", text(({ run }) => run.id)],
  ["run.status", text(({ run }) => run.status, RunStatus.literals)],
  ["run.trigger", text(({ run }) => run.trigger, RunTrigger.literals)],
  ["run.scheduled_for", instant(({ run }) => run.scheduled_for)],
  ["run.started_at", instant(({ run }) => run.started_at)],
  ["run.finished_at", instant(({ run }) => run.finished_at)],
  ["run.duration", text(({ run }) => (run.execution_time_ms === null ? null : formatDuration(run.execution_time_ms)))],
  ["run.error", freeText(({ run }) => run.error_message)],
  ["run.reason", freeText(({ run }) => run.reason?.text)],
  ["run.attempts", text(({ run }) => String(run.attempts.length))],
  ["run.link", text(({ baseUrl, run }) => (baseUrl === null ? null : `${baseUrl}/api/v1/runs/${run.id}`))],
  ["output", freeText(({ output }) => output)],
  ["subject", freeText(({ notes }) => notes.subject)],
  ["event", text(({ notes, run }) => eventOf(notes.kind, run.status), WebhookEvent.literals)],
  ["delivery.id", text(({ notes }) => notes.id)]
])
