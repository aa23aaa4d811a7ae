import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { BudgetLine } from "../Domain/Budget.ts"
import { format } from "./Arguments.ts"
import { withClient } from "./Root.ts"
import { printRows } from "./Rows.ts"
import { instant } from "./Show.ts"

const count = (amount: number): string => amount.toLocaleString("en-US")

const money = (amount: number): string => String(Number(amount.toFixed(4)))

const share = (part: number, cap: number): string => (cap === 0 ? "full" : `${Math.round((100 * part) / cap)}%`)

const used = ({ caps, reserved, spent }: BudgetLine, what: "tokens" | "cost_usd"): string => {
  const show = what === "tokens" ? count : money
  const cap = caps[what]
  const held = reserved[what] === 0 ? "" : ` +${show(reserved[what])}`
  return cap === undefined
    ? `${show(spent[what])}${held}`
    : `${show(spent[what])}${held} of ${show(cap)} (${share(spent[what] + reserved[what], cap)})`
}

const runs = ({ caps, spent }: BudgetLine): string =>
  caps.runs === undefined ? count(spent.runs) : `${count(spent.runs)} of ${count(caps.runs)}`

const owner = ({ name, of }: BudgetLine): string => (name === null ? `the ${of}` : `${of} ${name}`)

const capOf = (cap: number | undefined): string => (cap === undefined ? "" : String(cap))

const print = printRows({
  schema: BudgetLine,
  columns: [
    { name: "BUDGET OF", value: owner, flexible: true },
    { name: "SPAN", value: ({ span }) => span },
    { name: "TOKENS", value: (line) => used(line, "tokens") },
    { name: "USD", value: (line) => used(line, "cost_usd") },
    { name: "RUNS", value: runs },
    { name: "AT CAP", value: ({ at_cap }) => at_cap, spare: true }
  ],
  csv: [
    ["of", ({ of }) => of],
    ["name", ({ name }) => name ?? ""],
    ["period", ({ period }) => period],
    ["span", ({ span }) => span],
    ["tokens", ({ spent }) => String(spent.tokens)],
    ["tokens_reserved", ({ reserved }) => String(reserved.tokens)],
    ["tokens_cap", ({ caps }) => capOf(caps.tokens)],
    ["cost_usd", ({ spent }) => String(spent.cost_usd)],
    ["cost_usd_reserved", ({ reserved }) => String(reserved.cost_usd)],
    ["cost_usd_cap", ({ caps }) => capOf(caps.cost_usd)],
    ["runs", ({ spent }) => String(spent.runs)],
    ["runs_cap", ({ caps }) => capOf(caps.runs)],
    ["at_cap", ({ at_cap }) => at_cap]
  ],
  none: "no budget was spent from; give one: budget { per_day { tokens: 100000 } }"
})

/** `symbi budgets` */
export const budgets = Command.make("budgets", { format }, ({ format }) =>
  Effect.flatMap(
    withClient((client) => client.budgets.list()),
    (lines) => print(lines, format, instant)
  )
).pipe(Command.withDescription("Show how far the budgets of jobs, agents and the service are spent"))
