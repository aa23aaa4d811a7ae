import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Approval, ApprovalState } from "../Domain/Approval.ts"
import { formatInstant } from "../Domain/Instant.ts"
import { format, integerBetween, oneOf } from "./Arguments.ts"
import { withClient } from "./Root.ts"
import { printRows } from "./Rows.ts"
import { instant } from "./Show.ts"
import type { Column } from "./Table.ts"
import { time, timesFor } from "./Times.ts"

const approval = Args.text({ name: "approval" }).pipe(Args.withDescription("the approval's id, or its run's"))

const outcome = ({ decided_by, reason, state }: Approval): string =>
  state === "pending" ? "" : [decided_by, reason].filter((part) => part !== null).join(": ")

const columns: ReadonlyArray<Column<Approval>> = [
  { name: "APPROVAL", value: ({ id }) => id },
  { name: "STATE", value: ({ state }) => state },
  { name: "JOB", value: ({ job_name }) => job_name, flexible: true },
  { name: "SLOT", value: ({ scheduled_for }, at) => at(scheduled_for), spare: true },
  { name: "EXPIRES", value: ({ approval_default, expires_at }, at) => `${at(expires_at)}, then ${approval_default}` },
  {
    name: "APPROVERS",
    value: ({ approvers }) => (approvers.length === 0 ? "any" : approvers.join(", ")),
    flexible: true
  },
  { name: "DECIDED", value: outcome, flexible: true, optional: true }
]

const csv: ReadonlyArray<readonly [name: string, value: (approval: Approval) => string]> = [
  ["id", ({ id }) => id],
  ["state", ({ state }) => state],
  ["job_name", ({ job_name }) => job_name],
  ["run_id", ({ run_id }) => run_id],
  ["scheduled_for", ({ scheduled_for }) => formatInstant(scheduled_for)],
  ["requested_at", ({ requested_at }) => formatInstant(requested_at)],
  ["expires_at", ({ expires_at }) => formatInstant(expires_at)],
  ["decided_by", ({ decided_by }) => decided_by ?? ""],
  ["reason", ({ reason }) => reason ?? ""]
]

const print = printRows({ schema: Approval, columns, csv, none: "nothing waits for approval" })

const list = Command.make(
  "list",
  {
    state: oneOf("state", [...ApprovalState.literals, "all"]).pipe(
      Options.withDescription("which: pending (the default), approved, denied, expired, voided, or all"),
      Options.withDefault("pending" as const)
    ),
    limit: integerBetween("limit", 1, 1_000).pipe(
      Options.withDescription("how many, 1 to 1000 (default 100)"),
      Options.withDefault(100)
    ),
    time,
    format
  },
  ({ format, limit, state, time }) =>
    Effect.gen(function* () {
      const approvals = yield* withClient((client) => client.approvals.list({ urlParams: { state, limit } }))
      yield* print(approvals, format, yield* timesFor(time))
    })
).pipe(Command.withDescription("List the runs that wait for approval, newest first"))

const lines = (one: Approval): string =>
  [
    ["Approval", one.id],
    ["State", [one.state, outcome(one)].filter((part) => part !== "").join(", ")],
    ["Job", one.job_name],
    ["Agent", one.agent_id],
    ["Run", `${one.run_id} (${one.trigger})`],
    ["Slot", instant(one.scheduled_for)],
    ["Asked by", one.submitted_by],
    ["Approvers", one.approvers.length === 0 ? "any key with the scope approve" : one.approvers.join(", ")],
    ["Expires", `${instant(one.expires_at)} (${one.expires_by}), then ${one.approval_default}`],
    ["Input", one.input ?? "-"]
  ]
    .map(([name, value]) => `${name?.padEnd(10)}${value?.replace(/[^\P{Cc}\n]/gu, "\uFFFD")}`)
    .join("\n")

const show = Command.make("show", { approval }, ({ approval }) =>
  withClient((client) => client.approvals.get({ path: { approval_id: approval } })).pipe(
    Effect.flatMap((one) => Console.log(lines(one)))
  )
).pipe(Command.withDescription("Show what is to be approved"))

const verdict = <const Name extends "approve" | "deny">(name: Name, description: string, done: string) =>
  Command.make(
    name,
    {
      approval,
      reason: Options.text("reason").pipe(Options.withDescription("why, for the record"), Options.optional)
    },
    ({ approval, reason }) =>
      withClient((client) =>
        client.approvals[name]({
          path: { approval_id: approval },
          payload: Option.match(reason, { onNone: () => ({}), onSome: (reason) => ({ reason }) })
        })
      ).pipe(
        Effect.flatMap((one) => Console.log(`${one.id} ${one.state}: run ${one.run_id} of ${one.job_name} ${done}`))
      )
  ).pipe(Command.withDescription(description))

/** `symbi approvals` */
export const approvals = Command.make("approvals").pipe(
  Command.withDescription("Runs that wait for a person"),
  Command.withSubcommands([
    list,
    show,
    verdict("approve", "Let a run go on", "goes on"),
    verdict("deny", "End a run without calling its agent", "ended")
  ])
)
