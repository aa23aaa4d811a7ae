type Texts = Readonly<Record<string, string>>

const trigger: Texts = {
  cron_expr: "A cron expression of five fields, or six with seconds first; or `@daily`, `@every 90s` and the like.",
  every: "A period of elapsed time, such as `90s`, `5m` or `1h30m`.",
  at: "One instant, ISO 8601; without an offset in the job's timezone.",
  timezone: "IANA name of the zone of wall times; the service's default unless given.",
  dst: "What to do with times that the clock skips or repeats.",
  one_shot: "Once: at the first match of `cron_expr`, or after one `every`. What has `at` is a one-shot anyway."
}

const definition: Texts = {
  ...trigger,
  name: "Unique; 1 to 200 characters. It stands for the id in every path.",
  agent_id: "Name of the agent that runs.",
  description: "For people.",
  misfire: "Slots missed while the service was down: the latest runs, none, or all up to `max_catchup`.",
  max_catchup: "How many missed slots `run_all` runs; 10 unless given.",
  input: "What the agent is given.",
  gate: "A cheap look before the agent is woken.",
  heartbeat: "Makes a run a loop of assess and act.",
  success_when: "What makes a run a success besides its agent's word.",
  budget: "What the job's runs may spend.",
  webhook_url: "Where the channel `webhook` sends, by POST.",
  webhook_headers: "Headers of webhooks. Variables in them are resolved when it is sent.",
  webhook_secret: "Signs what is sent to the webhook (Standard Webhooks).",
  webhook_body: "Template of the whole body in place of the JSON that is sent without it.",
  slack_channel: "Where the channel `slack` sends, such as `#ops`.",
  email_recipients: "Addresses of the channel `email`.",
  deliver_on: "Which endings and events are told.",
  delivery_subject: "Template of the subject of what tells how a run ended.",
  delivery_body: "Template of its text.",
  policy: "Conditions that a run must meet before its agent is woken.",
  policy_ref: "Name of a policy that is provided to the service.",
  audit: "A note for the audit log.",
  max_retries:
    "After so many failed runs in a row the job is dead-lettered; `[scheduler] default_max_retries` unless given.",
  retry: "How failed attempts of one run are repeated.",
  on_interrupt: "What becomes of an attempt whose service died.",
  max_runtime: "Longest time of an attempt, such as `5m`, or `none`.",
  max_jitter: "Each start is delayed by 0 to this many seconds.",
  session_max_bytes: "Cap of the shared session in bytes; the oldest turns are dropped first.",
  keep_runs: "At most so many ended runs are kept, the newest.",
  agent_pin_jwt: "The agent's AgentPin credential, ES256.",
  session_mode: "What the agent remembers from run to run.",
  delivery: "Channels that the output goes to.",
  max_concurrent: "Runs of the job at once.",
  overlap: "What becomes of a slot that is due while the job is at `max_concurrent`.",
  labels: "Words to find jobs by."
}

const job: Texts = {
  ...definition,
  id: "Sorts by the time of creation.",
  status:
    "`completed`: a one-shot that succeeded. `failed`: one that never ran. `dead_letter`: too many failures in a row.",
  paused_by: "Who paused it: a person, an apply of its file, or its budget.",
  next_run: "The next slot, UTC; of a paused job the one that it was at.",
  quiet_until: "Until when a heartbeat with `backoff` sleeps through its slots.",
  last_run: "The slot of its latest run.",
  failure_count: "Failed runs in a row; a success sets it to 0.",
  created_at: "UTC.",
  updated_at: "Of the latest change by a person or a file, UTC.",
  version: "Grows by one with every change by a person or a file; the `ETag`.",
  source_file: "The file that the job came from, if any.",
  warnings: "What is doubtful about the job as it was stored."
}

const delivery: Texts = {
  id: "Stable over all attempts: a receiver can tell repeats by it.",
  run_id: "The run that it tells of.",
  job_id: "That run's job.",
  job_name: "That job's name.",
  channel: "`stdout`, `log_file`, `webhook`, `slack`, `email` or `custom:NAME`.",
  kind: "What it tells: the output of a run, a dead-letter notice, a request for approval, ...",
  destination: "Who receives it, without secrets.",
  about: "The delivery that an alert is about.",
  state: "`failed`: refused for good. `dead`: out of attempts.",
  attempts: "How often it was tried since it was made, or was asked for anew.",
  created_at: "UTC.",
  next_attempt_at: "UTC; null when none is to come.",
  delivered_at: "UTC.",
  error: "Why the latest attempt failed."
}

