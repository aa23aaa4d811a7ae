"""The records of the API. Made from its definition by `npm run reference`."""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Mapping, Optional, Sequence, TypedDict, Union

from ._records import Record

# Answers. Keys with a name that Python needs itself have an underscore after it: `backfill.from_`.


class Dst(Record):
    __slots__ = ()
    gap: Optional[str]
    fold: Optional[str]
    _optional = frozenset({"gap", "fold"})


class Gate(Record):
    __slots__ = ()
    command: Optional[List[str]]
    url: Optional[str]
    wake_on: Optional[str]
    on_error: Optional[str]
    timeout: Optional[str]
    _optional = frozenset({"command", "url", "wake_on", "on_error", "timeout"})


class HeartbeatBackoff(Record):
    __slots__ = ()
    after: Optional[int]
    factor: Optional[float]
    max: Optional[str]
    _optional = frozenset({"after", "factor", "max"})


class Heartbeat(Record):
    __slots__ = ()
    enabled: bool
    context_mode: Optional[str]
    max_iterations: Optional[int]
    backoff: Optional[HeartbeatBackoff]
    _optional = frozenset({"context_mode", "max_iterations", "backoff"})
    _nested = {"backoff": HeartbeatBackoff}


class SuccessWhen(Record):
    __slots__ = ()
    exit_code: Optional[Union[List[int], int]]
    output_matches: Optional[str]
    json_path: Optional[str]
    _optional = frozenset({"exit_code", "output_matches", "json_path"})


class BudgetPerRun(Record):
    __slots__ = ()
    tokens: Optional[int]
    cost_usd: Optional[float]
    _optional = frozenset({"tokens", "cost_usd"})


class BudgetPerDay(Record):
    __slots__ = ()
    tokens: Optional[int]
    cost_usd: Optional[float]
    runs: Optional[int]
    _optional = frozenset({"tokens", "cost_usd", "runs"})


class BudgetPerMonth(Record):
    __slots__ = ()
    tokens: Optional[int]
    cost_usd: Optional[float]
    runs: Optional[int]
    _optional = frozenset({"tokens", "cost_usd", "runs"})


class BudgetTotal(Record):
    __slots__ = ()
    tokens: Optional[int]
    cost_usd: Optional[float]
    runs: Optional[int]
    _optional = frozenset({"tokens", "cost_usd", "runs"})


class Budget(Record):
    __slots__ = ()
    per_run: Optional[BudgetPerRun]
    per_day: Optional[BudgetPerDay]
    per_month: Optional[BudgetPerMonth]
    total: Optional[BudgetTotal]
    at_cap: Optional[str]
    _optional = frozenset({"per_run", "per_day", "per_month", "total", "at_cap"})
    _nested = {"per_run": BudgetPerRun, "per_day": BudgetPerDay, "per_month": BudgetPerMonth, "total": BudgetTotal}


class PolicyAllowedHours(Record):
    __slots__ = ()
    start: str
    end: str
    timezone: Optional[str]
    _optional = frozenset({"timezone"})


class Policy(Record):
    __slots__ = ()
    require_approval: Optional[bool]
    approvers: Optional[List[str]]
    approval_timeout: Optional[str]
    approval_default: Optional[str]
    max_runtime: Optional[str]
    require_capabilities: Optional[List[str]]
    allowed_hours: Optional[PolicyAllowedHours]
    allowed_environments: Optional[List[str]]
    require_agent_pin: Optional[bool]
    _optional = frozenset({"require_approval", "approvers", "approval_timeout", "approval_default", "max_runtime", "require_capabilities", "allowed_hours", "allowed_environments", "require_agent_pin"})
    _nested = {"allowed_hours": PolicyAllowedHours}


class Retry(Record):
    __slots__ = ()
    attempts: Optional[int]
    backoff: Optional[str]
    factor: Optional[float]
    max: Optional[str]
    _optional = frozenset({"attempts", "backoff", "factor", "max"})


