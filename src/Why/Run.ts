import type { Approval } from "../Domain/Approval.ts"
import type { Delivery } from "../Domain/Delivery.ts"
import { formatDuration } from "../Domain/Duration.ts"
import { shortInstant } from "../Domain/Instant.ts"
import type { PolicyEvaluation } from "../Domain/Policy.ts"
import type { Run, RunSummary } from "../Domain/Run.ts"
import type { Why, WhyEvent } from "../Domain/Why.ts"
import { shellWord } from "../ShellWord.ts"

/** A start this much later than its slot is worth a word, in ms. */
const tolerated = 2_000

/** A length as a person says it: milliseconds only where there are few of them. */
const span = (millis: number): string =>
  formatDuration(millis < 10_000 ? Math.max(0, millis) : Math.round(millis / 1_000) * 1_000)

const decisionText = ({ approved_by, decision, environment, identity }: PolicyEvaluation): string => {
  const grounds = [
    `environment ${environment}`,
    ...(approved_by === null ? [] : [`approved by ${approved_by}`]),
    ...(identity === null
      ? []
      : [
          identity.result === "verified"
            ? `credential ${identity.kid} verified`
            : `credential refused: ${identity.code}`
        ])
  ]
  const what =
    decision._tag === "Allow"
      ? "allowed the run"
      : decision._tag === "Deny"
        ? `denied the run: ${decision.reason}`
        : `asked for an approval${decision.approvers.length === 0 ? "" : ` by ${decision.approvers.join(" or ")}`}`
  return `the policy gate ${what} (${grounds.join(", ")})`
}

const origin: Readonly<Record<RunSummary["trigger"], string>> = {
  schedule: "due by its schedule",
  catch_up: "due by its schedule, caught up later",
  manual: "asked for by hand",
  backfill: "slot of a backfill"
}

const carried: Readonly<Record<Delivery["kind"], string>> = {
  output: "output",
  dead_letter: "dead-letter notice",
  approval: "approval notice",
  undelivered: "alert",
  notify: "notification"
}

const deliveryEvents = (deliveries: ReadonlyArray<Delivery>): ReadonlyArray<WhyEvent> =>
  deliveries.map(({ attempts, created_at, delivered_at, destination, error, kind, next_attempt_at, state }) => {
    const what = `${carried[kind]} to ${destination}`
    const tries = attempts === 0 ? "" : `, tried ${attempts === 1 ? "once" : `${attempts} times`}`
    if (delivered_at !== null) return { time: delivered_at, what: `${what} delivered${attempts > 1 ? tries : ""}` }
    const next = next_attempt_at === null || attempts === 0 ? "" : `, again at ${shortInstant(next_attempt_at)}`
    return { time: created_at, what: `${what} ${state}${tries}${next}${error === null ? "" : `: ${error}`}` }
  })

const askedEvents = (approval: Approval | null): ReadonlyArray<WhyEvent> =>
  approval === null
    ? []
    : [
        {
          time: approval.requested_at,
          what: `approval asked for${approval.approvers.length === 0 ? "" : ` of ${approval.approvers.join(", ")}`}`
        }
      ]

const decidedEvents = (approval: Approval | null): ReadonlyArray<WhyEvent> => {
  if (approval === null || approval.decided_at === null) return []
  const { decided_at, decided_by, reason, state } = approval
  return [{ time: decided_at, what: `approval ${state} by ${decided_by}${reason === null ? "" : `: ${reason}`}` }]
}

const contextEvents = ({ context_bytes, iteration_count, iterations, started_at }: Run): ReadonlyArray<WhyEvent> => {
  const count = iteration_count ?? iterations.length
  if (context_bytes === null || started_at === null || count === 0) return []
  const kept = iterations.length < count ? `, of which ${iterations.length} are kept` : ""
  return [
    {
      time: started_at,
      what: `the agent was given at most ${context_bytes} bytes of context in ${count} iterations${kept}`
    }
  ]
}

const eventsOf = (run: Run, approval: Approval | null): ReadonlyArray<WhyEvent> => {
  const asker = run.requested_by === null ? "" : ` by ${run.requested_by}`
  return [
    { time: run.scheduled_for, what: `${origin[run.trigger]}${asker}` },
    ...(run.start_at !== null && run.start_at > run.scheduled_for
      ? [{ time: run.start_at, what: `to start, ${span(run.start_at - run.scheduled_for)} after its slot` }]
      : []),
    // Of what happens in one millisecond, the decision comes before the gate that it opens.
    ...decidedEvents(approval),
    ...run.evaluations.map((evaluation) => ({ time: evaluation.time, what: decisionText(evaluation) })),
    ...askedEvents(approval),
    ...run.attempts.flatMap(({ error_message, finished_at, number, outcome, started_at }) => [
      { time: started_at, what: `attempt ${number} started` },
      ...(finished_at === null
        ? []
        : [
            {
              time: finished_at,
              what: `attempt ${number} ${outcome}${error_message === null ? "" : `: ${error_message}`}`
            }
          ])
    ]),
    ...contextEvents(run),
    ...deliveryEvents(run.deliveries)
  ].toSorted((a, b) => a.time - b.time)
}

const missedText = (run: Run): string => {
  const { missed_count, missed_from, missed_to } = run
  if (missed_count === null || missed_count <= 1 || missed_from === null || missed_to === null) return ""
  return ` It is one of ${missed_count} slots from ${shortInstant(missed_from)} to ${shortInstant(missed_to)}.`
}