const run: Texts = {
  id: "Sorts by the time of creation.",
  job_id: "Its job.",
  job_name: "The job's name when the run was made.",
  agent_id: "The agent.",
  trigger: "What made it: its slot, a slot missed earlier, a person, or a backfill.",
  status: "All but `pending`, `awaiting_approval` and `running` are final.",
  scheduled_for: "The slot, UTC; of a manual run the instant it was asked for.",
  start_at: "When a pending run may start: its slot plus jitter.",
  next_attempt_at: "When it is tried again.",
  started_at: "Of its first attempt, UTC.",
  finished_at: "UTC.",
  execution_time_ms: "Of all attempts, in ms.",
  attempts: "One execution each, oldest first.",
  input: "What the agent was given.",
  output: "What the agent gave.",
  error_message: "Why it failed.",
  reason: "Why it was skipped, missed, denied, cancelled or interrupted.",
  decision: "What the policy gate decided last.",
  requested_by: "Who asked for it; null for the schedule.",
  approval_id: "The approval that it waits or waited for.",
  session_id: "The session that it used.",
  stop_reason: "Why a heartbeat ended other than by `sleep`.",
  usage: "What all attempts spent.",
  iteration_count: "Iterations of a heartbeat, over all attempts.",
  context_bytes: "What the agent was given at most, in bytes.",
  saved: "What the job's latest woken run spent: about so much was saved by not waking it.",
  deliveries: "Where its output went.",
  missed_count: "Slots that a `missed` row stands for.",
  missed_from: "The first of them, UTC.",
  missed_to: "The last of them, UTC.",
  evaluations: "The latest questions to the policy gate, oldest first.",
  iterations: "Of a heartbeat: the first 50 and the last 450 at most.",
  tool_calls: "Uses of tools by a language model."
}

/** Of a change, where what is not given stays as it is. */
const change: Texts = Object.fromEntries(
  Object.entries(definition).map(([field, text]) => [field, text.replace(/unless given\b/, "when null")])
)

const health: Texts = {
  active_jobs: "Jobs that are due some time.",
  paused_jobs: "Jobs that are paused.",
  in_flight_jobs: "Runs that are executing now.",
  metrics: "Totals that last over restarts. `runs_failed` also counts timeouts and interruptions; times are in ms."
}

const preview: Texts = {
  next_run: "UTC; null while the job is not active.",
  description: "The trigger in words.",
  timezone: "The zone of `local`.",
  upcoming: "The next slots, UTC.",
  local: "The same as the zone shows them.",
  starts: "The slots with their jitter, UTC.",
  notes: "What a person should know of them."
}

const key: Texts = {
  id: "What the audit log names it by.",
  name: "Unique among keys that are not revoked; approvers are named by it.",
  scopes: "`operate` and `approve` have `read`; `admin` has all.",
  created_at: "UTC.",
  created_by: "Who made it.",
  last_used_at: "UTC, to the minute.",
  expires_at: "UTC; null: never.",
  revoked_at: "UTC; null while it is good.",
  expires_in: "Such as `90d`; at most one of this and `expires_at`.",
  secret: "The key itself; shown this once."
}

const schedule: Texts = {
  job_id: "The job's id.",
  name: "Unique.",
  cron_expression: "Five or six fields; `@every 90s` or `@at` with an instant for jobs with other triggers.",
  agent_name: "Name of the agent that runs.",
  timezone: "IANA name.",
  policy_ids: "None, or the name of one policy that is provided to the service.",
  one_shot: "Runs at its first match alone.",
  status: "`active`, `paused`, `completed`, `failed` or `dead_letter`.",
  enabled: "Whether it is active.",
  next_run: "UTC; null while it is not active.",
  last_run: "The slot of its latest run, UTC.",
  run_count: "Runs that succeeded, failed, timed out or were interrupted, since it was created.",
  failure_count: "Those of them that did not succeed.",
  created_at: "UTC.",
  updated_at: "UTC."
}

