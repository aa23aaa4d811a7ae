import { DeliverOn, endingOf } from "../../Domain/Delivery.ts"
import { formatDuration } from "../../Domain/Duration.ts"
import { shortInstant } from "../../Domain/Instant.ts"
import { RunStatus, RunTrigger } from "../../Domain/Run.ts"
import type { TemplateFacts } from "../Template.ts"

/** What a name stands for: a text, and the instant (UTC ms) that it tells of, if it is one. */
export interface Value {
  readonly text: string
  readonly instant: number | null
}

/** A name that templates know. */
export interface Name {
  readonly isInstant: boolean
  /** All that it can stand for, where that is a few words. */
  readonly words?: ReadonlyArray<string>
  readonly of: (facts: TemplateFacts) => Value
}

const text = (of: (facts: TemplateFacts) => string | null | undefined, words?: ReadonlyArray<string>): Name => ({
  isInstant: false,
  ...(words === undefined ? {} : { words }),
  of: (facts) => ({ text: of(facts) ?? "", instant: null })
})

const instant = (of: (facts: TemplateFacts) => number | null): Name => ({
  isInstant: true,
  of: (facts) => {
    const millis = of(facts)
    return { text: millis === null ? "" : shortInstant(millis), instant: millis }
  }
})

/** The word for what a delivery tells of: how the run ended, or which notice it is. */
export const eventOf = ({ notes, run }: Pick<TemplateFacts, "notes" | "run">): string =>
  notes.kind === "output" ? (endingOf(run.status) ?? run.status) : notes.kind

const events = [...DeliverOn.literals, "undelivered"]

/** All names, and nothing besides, can be reached from a template. */
export const names: ReadonlyMap<string, Name> = new Map([
  ["job.name", text(({ job }) => job.name)],
  ["job.agent_id", text(({ job }) => job.agent_id)],
  ["job.description", text(({ job }) => job.description)],
  ["job.labels", text(({ job }) => job.labels.join(", "))],
  ["run.id", text(({ run }) => run.id)],
  ["run.status", text(({ run }) => run.status, RunStatus.literals)],
  ["run.trigger", text(({ run }) => run.trigger, RunTrigger.literals)],
  ["run.scheduled_for", instant(({ run }) => run.scheduled_for)],
  ["run.started_at", instant(({ run }) => run.started_at)],
  ["run.finished_at", instant(({ run }) => run.finished_at)],
  ["run.duration", text(({ run }) => (run.execution_time_ms === null ? null : formatDuration(run.execution_time_ms)))],
  ["run.error", text(({ run }) => run.error_message)],
  ["run.reason", text(({ run }) => run.reason?.text)],
  ["run.attempts", text(({ run }) => String(run.attempts.length))],
  ["run.link", text(({ baseUrl, run }) => (baseUrl === null ? null : `${baseUrl}/api/v1/runs/${run.id}`))],
  ["output", text(({ output }) => output)],
  ["subject", text(({ notes }) => notes.subject)],
  ["event", text(eventOf, events)],
  ["delivery.id", text(({ notes }) => notes.id)]
])