const lateness = (run: Run, approval: Approval | null): string => {
  const late = (run.started_at ?? run.scheduled_for) - run.scheduled_for
  if (run.trigger === "backfill" || late < tolerated) return ""
  const because =
    approval?.decided_at !== undefined && approval.decided_at !== null
      ? "it waited for an approval"
      : run.trigger === "catch_up"
        ? "its slot was noticed late"
        : run.start_at !== null
          ? "jitter"
          : "it waited for a free place"
  return `, ${span(late)} after its slot (${because})`
}

/** But for alerts about the others. */
const ownDeliveries = (run: Run): ReadonlyArray<Delivery> => run.deliveries.filter(({ kind }) => kind !== "undelivered")

const undelivered = (run: Run): ReadonlyArray<Delivery> =>
  ownDeliveries(run).filter(({ state }) => state === "failed" || state === "dead")

const deliveryText = (run: Run): string => {
  const lost = undelivered(run)
  const open = ownDeliveries(run).filter(({ state }) => state === "pending")
  if (lost.length > 0) {
    return ` Not delivered: ${lost.map(({ destination, error }) => `${destination} (${error ?? "no reason recorded"})`).join(", ")}.`
  }
  if (open.length > 0) return ` Still to be delivered: ${open.map(({ destination }) => destination).join(", ")}.`
  return run.deliveries.length === 0 ? "" : " Delivered."
}

const reasonOf = (run: Run): string =>
  run.reason === null ? "no reason recorded" : `${run.reason.text} (${run.reason.code})`

/** Of the latest attempt; runs of older versions do not tell them apart. */
const lastIterations = ({ iterations }: Run): number => iterations.at(-1)?.number ?? iterations.length

const stoppedText = (run: Run): string =>
  run.stop_reason === "max_iterations"
    ? ` Its heartbeat was stopped after ${lastIterations(run)} iterations (max_iterations), before the agent said sleep.`
    : ""

const answerOf = (run: Run, approval: Approval | null, now: number): string => {
  const start =
    run.started_at === null ? "" : ` It started at ${shortInstant(run.started_at)}${lateness(run, approval)}.`
  switch (run.status) {
    case "pending":
      if (run.next_attempt_at !== null) {
        return `It waits for attempt ${run.attempts.length + 1}, at ${shortInstant(run.next_attempt_at)}: ${run.error_message ?? "it was interrupted"}.`
      }
      if (run.start_at !== null && run.start_at > now) return `It waits until ${shortInstant(run.start_at)} (jitter).`
      return "It waits for a free place: its job is at max_concurrent, or the scheduler at max_concurrent_jobs."
    case "awaiting_approval":
      return `It ${run.reason?.text ?? "waits for an approval"}.`
    case "running":
      return `It is running.${start}`
    case "succeeded":
      return `It ran and succeeded in ${span(run.execution_time_ms ?? 0)}.${stoppedText(run)}${start}${deliveryText(run)}`
    case "failed":
    case "timed_out":
      return `It ran and ${run.status === "failed" ? "failed" : "was stopped"}: ${run.error_message ?? "no error recorded"}.${start}${deliveryText(run)}`
    case "interrupted":
      return `It was interrupted: ${reasonOf(run)}.${start}${deliveryText(run)}`
    case "denied":
      return `It did not run, as it was denied: ${reasonOf(run)}.${deliveryText(run)}`
    case "skipped":
      return `It did not run, as its slot was skipped: ${reasonOf(run)}.${deliveryText(run)}`
    case "missed":
      return `It did not run, as its slot was missed: ${reasonOf(run)}.${missedText(run)}${deliveryText(run)}`
    case "cancelled":
      return `It was cancelled: ${reasonOf(run)}.${start}`
  }
}

const byReason = (run: Run): ReadonlyArray<string> => {
  const job = shellWord(run.job_name)
  switch (run.reason?.code) {
    case "unknown_agent":
      return [`load an agent named ${shellWord(run.agent_id)} (a file in agents/), then: symbi cron run ${job}`]
    case "unknown_policy":
      return ["provide the policy by a layer, or write it into the job"]
    case "agent_pin":
      return ["renew the credential (agent_pin_jwt), and check it: symbi agentpin verify"]
    case "backoff":
      return [`wake it now, which ends the back-off: symbi cron run ${job}`]
    case "concurrency":
      return ["raise max_concurrent, or set overlap to queue_one or cancel_previous"]
    case "approval_expired":
    case "approval_denied":
    case "approval_void":
      return [`ask again: symbi cron run ${job}`]
    case "misfire":
      return [
        `run what was missed: symbi cron backfill ${job} --from ${shortInstant(run.missed_from ?? run.scheduled_for)}`
      ]
    default:
      return []
  }
}

const stepsOf = (run: Run, approval: Approval | null): ReadonlyArray<string> => {
  const logs = `symbi cron run ${shellWord(run.job_name)}`
  const lost = undelivered(run).map(({ id }) => `when the channel works again: symbi deliveries redeliver ${id}`)
  if (run.status === "awaiting_approval" && approval !== null) {
    return [`symbi approvals approve ${approval.id}`, `symbi approvals deny ${approval.id} --reason "..."`]
  }
  if (run.status === "failed" || run.status === "timed_out") return [`when the cause is fixed: ${logs}`, ...lost]
  if (run.stop_reason === "max_iterations") {
    return ["raise heartbeat.max_iterations, or have the agent answer sleep when there is nothing more to do", ...lost]
  }
  return [...byReason(run), ...lost]
}

/** Why a run is as it is at `now`, UTC ms. Pure. */
export const whyOfRun = (run: Run, approval: Approval | null, now: number): Why => {
  const { evaluations, iterations: _i, output: _o, tool_calls: _t, ...summary } = run
  return {
    answer: answerOf(run, approval, now),
    run: summary,
    events: eventsOf(run, approval),
    evaluations,
    approval,
    next_steps: stepsOf(run, approval)
  }
}