/** What the fields of schemas mean, by the names of both; those that say it themselves are left out. */
export const fields: Readonly<Record<string, Texts>> = {
  AgentAnswer: {
    output: "What the agent said.",
    usage: "What it spent.",
    exit_code: "Of a command."
  },
  ApiKey: key,
  Applied: {
    dry_run: "Whether this is only what would change.",
    resumed: "Paused by an earlier apply, and in the files again.",
    diagnostics: "What is wrong or doubtful in the files, with its place."
  },
  ApplyRequest: { files: "The whole text of each." },
  Approval: {
    ...run,
    state: "`pending`, or how it ended.",
    run_id: "The run that waits.",
    input: "What the agent will be given.",
    approvers: "Names or ids of the keys that may decide; none: any with the scope `approve`.",
    submitted_by: "Who asked for the run, or gave the job its definition.",
    requested_at: "UTC.",
    expires_at: "UTC.",
    expires_by: "What ends the wait then.",
    approval_default: "What becomes of the run then.",
    decided_at: "UTC.",
    decided_by: "The key, or `scheduler`.",
    reason: "What the person said.",
    binding: "SHA-256 (hex) of the job's definition and the run's input: what exactly is approved.",
    over_budget: "The cap that the run would go beyond; null where its policy asks for a person."
  },
  Attempt: {
    number: "From 1; only the current one may finish the run.",
    started_at: "UTC.",
    finished_at: "UTC.",
    outcome: "Null while it runs.",
    failure: "`transient` and `rate_limited` failures are tried again.",
    error_message: "Why it failed."
  },
  AuditBreak: { seq: "Its number in the log, from 1.", kind: "What is wrong.", detail: "In words." },
  AuditEvent: {
    id: "Sorts by time.",
    time: "UTC.",
    actor: "A key's id, `config:NAME`, `cli`, `api` or `scheduler`.",
    before: "The fields that changed, as they were; secrets redacted.",
    after: "As they are."
  },
  AuditHead: {
    seq: "Number of the latest entry.",
    hash: "Its SHA-256, hex.",
    count: "Entries, those that were pruned too."
  },
  AuditCheckpoint: {
    seq: "Number of the latest entry.",
    hash: "Its SHA-256, hex.",
    count: "Entries, those that were pruned too.",
    time: "UTC.",
    signature: "Ed25519 over the rest, base64.",
    public_key: "Base64 (SPKI)."
  },
  AuditVerification: { checkpoints: "At most 1,000." },
  BackfillRequest: {},
  Backfill: {
    timezone: "In which times without an offset were read.",
    from: "Included, UTC.",
    to: "Not included, UTC.",
    slots: "Slots of the job in the range.",
    already: "Left out: they have a run.",
    pruned: "Of those, how many whose history is deleted: taken for done.",
    runs: "The rest, oldest first."
  },
  Budget: {
    per_run: "Caps of one run.",
    per_day: "Caps of a day (UTC).",
    per_month: "Caps of a month (UTC).",
    total: "Caps for ever.",
    at_cap: "What becomes of a run that would go beyond."
  },
  BudgetLine: {
    of: "Whose budget.",
    name: "Of the agent or the job; null of the service.",
    span: "`2026-02-15`, `2026-02` or `all time`.",
    caps: "Costs are US dollars.",
    spent: "Until now.",
    reserved: "What runs under way may still take.",
    at_cap: "What becomes of a run that would go beyond."
  },
  CreatedKey: key,
  KeyRequest: { ...key, expires_at: "In the future; without this and `expires_in` it never expires." },
  CompatCreateSchedule: { ...schedule, timezone: "IANA name; `UTC` unless given." },
  CompatUpdateSchedule: schedule,
  CompatScheduleCreated: { job_id: "The job's id.", next_run: "UTC.", status: "Of this request; not the job's." },
  CompatScheduleSummary: schedule,
  CompatScheduleDetail: schedule,
  CompatRun: {
    run_id: "The run's id.",
    started_at: "UTC; of a run that never started the instant at which it was due.",
    completed_at: "UTC.",
    status: "Lower case.",
    error: "Why it failed or did not run.",
    execution_time_ms: "In ms."
  },
  CompatSchedulerHealth: {
    is_running: "Whether the loop is alive.",
    store_accessible: "True: a store that does not answer is a 500.",
    jobs_total: "All that are not deleted.",
    global_active_runs: "Runs that are executing now.",
    max_concurrent: "Runs of the service at once.",
    runs_total: "`runs_succeeded` and `runs_failed`; lasts over restarts.",
    runs_failed: "Failed, timed out or interrupted.",
    average_execution_time_ms: "In ms.",
    longest_run_ms: "In ms."
  },
  Delivery: delivery,
  ListedDelivery: delivery,
  Diagnostic: {
    line: "From 1.",
    column: "From 1, in characters.",
    length: "In characters.",
    hint: "What to do about it."
  },
  Dst: {
    gap: "A slot that the clock skips: it runs right after the gap, or not.",
    fold: "A slot that comes twice: the first, the second or both."
  },
  Error: {
    error: "What is wrong, for people.",
    code: "The same for programs.",
    details: "What is wrong where; may be empty."
  },
  ErrorDetail: { path: "Keys with dots, such as `policy.allowed_hours`.", message: "What is wrong with it." },
  FieldChange: { before: "Null: not there.", after: "Null: not there." },
  Gate: {
    command: "A program and its arguments.",
    url: "Asked by GET; exactly one of this and `command`.",
    wake_on: "Any output, or another one than at the last successful run.",
    on_error: "What a gate that fails means.",
    timeout: "`30s` unless given."
  },
  Heartbeat: {
    enabled: "Whether runs are loops.",
    context_mode: "What is remembered between beats; the session mode unless given.",
    max_iterations: "Of one beat; 100 unless given.",
    backoff: "Repeated all-clears lengthen the sleep."
  },
  HeartbeatBackoff: {
    after: "So many all-clears in a row lengthen it; 3 unless given.",
    factor: "By how much.",
    max: "Longest sleep."
  },
  IdentityCheck: {
    code: "Why it was refused.",
    kid: "Id of the key that signed.",
    jti: "Id of the credential.",
    expires_at: "UTC."
  },
  Iteration: {
    attempt: "The attempt that it is part of.",
    number: "From 1.",
    phase: "What it came to.",
    summary: "Of its answer.",
    duration_ms: "In ms.",
    context_bytes: "What the agent was given, in bytes.",
    error: "Why it came to no answer."
  },
  Job: job,
  JobWithWarnings: job,
  JobDefinition: definition,
  JobPatch: change,
  NextRun: preview,
  Preview: preview,
  PreviewRequest: {
    ...definition,
    from: "Where it begins, exclusive; now unless given.",
    count: "How many instants; 10 unless given.",
    name: "Decides what `H` stands for."
  },
  PlannedJob: {
    job_id: "Null of one that is to be created by a dry run.",
    changes: "Of its definition.",
    next_before: "Slots before the change, UTC.",
    next_after: "Slots after it, UTC."
  },
  Policy: {
    require_approval: "A person decides before each run.",
    approvers: "Names or ids of the keys that may.",
    approval_timeout: "How long it waits; `24h` unless given.",
    approval_default: "What becomes of it then; `deny` unless given.",
    max_runtime: "Longest time of an attempt, such as `5m`, or `none`.",
    require_capabilities: "What the agent must be able to.",
    allowed_hours: "Start included, end not; may cross midnight; UTC unless a timezone is given.",
    allowed_environments: "Compared with `[scheduler] environment`.",
    require_agent_pin: "The agent's AgentPin credential is verified before each run."
  },
  PolicyEvaluation: {
    time: "UTC.",
    environment: "Of the service.",
    capabilities: "Of the agent; null when it is not known.",
    identity: "Of its credential, where one is asked for.",
    approved_by: "Who approved the run."
  },
  Reason: { code: "For programs.", text: "For people." },
  RedeliverRequest: {
    state: "Those that were refused, or those out of attempts.",
    channel: "Of this channel alone.",
    job: "Of this job alone: id or name."
  },
  Redelivered: { count: "How many are sent again." },
  Retry: {
    attempts: "Per run; 1 unless given.",
    backoff: "The first wait; `30s` unless given.",
    factor: "How each wait grows; 4 unless given.",
    max: "Longest wait; `1h` unless given."
  },
  Run: run,
  RunSummary: run,
  RunRequest: { input: "What the agent is given; the job's own unless given." },
  SessionInfo: {
    mode: "Only `shared_persistent` has a session.",
    id: "Null where it has none.",
    turns: "In the session now.",
    bytes: "Their size.",
    max_bytes: "The cap.",
    archived_bytes: "What was dropped or cleared and is still kept."
  },
  SourceFile: { path: "What its schedules are matched by.", text: "The whole file." },
  SuccessWhen: {
    exit_code: "Exit codes that are successes, in place of 0 alone.",
    output_matches: "An RE2 expression that matches somewhere in the output.",
    json_path: "A JSONPath into the output that selects something true, or a comparison such as `$.errors == 0`."
  },
  Tool: {
    description: "For the model.",
    command: "A program and its arguments; `{name}` stands for a parameter.",
    parameters: "What the model fills in.",
    env: "Environment of the command.",
    http_get: "Hosts that may be asked.",
    headers: "Sent by `http_get`.",
    notify: "The channel that a text goes to.",
    read_files: "The folder under which files may be read.",
    timeout: "Of one use.",
    max_bytes: "Of one result."
  },
  ToolCall: {
    arguments: "The JSON that the model gave, its first 2,000 characters.",
    result_bytes: "Size of what it got.",
    duration_ms: "In ms.",
    error: "Why it was refused, or failed."
  },
  ToolLimits: { calls: "Of one run.", bytes: "Of all results of a run.", time: "Of all uses of a run." },
  UnhealthyScheduler: { ...health, status: "The store or the loop is down." },
  WorkingScheduler: { ...health, status: "`degraded`: jobs are set aside as damaged." },
  Usage: { cost_usd: "In US dollars, where prices are configured." },
  Verdict: { reason: "Why; at most 2,000 characters." },
  Why: {
    answer: "One or two sentences.",
    run: "The run that it is about; null where the ledger has none.",
    events: "Oldest first.",
    evaluations: "What the policy gate decided, oldest first.",
    next_steps: "What to do about it."
  },
  WhyEvent: { time: "UTC." }
}
