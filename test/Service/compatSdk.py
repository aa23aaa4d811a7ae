"""The eleven calls of the published Python SDK as it sends them; each answer must fit its dataclass exactly.

Usage: compatSdk.py BASE_URL KEY. Prints one JSON object.
"""

import json
import sys
import urllib.request
from dataclasses import asdict, dataclass
from typing import Any, List, Optional


@dataclass
class Created:
    job_id: str
    next_run: Optional[str]
    status: str


@dataclass
class Summary:
    job_id: str
    name: str
    cron_expression: str
    timezone: str
    status: str
    enabled: bool
    next_run: Optional[str]
    run_count: int


@dataclass
class Detail:
    job_id: str
    name: str
    cron_expression: str
    timezone: str
    status: str
    enabled: bool
    one_shot: bool
    next_run: Optional[str]
    last_run: Optional[str]
    run_count: int
    failure_count: int
    created_at: str
    updated_at: str


@dataclass
class RunEntry:
    run_id: str
    started_at: str
    completed_at: Optional[str]
    status: str
    error: Optional[str]
    execution_time_ms: Optional[int]


@dataclass
class NextRuns:
    job_id: str
    next_runs: List[str]


@dataclass
class Action:
    job_id: str
    action: str
    status: str


@dataclass
class Deleted:
    job_id: str
    deleted: bool


@dataclass
class Health:
    is_running: bool
    store_accessible: bool
    jobs_total: int
    jobs_active: int
    jobs_paused: int
    jobs_dead_letter: int
    global_active_runs: int
    max_concurrent: int
    runs_total: int
    runs_succeeded: int
    runs_failed: int
    average_execution_time_ms: float
    longest_run_ms: float


base, key = sys.argv[1:3]


def ask(method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {key}", "Accept": "*/*", "User-Agent": "python-requests/2.32.3"}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    elif method == "POST":
        headers["Content-Length"] = "0"
    request = urllib.request.Request(f"{base}{path}", data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


created = Created(
    **ask(
        "POST",
        "/schedules",
        {
            "name": "from python",
            "cron_expression": "0 0 9 * * MON",
            "agent_name": "echo",
            "timezone": "UTC",
            "policy_ids": [],
            "one_shot": False,
        },
    )
)
job = f"/schedules/{created.job_id}"
said = {
    "created": created,
    "list": [Summary(**item) for item in ask("GET", "/schedules")],
    "detail": Detail(**ask("GET", job)),
    "updated": Detail(**ask("PUT", job, {"cron_expression": "*/15 * * * *", "one_shot": False})),
    "paused": Action(**ask("POST", f"{job}/pause")),
    "resumed": Action(**ask("POST", f"{job}/resume")),
    "triggered": Action(**ask("POST", f"{job}/trigger")),
    "history": [RunEntry(**entry) for entry in ask("GET", f"{job}/history?limit=50")["history"]],
    "next_runs": NextRuns(**ask("GET", f"{job}/next-runs?count=10")),
    "health": Health(**ask("GET", "/health/scheduler")),
    "deleted": Deleted(**ask("DELETE", job)),
}
print(json.dumps(said, default=asdict))