class Job(Record):
    __slots__ = ()
    name: str
    agent_id: str
    cron_expr: Optional[str]
    every: Optional[str]
    at: Optional[str]
    timezone: Optional[str]
    dst: Optional[Dst]
    description: Optional[str]
    misfire: Optional[str]
    max_catchup: Optional[int]
    input: Optional[str]
    gate: Optional[Gate]
    heartbeat: Optional[Heartbeat]
    success_when: Optional[SuccessWhen]
    budget: Optional[Budget]
    webhook_url: Optional[str]
    webhook_headers: Optional[Dict[str, str]]
    webhook_secret: Optional[str]
    webhook_body: Optional[str]
    slack_channel: Optional[str]
    email_recipients: Optional[List[str]]
    deliver_on: Optional[List[str]]
    delivery_subject: Optional[str]
    delivery_body: Optional[str]
    policy: Optional[Policy]
    policy_ref: Optional[str]
    audit: Optional[str]
    max_retries: Optional[int]
    retry: Optional[Retry]
    on_interrupt: Optional[str]
    max_runtime: Optional[str]
    max_jitter: Optional[int]
    session_max_bytes: Optional[int]
    keep_runs: Optional[int]
    agent_pin_jwt: Optional[str]
    one_shot: Optional[bool]
    session_mode: str
    delivery: List[str]
    max_concurrent: int
    overlap: str
    labels: List[str]
    id: str
    status: str
    paused_by: Optional[str]
    next_run: Optional[str]
    quiet_until: Optional[str]
    last_run: Optional[str]
    failure_count: int
    created_at: str
    updated_at: str
    version: int
    source_file: Optional[str]
    _optional = frozenset({"cron_expr", "every", "at", "timezone", "dst", "description", "misfire", "max_catchup", "input", "gate", "heartbeat", "success_when", "budget", "webhook_url", "webhook_headers", "webhook_secret", "webhook_body", "slack_channel", "email_recipients", "deliver_on", "delivery_subject", "delivery_body", "policy", "policy_ref", "audit", "max_retries", "retry", "on_interrupt", "max_runtime", "max_jitter", "session_max_bytes", "keep_runs", "agent_pin_jwt", "one_shot"})
    _nested = {"dst": Dst, "gate": Gate, "heartbeat": Heartbeat, "success_when": SuccessWhen, "budget": Budget, "policy": Policy, "retry": Retry}


class JobWithWarnings(Record):
    __slots__ = ()
    name: str
    agent_id: str
    cron_expr: Optional[str]
    every: Optional[str]
    at: Optional[str]
    timezone: Optional[str]
    dst: Optional[Dst]
    description: Optional[str]
    misfire: Optional[str]
    max_catchup: Optional[int]
    input: Optional[str]
    gate: Optional[Gate]
    heartbeat: Optional[Heartbeat]
    success_when: Optional[SuccessWhen]
    budget: Optional[Budget]
    webhook_url: Optional[str]
    webhook_headers: Optional[Dict[str, str]]
    webhook_secret: Optional[str]
    webhook_body: Optional[str]
    slack_channel: Optional[str]
    email_recipients: Optional[List[str]]
    deliver_on: Optional[List[str]]
    delivery_subject: Optional[str]
    delivery_body: Optional[str]
    policy: Optional[Policy]
    policy_ref: Optional[str]
    audit: Optional[str]
    max_retries: Optional[int]
    retry: Optional[Retry]
    on_interrupt: Optional[str]
    max_runtime: Optional[str]
    max_jitter: Optional[int]
    session_max_bytes: Optional[int]
    keep_runs: Optional[int]
    agent_pin_jwt: Optional[str]
    one_shot: Optional[bool]
    session_mode: str
    delivery: List[str]
    max_concurrent: int
    overlap: str
    labels: List[str]
    id: str
    status: str
    paused_by: Optional[str]
    next_run: Optional[str]
    quiet_until: Optional[str]
    last_run: Optional[str]
    failure_count: int
    created_at: str
    updated_at: str
    version: int
    source_file: Optional[str]
    warnings: List[str]
    _optional = frozenset({"cron_expr", "every", "at", "timezone", "dst", "description", "misfire", "max_catchup", "input", "gate", "heartbeat", "success_when", "budget", "webhook_url", "webhook_headers", "webhook_secret", "webhook_body", "slack_channel", "email_recipients", "deliver_on", "delivery_subject", "delivery_body", "policy", "policy_ref", "audit", "max_retries", "retry", "on_interrupt", "max_runtime", "max_jitter", "session_max_bytes", "keep_runs", "agent_pin_jwt", "one_shot"})
    _nested = {"dst": Dst, "gate": Gate, "heartbeat": Heartbeat, "success_when": SuccessWhen, "budget": Budget, "policy": Policy, "retry": Retry}


