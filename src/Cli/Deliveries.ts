import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { DeliveryChannel, DeliveryState, ListedDelivery } from "../Domain/Delivery.ts"
import { format, given, integerBetween, oneOf } from "./Arguments.ts"
import { CliError } from "./Errors.ts"
import { allPages } from "./Pages.ts"
import { withClient } from "./Root.ts"
import { printRows } from "./Rows.ts"
import { instant, iso } from "./Show.ts"
import type { Column } from "./Table.ts"
import { type Times, time, timesFor } from "./Times.ts"

const pageSize = 1_000

const times = (count: number): string => (count === 1 ? "once" : `${count} times`)

/** How a delivery stands: when it was or will be tried, how often it was, and what came of it. */
const standing = (now: number) => (one: ListedDelivery, at: Times) => {
  const error = one.error === null ? "" : `: ${one.error}`
  if (one.state === "delivered") return at(one.delivered_at)
  if (one.state !== "pending") return `tried ${times(one.attempts)}${error}`
  const when = (one.next_attempt_at ?? now) - now < 1_000 ? "due" : at(one.next_attempt_at)
  return one.attempts === 0 ? when : `${when}, tried ${times(one.attempts)}${error}`
}

/** The columns of a table of deliveries at an instant, UTC ms: 80 characters are enough for whole ids. */
export const columnsAt = (now: number): ReadonlyArray<Column<ListedDelivery>> => [
  { name: "DELIVERY", value: ({ id }) => id },
  { name: "STATE", value: ({ state }) => state },
  {
    name: "TO",
    value: ({ destination, kind }) => (kind === "output" ? destination : `${destination} (${kind})`),
    flexible: true
  },
  { name: "JOB", value: ({ job_name }) => job_name, flexible: true },
  { name: "LAST", value: standing(now), flexible: true }
]

const csv: ReadonlyArray<readonly [name: string, value: (one: ListedDelivery) => string]> = [
  ["id", ({ id }) => id],
  ["state", ({ state }) => state],
  ["channel", ({ channel }) => channel],
  ["destination", ({ destination }) => destination],
  ["kind", ({ kind }) => kind],
  ["job_name", ({ job_name }) => job_name],
  ["run_id", ({ run_id }) => run_id],
  ["attempts", ({ attempts }) => String(attempts)],
  ["created_at", ({ created_at }) => iso(created_at)],
  ["next_attempt_at", ({ next_attempt_at }) => iso(next_attempt_at)],
  ["delivered_at", ({ delivered_at }) => iso(delivered_at)],
  ["error", ({ error }) => error ?? ""]
]

const channel = Options.text("channel").pipe(
  Options.withSchema(DeliveryChannel),
  Options.withPseudoName("channel"),
  Options.withDescription("only to this channel: stdout, log_file, webhook, slack, email, custom:NAME"),
  Options.optional
)

const job = Options.text("job").pipe(Options.withDescription("only of this job, by its id or name"), Options.optional)

const list = Command.make(
  "list",
  {
    state: oneOf("state", DeliveryState.literals).pipe(
      Options.withDescription("only those pending, delivered, failed (refused for good) or dead (out of attempts)"),
      Options.optional
    ),
    channel,
    job,
    limit: integerBetween("limit", 1, 1_000).pipe(
      Options.withDescription("how many, 1 to 1000 (default 100)"),
      Options.withDefault(100)
    ),
    all: Options.boolean("all").pipe(Options.withDescription("all of them, whatever --limit says")),
    time,
    format
  },
  ({ all, channel, format, job, limit, state, time }) =>
    Effect.gen(function* () {
      const filter = given({ state, channel, job })
      const found = yield* withClient((client) =>
        all
          ? allPages((cursor) =>
              client.deliveries.list({ urlParams: { ...filter, ...cursor, limit: pageSize }, withResponse: true })
            )
          : client.deliveries.list({ urlParams: { ...filter, limit } })
      )
      const now = yield* Clock.currentTimeMillis
      const none = "no such deliveries"
      yield* printRows({ schema: ListedDelivery, columns: columnsAt(now), csv, none })(
        found,
        format,
        yield* timesFor(time)
      )
    })
).pipe(Command.withDescription("List deliveries, newest first"))

const lines = (one: ListedDelivery): string =>
  [
    ["Delivery", one.id],
    ["State", one.state],
    ["To", one.destination],
    ["Channel", one.channel],
    ["Holds", one.kind === "output" ? "the output" : `a notice (${one.kind})`],
    ...(one.about === null ? [] : [["About", one.about]]),
    ["Job", one.job_name],
    ["Run", one.run_id],
    ["Attempts", String(one.attempts)],
    ["Made", instant(one.created_at)],
    ["Next", instant(one.next_attempt_at)],
    ["Arrived", instant(one.delivered_at)],
    ["Error", one.error ?? "-"],
    ...(one.state === "failed" || one.state === "dead" ? [["Again", `symbi deliveries redeliver ${one.id}`]] : [])
  ]
    .map(([name, value]) => `${name?.padEnd(10)}${value?.replace(/[^\P{Cc}\n]/gu, "\uFFFD")}`)
    .join("\n")

const show = Command.make(
  "show",
  { delivery: Args.text({ name: "delivery" }).pipe(Args.withDescription("the delivery's id")) },
  ({ delivery }) =>
    withClient((client) => client.deliveries.get({ path: { delivery_id: delivery } })).pipe(
      Effect.flatMap((one) => Console.log(lines(one)))
    )
).pipe(Command.withDescription("Show a delivery, and why it did not arrive"))

const usage = (message: string) => new CliError({ kind: "usage", message })

const redeliver = Command.make(
  "redeliver",
  {
    allFailed: Options.boolean("all-failed").pipe(Options.withDescription("all that were refused")),
    allDead: Options.boolean("all-dead").pipe(Options.withDescription("all that ran out of attempts")),
    channel,
    job,
    deliveries: Args.text({ name: "delivery" }).pipe(
      Args.withDescription("ids of deliveries, in any state"),
      Args.repeated
    )
  },
  ({ allDead, allFailed, channel, deliveries, job }) =>
    Effect.gen(function* () {
      const states = [...(allFailed ? ["failed" as const] : []), ...(allDead ? ["dead" as const] : [])]
      const narrowed = Option.isSome(channel) || Option.isSome(job)
      if (deliveries.length === 0 && states.length === 0) {
        return yield* usage("say which: ids of deliveries, --all-failed or --all-dead")
      }
      if (deliveries.length > 0 && (states.length > 0 || narrowed)) {
        return yield* usage("give either ids, or --all-failed and --all-dead with --channel and --job")
      }
      for (const delivery of deliveries) {
        const one = yield* withClient((client) => client.deliveries.redeliver({ path: { delivery_id: delivery } }))
        yield* Console.log(`${one.id} is due again: ${one.destination}, job ${one.job_name}`)
      }
      for (const state of states) {
        const { count } = yield* withClient((client) =>
          client.deliveries.redeliverAll({ payload: { state, ...given({ channel, job }) } })
        )
        yield* Console.log(`${count} ${state} ${count === 1 ? "delivery is" : "deliveries are"} due again`)
      }
    })
).pipe(Command.withDescription("Send deliveries again, under their ids and with all their attempts"))

/** `symbi deliveries` */
export const deliveries = Command.make("deliveries").pipe(
  Command.withDescription("What is on its way to channels, what arrived, and what did not"),
  Command.withSubcommands([list, show, redeliver])
)
