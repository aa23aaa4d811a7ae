interface HelpText {
  /** Paragraphs that say more than the summary. */
  readonly about?: ReadonlyArray<string>
  readonly examples: ReadonlyArray<string>
}

const several =
  "Names, --label, --agent and --status add up to the jobs that are meant. More than one job by a filter is asked about; without a terminal, --yes is needed. One that fails does not stop the others; the exit code is the worst."

/** What the help says of commands beyond their options, by the words that ask for them. */
export const helpTexts: Readonly<Record<string, HelpText>> = {
  "": {
    examples: [
      "symbi up",
      `symbi cron add --json '{"name":"hello","agent_id":"greeter","every":"5m"}'`,
      "symbi cron list",
      "symbi why hello"
    ]
  },
  up: {
    about: [
      "Reads symbiont.toml and agents/*.symbi of the working folder, if they are there; an empty folder starts too. Ctrl-C stops it: runs in flight may end first, a second Ctrl-C ends at once. SIGHUP applies the files again."
    ],
    examples: ["symbi up", "symbi up --port 9000 --data /var/lib/symbi"]
  },
  cron: { examples: ["symbi cron list", "symbi cron status daily-report --watch"] },
  "cron list": {
    about: [
      "On a terminal the table fits its width; elsewhere nothing is cut, and times are in UTC. CSV has CR LF and a header; a cell that a spreadsheet would take for a formula begins with an apostrophe."
    ],
    examples: [
      "symbi cron list --status dead_letter",
      "symbi cron list --label prod --watch",
      "symbi cron list --format json"
    ]
  },
  "cron add": {
    examples: [
      "symbi cron add --file agents/reports.symbi --schedule daily-report",
      `symbi cron add --json '{"name":"a","agent_id":"b","cron_expr":"0 9 * * *"}'`
    ]
  },
  "cron remove": {
    examples: ["symbi cron remove daily-report", "symbi cron remove --name daily-report --force"]
  },
  "cron pause": {
    about: ["Pausing stops new slots; runs that have begun end as they would.", several],
    examples: ["symbi cron pause daily-report", "symbi cron pause --label prod --dry-run"]
  },
  "cron resume": {
    about: ["The next run is computed from now; slots that passed meanwhile are not made up for.", several],
    examples: ["symbi cron resume daily-report", "symbi cron resume --label prod --yes"]
  },
  "cron reset": {
    about: ["A job is dead-lettered when too many runs in a row failed; this forgets its failures.", several],
    examples: ["symbi cron reset flaky-job", "symbi cron reset --agent etl --yes"]
  },
  "cron status": {
    examples: ["symbi cron status daily-report --history 10", "symbi cron status daily-report --watch"]
  },
  "cron run": {
    about: [
      "Works for active, paused, dead-lettered and completed jobs, and does not move the schedule. With --wait, Ctrl-C leaves the run going and says how to cancel it."
    ],
    examples: ['symbi cron run daily-report --input "only for today"', "symbi cron run daily-report --wait --follow"]
  },
  "cron cancel": { examples: ["symbi cron cancel run_01m7z37xt318bqj0m2s4x1d27v"] },
  "cron backfill": {
    examples: [
      "symbi cron backfill daily-report --from 2026-02-01 --to 2026-02-08 --dry-run",
      "symbi cron backfill daily-report --from 2026-02-01T00:00:00Z"
    ]
  },
  "cron history": {
    about: ["Tokens and cost are shown when a run has them."],
    examples: [
      "symbi cron history daily-report --status failed",
      "symbi cron history daily-report --limit 100 --format csv"
    ]
  },
  "cron session": { examples: ["symbi cron session assistant", "symbi cron session assistant --clear"] },
  "cron next": {
    examples: ['symbi cron next "0 9 * * MON-FRI" --tz Europe/Berlin', "symbi cron next daily-report --count 10"]
  },
  approvals: { examples: ["symbi approvals list", "symbi help approvals approve"] },
  "approvals list": { examples: ["symbi approvals list", "symbi approvals list --state all --limit 20"] },
  "approvals show": { examples: ["symbi approvals show run_01m7z37xt318bqj0m2s4x1d27v"] },
  "approvals approve": {
    examples: ['symbi approvals approve run_01m7z37xt318bqj0m2s4x1d27v --reason "ok"']
  },
  "approvals deny": { examples: ['symbi approvals deny run_01m7z37xt318bqj0m2s4x1d27v --reason "not today"'] },
  deliveries: { examples: ["symbi deliveries list --state failed", "symbi deliveries redeliver --all-failed"] },
  "deliveries list": {
    examples: ["symbi deliveries list --job daily-report", "symbi deliveries list --state dead --all --format csv"]
  },
  "deliveries show": { examples: ["symbi deliveries show dlv_01m7z37xt318bqj0m2s4x1d27v"] },
  "deliveries redeliver": {
    examples: [
      "symbi deliveries redeliver dlv_01m7z37xt318bqj0m2s4x1d27v",
      "symbi deliveries redeliver --all-dead --channel slack"
    ]
  },
  why: {
    examples: ["symbi why daily-report", 'symbi why daily-report --at "2026-02-15T09:00"']
  },
  run: {
    examples: ['symbi run reporter --input "test"', 'symbi run reporter --file agents/reports.symbi --input "test"']
  },
  logs: {
    examples: ["symbi logs --filter scheduler --level debug", "symbi logs --follow", "symbi logs --data .symbi"]
  },
  agents: { examples: ["symbi agents list", "symbi agents show reporter"] },
  "agents list": { examples: ["symbi agents list", "symbi agents list --format json"] },
  "agents show": { examples: ["symbi agents show reporter"] },
  budgets: { examples: ["symbi budgets", "symbi budgets --format csv"] },
  validate: { examples: ["symbi validate agents", "symbi validate reports.symbi --format json --allow-unset"] },
  fmt: { examples: ["symbi fmt agents", "symbi fmt --check agents"] },
  apply: {
    about: ["Either everything is applied or, with any error, nothing."],
    examples: ["symbi apply -f agents --dry-run", "symbi apply -f agents --prune"]
  },
  export: { examples: ["symbi export -o all.symbi", "symbi export --format json"] },
  config: { examples: ["symbi config", "symbi config --config symbiont.toml --format json"] },
  audit: { examples: ["symbi audit query --type CronJobFailed", "symbi audit verify"] },
  "audit query": {
    examples: [
      'symbi audit query --type CronJobFailed --since "2026-02-01" --limit 50',
      "symbi audit query --job daily-report --format csv"
    ]
  },
  "audit verify": {
    examples: ["symbi audit verify", "symbi audit verify --data .symbi", "symbi audit verify --checkpoint kept.log"]
  },
  "audit checkpoint": { examples: ["symbi audit checkpoint >> kept.log"] },
  agentpin: { examples: ["symbi help agentpin verify"] },
  "agentpin verify": {
    examples: ["symbi agentpin verify - --agent a --domain a.example --discovery d.json"]
  },
  "agentpin pin": {
    examples: ["symbi agentpin pin key-2 --domain agent.example.com --discovery d.json"]
  },
  "agentpin unpin": { examples: ["symbi agentpin unpin key-1 --domain agent.example.com"] },
  doctor: { examples: ["symbi doctor", "symbi doctor --format json"] },
  selftest: {
    about: [
      "Starts services of its own in a temporary folder on your disk and does to them what machines do: kills them, fills their disk, cuts their power, and turns their clocks in simulated weeks. Your data are not touched. Then it compares what is stored with what must be: every slot in exactly one row, every delivery made, nothing acknowledged lost, the audit log whole. It takes a minute or two; Ctrl-C ends it and takes everything away.",
      "Parts: disk (how fast its fsync is, and whether it is one), kill, full, power, simulation, audit."
    ],
    examples: [
      "symbi selftest",
      "symbi selftest --quick --folder /var/lib",
      "symbi selftest --only kill,audit --kills 200",
      "symbi selftest --only simulation --seeds 500 --format json"
    ]
  },
  backup: {
    about: [
      "One file with the database, the audit log's key and checkpoints, and the sessions; files of agents are not in it. It is a copy of one instant, is made without holding up the service, and is read back and verified before it gets its name. Keep it as safe as the data folder: what is secret there is secret in it."
    ],
    examples: [
      "symbi backup",
      "symbi backup -o /backups/symbi.tar.gz --force --with-logs",
      "symbi backup --db .symbi/symbiont.db"
    ]
  },
  restore: {
    about: [
      "All of the backup is unpacked and verified first; one that is damaged, or of a newer version, is refused and nothing is touched. The old folder is renamed, never deleted. The audit log's checkpoints come with the backup: those of the old folder stay in it, and checkpoints that were kept elsewhere show what was cut off.",
      "Slots since the backup are handled as after an outage: by each job's misfire policy."
    ],
    examples: ["symbi restore symbi.tar.gz --dry-run", "symbi restore symbi.tar.gz --data .symbi --force"]
  },
  completions: {
    about: [
      "bash: put `source <(symbi completions bash)` into ~/.bashrc. zsh: `symbi completions zsh > ~/.zfunc/_symbi`, with ~/.zfunc in fpath before compinit. fish: `symbi completions fish > ~/.config/fish/completions/symbi.fish`."
    ],
    examples: ["source <(symbi completions bash)", "symbi completions fish > ~/.config/fish/completions/symbi.fish"]
  },
  keys: { examples: ["symbi keys list", "symbi help keys create"] },
  "keys create": {
    examples: ["symbi keys create ci --scope operate --expires 90d", "symbi keys create boss --scope admin"]
  },
  "keys list": { examples: ["symbi keys list", "symbi keys list --all --format json"] },
  "keys revoke": { examples: ["symbi keys revoke ci"] }
}