class Deleted(Record):
    __slots__ = ()
    id: str
    deleted: bool


class NextRun(Record):
    __slots__ = ()
    next_run: Optional[str]
    description: Optional[str]
    timezone: Optional[str]
    upcoming: Optional[List[str]]
    local: Optional[List[str]]
    starts: Optional[List[str]]
    notes: Optional[List[str]]
    _optional = frozenset({"description", "timezone", "upcoming", "local", "starts", "notes"})


class Preview(Record):
    __slots__ = ()
    description: str
    timezone: str
    upcoming: List[str]
    local: List[str]
    notes: List[str]


class BackfillRun(Record):
    __slots__ = ()
    id: Optional[str]
    scheduled_for: str
    status: str


class Backfill(Record):
    __slots__ = ()
    job_id: str
    job_name: str
    timezone: str
    from_: str
    to: str
    dry_run: bool
    slots: int
    already: int
    pruned: int
    runs: List[BackfillRun]
    _nested = {"runs": BackfillRun}


class Attempt(Record):
    __slots__ = ()
    number: int
    started_at: str
    finished_at: Optional[str]
    outcome: Optional[str]
    failure: Optional[str]
    error_message: Optional[str]


class Reason(Record):
    __slots__ = ()
    code: str
    text: str


class PolicyDecision(Record):
    __slots__ = ()
    _tag: str
    approvers: Optional[List[str]]
    reason: Optional[str]
    code: Optional[str]
    _optional = frozenset({"approvers", "reason", "code"})


class Usage(Record):
    __slots__ = ()
    input_tokens: float
    output_tokens: float
    cost_usd: Optional[float]
    _optional = frozenset({"cost_usd"})


class Delivery(Record):
    __slots__ = ()
    id: str
    run_id: str
    job_id: str
    channel: str
    kind: str
    destination: str
    about: Optional[str]
    state: str
    attempts: int
    created_at: str
    next_attempt_at: Optional[str]
    delivered_at: Optional[str]
    error: Optional[str]


class RunSummary(Record):
    __slots__ = ()
    id: str
    job_id: str
    job_name: str
    agent_id: str
    trigger: str
    status: str
    scheduled_for: str
    start_at: Optional[str]
    next_attempt_at: Optional[str]
    started_at: Optional[str]
    finished_at: Optional[str]
    execution_time_ms: Optional[int]
    attempts: List[Attempt]
    input: Optional[str]
    error_message: Optional[str]
    reason: Optional[Reason]
    decision: Optional[PolicyDecision]
    requested_by: Optional[str]
    approval_id: Optional[str]
    session_id: Optional[str]
    stop_reason: Optional[str]
    usage: Optional[Usage]
    iteration_count: Optional[int]
    context_bytes: Optional[int]
    saved: Optional[Usage]
    deliveries: List[Delivery]
    missed_count: Optional[int]
    missed_from: Optional[str]
    missed_to: Optional[str]
    _nested = {"attempts": Attempt, "reason": Reason, "decision": PolicyDecision, "usage": Usage, "saved": Usage, "deliveries": Delivery}


class IdentityCheck(Record):
    __slots__ = ()
    result: str
    code: Optional[str]
    detail: Optional[str]
    kid: Optional[str]
    jti: Optional[str]
    expires_at: Optional[str]


class PolicyEvaluation(Record):
    __slots__ = ()
    time: str
    decision: PolicyDecision
    environment: str
    capabilities: Optional[List[str]]
    identity: Optional[IdentityCheck]
    approved_by: Optional[str]
    _nested = {"decision": PolicyDecision, "identity": IdentityCheck}


class Iteration(Record):
    __slots__ = ()
    attempt: Optional[int]
    number: Optional[int]
    phase: str
    summary: str
    duration_ms: float
    context_bytes: Optional[int]
    usage: Optional[Usage]
    error: Optional[str]
    _optional = frozenset({"attempt", "number", "context_bytes", "usage", "error"})
    _nested = {"usage": Usage}


