import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runHere } from "../support/RunCli.ts"

const jobStatuses = "active, paused, completed, failed, dead_letter"

/** A wrong command line, and all that is said of it. */
const mistakes: ReadonlyArray<readonly [words: string, told: string]> = [
  ["bogus", 'no command "symbi bogus"; symbi --help lists them'],
  ["corn list", 'no command "symbi corn"; did you mean "cron"?'],
  ["vaildate x", 'no command "symbi vaildate"; did you mean "validate"?'],
  ["--bogus", 'no command in "symbi --bogus"; symbi --help lists them'],
  ["help nope", 'no command "symbi nope"; symbi --help lists them'],
  ["nope --help", 'no command "symbi nope"; symbi --help lists them'],
  ["help cron lst", 'no command "symbi cron lst"; did you mean "list"?'],
  ["cron lst", 'no command "symbi cron lst"; did you mean "list"?'],
  ["cron histroy x", 'no command "symbi cron histroy"; did you mean "history"?'],
  ["audit q", 'no command "symbi audit q"; the commands are query, verify, checkpoint'],
  ["keys make", 'no command "symbi keys make"; the commands are create, list, revoke'],
  ["cron list --stauts active", "symbi cron list has no option --stauts; did you mean --status?"],
  ["cron list --formt=json", "symbi cron list has no option --formt; did you mean --format?"],
  ["cron list --bogus", "symbi cron list has no option --bogus; see symbi cron list --help"],
  ["cron list -x", "symbi cron list has no option -x; see symbi cron list --help"],
  ["cron run a --wiat", "symbi cron run has no option --wiat; did you mean --wait?"],
  ["apply --pruen", "symbi apply has no option --pruen; did you mean --prune?"],
  ["cron list --status", `--status needs a value: ${jobStatuses}`],
  ["cron list --agent", "--agent needs a value"],
  ["cron list --status asleep", `--status must be one of: ${jobStatuses}`],
  ["cron list --status actve", `--status must be one of: ${jobStatuses}; did you mean "active"?`],
  ["cron list --format xml", "--format must be one of: table, json, csv"],
  ["cron list --time now", "--time must be one of: relative, local, utc"],
  ["cron list --watch --format json", "--watch shows a table; leave --format json out"],
  ["cron list --watch=yes", "--watch takes no value; leave =yes out"],
  ["cron list --limit 0", "--limit must be a whole number from 1 to 1000"],
  ["cron list --limit many", '--limit must be a whole number; "many" is none'],
  ["cron list --limit 1.5", '--limit must be a whole number; "1.5" is none'],
  ["cron list --limit 1 --limit 2", "--limit is given twice"],
  ["cron list daily", 'symbi cron list takes no arguments; what is "daily"?'],
  ["cron history", "symbi cron history needs <job>: the job's id, or its name"],
  ["cron history a b", 'symbi cron history takes one <job>; what is "b"?'],
  ["cron history x --limit -5", "--limit must be a whole number from 1 to 1000"],
  ["cron status", "symbi cron status needs <job>: the job's id, or its name"],
  ["cron backfill a", "symbi cron backfill needs --from; see symbi cron backfill --help"],
  ["cron pause", "say which jobs: by name or id, with --label, --agent or --status, or --all"],
  ["cron pause a --all", "--all means every job; leave it out, or give it alone"],
  ["cron resume --label=", "--label is empty; give its value, or leave it out"],
  ["cron remove", "say which job: either its id, or --name NAME"],
  ["cron run a --follow", "--follow goes with --wait; give both"],
  ["cron add", "say what to add: either --file FILE [--schedule NAME], or --json '{...}'"],
  ["cron session . --clear", '"." is no id or name'],
  ["cron status ..", '".." is no id or name'],
  ["cron pause a .", '"." is no id or name'],
  ["cron cancel ", '"" is no id or name'],
  ["cron remove --name . --force", '"." is no id or name'],
  ["logs --run ..", '".." is no id or name'],
  ["keys revoke .", '"." is no id or name'],
  ["run .", '"." is no id or name'],
  ["cron list --server", "--server needs a value"],
  ["deliveries redeliver", "say which: ids of deliveries, --all-failed or --all-dead"],
  [
    "agentpin verify x --domain a.example",
    "symbi agentpin verify needs --agent, --discovery; see symbi agentpin verify --help"
  ],
  ["keys create ci", "symbi keys create needs --scope; see symbi keys create --help"],
  ["keys create ci --scope root", "--scope must be one of: read, operate, approve, admin"],
  ["up --port 99999", "--port must be a whole number from 0 to 65535"],
  ["run", "symbi run needs <agent>: the agent's name"],
  ["why", "symbi why needs <job>: the job's id or name, or a run's id"],
  ["backup --db a --data b", "--db or --data, not both"],
  ["restore", "symbi restore needs <file>: a file that symbi backup wrote"],
  ["completions tcsh", 'no completions for "tcsh"; there are bash, zsh and fish'],
  [
    "--server localhost:8080 cron list",
    '"localhost:8080" is no address of a service; write one such as http://127.0.0.1:8080'
  ]
]

describe("wrong usage", () => {
  for (const [words, told] of mistakes) {
    it.effect(`symbi ${words}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* runHere(words.split(" ")), { out: [], err: [`error: ${told}`], code: 2 })
      })
    )
  }

  it.effect("is not what comes after --, nor a value that looks like an option", () =>
    Effect.gen(function* () {
      for (const words of [
        ["cron", "status", "--", "--odd"],
        ["cron", "status", "--", "--"],
        ["cron", "status", "--", "--help"],
        ["cron", "pause", "--yes", "--", "--all"],
        ["cron", "remove", "--", "--force", "preview"],
        ["cron", "remove", "--force", "on"],
        ["cron", "remove", "--name", "--", "--force"],
        ["cron", "run", "a", "--input", "--wait"],
        ["cron", "run", "a", "--input", "--"],
        ["cron", "run", "a", "--input=--"],
        ["cron", "run", "a", "--input", "--help"],
        ["cron", "run", "a", "--input=--help"],
        ["cron", "run", "a", "--input", "--version"],
        ["cron", "run", "a", "--input", "--server"],
        ["cron", "status", "status"]
      ]) {
        const { code, err } = yield* runHere(["--server", "http://127.0.0.1:1", ...words])
        assert.strictEqual(code, 6, `${words.join(" ")}: ${err.join("\n")}`)
      }
    })
  )
})