class ToolCall(Record):
    __slots__ = ()
    name: str
    arguments: str
    result_bytes: int
    duration_ms: float
    error: Optional[str]
    _optional = frozenset({"error"})


class Run(Record):
    __slots__ = ()
    id: str
    job_id: str
    job_name: str
    agent_id: str
    trigger: str
    status: str
    scheduled_for: str
    start_at: Optional[str]
    next_attempt_at: Optional[str]
    started_at: Optional[str]
    finished_at: Optional[str]
    execution_time_ms: Optional[int]
    attempts: List[Attempt]
    input: Optional[str]
    error_message: Optional[str]
    reason: Optional[Reason]
    decision: Optional[PolicyDecision]
    requested_by: Optional[str]
    approval_id: Optional[str]
    session_id: Optional[str]
    stop_reason: Optional[str]
    usage: Optional[Usage]
    iteration_count: Optional[int]
    context_bytes: Optional[int]
    saved: Optional[Usage]
    deliveries: List[Delivery]
    missed_count: Optional[int]
    missed_from: Optional[str]
    missed_to: Optional[str]
    output: Optional[str]
    evaluations: List[PolicyEvaluation]
    iterations: List[Iteration]
    tool_calls: List[ToolCall]
    _nested = {"attempts": Attempt, "reason": Reason, "decision": PolicyDecision, "usage": Usage, "saved": Usage, "deliveries": Delivery, "evaluations": PolicyEvaluation, "iterations": Iteration, "tool_calls": ToolCall}


class WhyEvent(Record):
    __slots__ = ()
    time: str
    what: str


class Approval(Record):
    __slots__ = ()
    id: str
    state: str
    run_id: str
    job_id: str
    job_name: str
    agent_id: str
    trigger: str
    scheduled_for: str
    input: Optional[str]
    approvers: List[str]
    submitted_by: str
    requested_at: str
    expires_at: str
    expires_by: str
    approval_default: str
    decided_at: Optional[str]
    decided_by: Optional[str]
    reason: Optional[str]
    binding: str
    over_budget: Optional[str]


class Why(Record):
    __slots__ = ()
    answer: str
    run: Optional[RunSummary]
    events: List[WhyEvent]
    evaluations: List[PolicyEvaluation]
    approval: Optional[Approval]
    next_steps: List[str]
    _nested = {"run": RunSummary, "events": WhyEvent, "evaluations": PolicyEvaluation, "approval": Approval}


class SessionInfo(Record):
    __slots__ = ()
    job_id: str
    job_name: str
    mode: str
    id: Optional[str]
    turns: int
    bytes: int
    max_bytes: int
    archived_bytes: int
    created_at: Optional[str]
    updated_at: Optional[str]


class ListedDelivery(Record):
    __slots__ = ()
    id: str
    run_id: str
    job_id: str
    channel: str
    kind: str
    destination: str
    about: Optional[str]
    state: str
    attempts: int
    created_at: str
    next_attempt_at: Optional[str]
    delivered_at: Optional[str]
    error: Optional[str]
    job_name: str


class Redelivered(Record):
    __slots__ = ()
    count: int


class BudgetLineCaps(Record):
    __slots__ = ()
    tokens: Optional[int]
    cost_usd: Optional[float]
    runs: Optional[int]
    _optional = frozenset({"tokens", "cost_usd", "runs"})


class BudgetLineSpent(Record):
    __slots__ = ()
    tokens: float
    cost_usd: float
    runs: int


class BudgetLineReserved(Record):
    __slots__ = ()
    tokens: float
    cost_usd: float


class BudgetLine(Record):
    __slots__ = ()
    of: str
    name: Optional[str]
    period: str
    span: str
    caps: BudgetLineCaps
    spent: BudgetLineSpent
    reserved: BudgetLineReserved
    at_cap: str
    _nested = {"caps": BudgetLineCaps, "spent": BudgetLineSpent, "reserved": BudgetLineReserved}


class ToolLimits(Record):
    __slots__ = ()
    calls: Optional[int]
    bytes: Optional[int]
    time: Optional[str]
    _optional = frozenset({"calls", "bytes", "time"})


class AgentDefinition(Record):
    __slots__ = ()
    id: str
    description: Optional[str]
    capabilities: Optional[List[str]]
    budget: Optional[Budget]
    kind: str
    url: Optional[str]
    headers: Optional[Dict[str, str]]
    timeout: Optional[str]
    model: Optional[str]
    provider: Optional[str]
    system_prompt: Optional[str]
    temperature: Optional[float]
    max_tokens: Optional[int]
    tools: Optional[Dict[str, Any]]
    tool_limits: Optional[ToolLimits]
    command: Optional[List[str]]
    env: Optional[Dict[str, str]]
    _optional = frozenset({"description", "capabilities", "budget", "url", "headers", "timeout", "model", "provider", "system_prompt", "temperature", "max_tokens", "tools", "tool_limits", "command", "env"})
    _nested = {"budget": Budget, "tool_limits": ToolLimits}


class AgentAnswer(Record):
    __slots__ = ()
    output: str
    usage: Optional[Usage]
    exit_code: Optional[int]
    _optional = frozenset({"usage", "exit_code"})
    _nested = {"usage": Usage}


class FieldChange(Record):
    __slots__ = ()
    field: str
    before: Any
    after: Any


class PlannedJob(Record):
    __slots__ = ()
    name: str
    job_id: Optional[str]
    changes: List[FieldChange]
    next_before: List[str]
    next_after: List[str]
    notes: List[str]
    _nested = {"changes": FieldChange}


class Diagnostic(Record):
    __slots__ = ()
    severity: str
    file: str
    line: int
    column: int
    length: int
    message: str
    hint: Optional[str]
    _optional = frozenset({"hint"})


class Applied(Record):
    __slots__ = ()
    dry_run: bool
    created: List[PlannedJob]
    updated: List[PlannedJob]
    resumed: List[PlannedJob]
    paused: List[PlannedJob]
    deleted: List[PlannedJob]
    unchanged: List[str]
    warnings: List[str]
    diagnostics: List[Diagnostic]
    _nested = {"created": PlannedJob, "updated": PlannedJob, "resumed": PlannedJob, "paused": PlannedJob, "deleted": PlannedJob, "diagnostics": Diagnostic}


class AuditEvent(Record):
    __slots__ = ()
    id: str
    time: str
    type: str
    actor: str
    job_id: Optional[str]
    job_name: Optional[str]
    run_id: Optional[str]
    reason: Optional[str]
    before: Any
    after: Any


class AuditBreak(Record):
    __slots__ = ()
    seq: int
    id: Optional[str]
    kind: str
    detail: str


class AuditHead(Record):
    __slots__ = ()
    seq: int
    hash: str
    count: int


class AuditVerdict(Record):
    __slots__ = ()
    ok: bool
    broken: Optional[AuditBreak]
    entries: Optional[int]
    head: Optional[AuditHead]
    _optional = frozenset({"broken", "entries", "head"})
    _nested = {"broken": AuditBreak, "head": AuditHead}


class AuditCheckpoint(Record):
    __slots__ = ()
    seq: int
    hash: str
    count: int
    time: str
    signature: str
    public_key: str


class ApiKey(Record):
    __slots__ = ()
    id: str
    name: str
    scopes: List[str]
    created_at: str
    created_by: str
    last_used_at: Optional[str]
    expires_at: Optional[str]
    revoked_at: Optional[str]


class CreatedKey(Record):
    __slots__ = ()
    id: str
    name: str
    scopes: List[str]
    created_at: str
    created_by: str
    last_used_at: Optional[str]
    expires_at: Optional[str]
    revoked_at: Optional[str]
    secret: str


class SchedulerHealthMetrics(Record):
    __slots__ = ()
    runs_total: int
    runs_succeeded: int
    runs_failed: int
    avg_execution_time_ms: float


class SchedulerHealth(Record):
    __slots__ = ()
    status: str
    active_jobs: int
    paused_jobs: int
    in_flight_jobs: int
    metrics: SchedulerHealthMetrics
    _nested = {"metrics": SchedulerHealthMetrics}


# Requests.


class _JobDefinitionRequired(TypedDict):
    name: str
    agent_id: str


class JobDefinition(_JobDefinitionRequired, total=False):
    cron_expr: str
    every: str
    at: str
    timezone: str
    dst: Mapping[str, Any]
    description: str
    misfire: Literal["run_once", "skip", "run_all"]
    max_catchup: int
    input: str
    gate: Mapping[str, Any]
    heartbeat: Mapping[str, Any]
    success_when: Mapping[str, Any]
    budget: Mapping[str, Any]
    webhook_url: str
    webhook_headers: Mapping[str, Any]
    webhook_secret: str
    webhook_body: str
    slack_channel: str
    email_recipients: Sequence[str]
    deliver_on: Sequence[Literal["success", "failure", "dead_letter", "approval", "skipped"]]
    delivery_subject: str
    delivery_body: str
    policy: Mapping[str, Any]
    policy_ref: str
    audit: str
    max_retries: int
    retry: Mapping[str, Any]
    on_interrupt: Literal["retry", "fail"]
    max_runtime: Union[str, Literal["none"]]
    max_jitter: int
    session_max_bytes: int
    keep_runs: int
    agent_pin_jwt: str
    one_shot: bool
    session_mode: Literal["ephemeral_with_summary", "shared_persistent", "fully_ephemeral"]
    delivery: Sequence[str]
    max_concurrent: int
    overlap: Literal["skip", "queue_one", "cancel_previous"]
    labels: Sequence[str]


class JobPatch(TypedDict, total=False):
    name: str
    agent_id: str
    session_mode: Literal["ephemeral_with_summary", "shared_persistent", "fully_ephemeral"]
    delivery: Sequence[str]
    max_concurrent: int
    overlap: Literal["skip", "queue_one", "cancel_previous"]
    labels: Sequence[str]
    cron_expr: Optional[str]
    every: Optional[str]
    at: Optional[str]
    timezone: Optional[str]
    dst: Optional[Mapping[str, Any]]
    description: Optional[str]
    misfire: Optional[Literal["run_once", "skip", "run_all"]]
    max_catchup: Optional[int]
    input: Optional[str]
    gate: Optional[Mapping[str, Any]]
    heartbeat: Optional[Mapping[str, Any]]
    success_when: Optional[Mapping[str, Any]]
    budget: Optional[Mapping[str, Any]]
    webhook_url: Optional[str]
    webhook_headers: Optional[Mapping[str, Any]]
    webhook_secret: Optional[str]
    webhook_body: Optional[str]
    slack_channel: Optional[str]
    email_recipients: Optional[Sequence[str]]
    deliver_on: Optional[Sequence[Literal["success", "failure", "dead_letter", "approval", "skipped"]]]
    delivery_subject: Optional[str]
    delivery_body: Optional[str]
    policy: Optional[Mapping[str, Any]]
    policy_ref: Optional[str]
    audit: Optional[str]
    max_retries: Optional[int]
    retry: Optional[Mapping[str, Any]]
    on_interrupt: Optional[Literal["retry", "fail"]]
    max_runtime: Optional[Union[str, Literal["none"]]]
    max_jitter: Optional[int]
    session_max_bytes: Optional[int]
    keep_runs: Optional[int]
    agent_pin_jwt: Optional[str]
    one_shot: Optional[bool]


class PreviewRequest(TypedDict, total=False):
    cron_expr: str
    every: str
    at: str
    timezone: str
    dst: Mapping[str, Any]
    one_shot: bool
    from_: str
    count: int
    name: str
    policy: Mapping[str, Any]
    max_jitter: int


class _BackfillRequestRequired(TypedDict):
    from_: str


class BackfillRequest(_BackfillRequestRequired, total=False):
    to: str
    dry_run: bool
    all: bool


class _RedeliverRequestRequired(TypedDict):
    state: Literal["failed", "dead"]


class RedeliverRequest(_RedeliverRequestRequired, total=False):
    channel: str
    job: str


class _KeyRequestRequired(TypedDict):
    name: str
    scopes: Sequence[Literal["read", "operate", "approve", "admin"]]


class KeyRequest(_KeyRequestRequired, total=False):
    expires_in: str
    expires_at: str
