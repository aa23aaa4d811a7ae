from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Type, TypeVar, Union

from . import models
from ._errors import Timeout
from ._records import Record, record
from ._transport import Transport, checked_seconds

if TYPE_CHECKING:
    from datetime import date, datetime

    from typing_extensions import Unpack

    When = Union[str, date, datetime]

R = TypeVar("R", bound=Record)

_OPEN = ("pending", "awaiting_approval", "running")
_DEFAULT_SERVER = "http://127.0.0.1:8080"


def _given(fields: Mapping[str, Any], keep_none: bool = False) -> Dict[str, Any]:
    """Keyword arguments as the API's keys: ``from_`` is ``from``."""
    return {
        key[:-1] if key.endswith("_") else key: value
        for key, value in fields.items()
        if keep_none or value is not None
    }


class _Group:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _one(self, cls: Type[R], method: str, path: str, *names: str, **asked: Any) -> R:
        answer: R = record(cls, self._transport.send(method, path, *names, **asked).json())
        return answer

    def _list(self, cls: Type[R], path: str, *names: str, query: Optional[Mapping[str, Any]] = None) -> List[R]:
        items: List[R] = record(cls, self._transport.send("GET", path, *names, query=query).json())
        return items

    def _pages(self, cls: Type[R], path: str, *names: str, query: Mapping[str, Any]) -> Iterator[R]:
        cursor: Optional[str] = None
        while True:
            answer = self._transport.send("GET", path, *names, query={**query, "cursor": cursor})
            yield from record(cls, answer.json())
            cursor = answer.next_cursor()
            if cursor is None:
                return


_JOBS = "/api/v1/schedule"
_JOB = "/api/v1/schedule/{}"


class ScheduleClient(_Group):
    """Jobs. Where a job's id is asked for, its name does as well."""

    def __init__(self, transport: Transport, runs: RunsClient) -> None:
        super().__init__(transport)
        self._runs = runs

    def create(self, **job: Unpack[models.JobDefinition]) -> models.JobWithWarnings:
        """Creates a job; what is None is left out. A name that is taken: ``JOB_NAME_TAKEN``."""
        return self._one(models.JobWithWarnings, "POST", _JOBS, body=_given(job))

    def list(
        self,
        *,
        status: Optional[str] = None,
        agent_id: Optional[str] = None,
        label: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> List[models.Job]:
        """The first jobs of a list, 100 unless ``limit`` says otherwise, at most 1,000."""
        query = {"status": status, "agent_id": agent_id, "label": label, "limit": limit}
        return self._list(models.Job, _JOBS, query=query)

    def list_all(
        self,
        *,
        status: Optional[str] = None,
        agent_id: Optional[str] = None,
        label: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[models.Job]:
        """All jobs of a list, page after page; ``limit`` is the size of a page."""
        query = {"status": status, "agent_id": agent_id, "label": label, "limit": limit}
        return self._pages(models.Job, _JOBS, query=query)

    def get(self, job_id: str) -> models.Job:
        """A job. None of that id: ``JOB_NOT_FOUND``."""
        return self._one(models.Job, "GET", _JOB, job_id)

    def get_status(self, job_id: str) -> models.Job:
        """The same as ``get``: ``status``, ``next_run``, ``failure_count`` and all else of a job."""
        return self.get(job_id)

    def update(
        self, job_id: str, *, if_version: Optional[int] = None, **changes: Unpack[models.JobPatch]
    ) -> models.JobWithWarnings:
        """Changes some fields; None clears one. With ``if_version``, only while the job is at that version."""
        headers = {"If-Match": None if if_version is None else f'"{if_version}"'}
        body = _given(changes, keep_none=True)
        return self._one(models.JobWithWarnings, "PUT", _JOB, job_id, body=body, headers=headers)

    def delete(self, job_id: str) -> models.Deleted:
        """Deletes a job; its runs stay readable, and those in flight finish."""
        return self._one(models.Deleted, "DELETE", _JOB, job_id)

    def pause(self, job_id: str) -> models.Job:
        """Stops new slots of a job."""
        return self._one(models.Job, "POST", _JOB + "/pause", job_id)

    def resume(self, job_id: str) -> models.Job:
        """Lets a paused job go on, from now."""
        return self._one(models.Job, "POST", _JOB + "/resume", job_id)

    def reset(self, job_id: str) -> models.Job:
        """Makes a dead-lettered job active again."""
        return self._one(models.Job, "POST", _JOB + "/reset", job_id)

    def run_now(
        self,
        job_id: str,
        *,
        input: Optional[str] = None,
        queue: Optional[bool] = None,
        idempotency_key: Optional[str] = None,
        wait: bool = False,
        wait_timeout: Optional[float] = None,
    ) -> models.Run:
        """Runs a job now, outside its schedule; gives the run as it starts, or with ``wait`` as it ended.

        ``queue`` waits for a place when the job is at its ``max_concurrent``. The same ``idempotency_key`` within 24
        hours is the same run: then the request is sent again when the connection fails.
        """
        checked_seconds("wait_timeout", wait_timeout)
        run = self._one(
            models.Run,
            "POST",
            _JOB + "/run",
            job_id,
            query={"queue": queue},
            body=_given({"input": input}),
            headers={"Idempotency-Key": idempotency_key},
        )
        return self._runs.wait(run.id, timeout=wait_timeout) if wait else run

    def get_history(
        self, job_id: str, *, status: Optional[str] = None, limit: Optional[int] = None
    ) -> List[models.RunSummary]:
        """The latest runs of a job, newest first, 20 unless ``limit`` says otherwise, at most 1,000."""
        return self._list(models.RunSummary, _JOB + "/history", job_id, query={"status": status, "limit": limit})

    def get_all_history(
        self, job_id: str, *, status: Optional[str] = None, limit: Optional[int] = None
    ) -> Iterator[models.RunSummary]:
        """All runs of a job, newest first, page after page; ``limit`` is the size of a page."""
        return self._pages(models.RunSummary, _JOB + "/history", job_id, query={"status": status, "limit": limit})

    def next_run(self, job_id: str, *, count: Optional[int] = None) -> models.NextRun:
        """When a job is due next; with ``count``, in ``upcoming``, so many instants."""
        return self._one(models.NextRun, "GET", _JOB + "/next_run", job_id, query={"count": count})

    def preview(self, **trigger: Unpack[models.PreviewRequest]) -> models.Preview:
        """What a trigger would do; nothing is stored."""
        return self._one(models.Preview, "POST", _JOBS + "/preview", body=_given(trigger))

    def backfill(self, job_id: str, **slots: Unpack[models.BackfillRequest]) -> models.Backfill:
        """Runs past slots of a job, those in ``[from_, to)``, each as a run of its own."""
        return self._one(models.Backfill, "POST", _JOB + "/backfill", job_id, body=_given(slots))

    def why(self, job_id: str, *, at: Optional[When] = None) -> models.Why:
        """Why a job ran or did not at an instant, or its latest run."""
        return self._one(models.Why, "GET", _JOB + "/why", job_id, query={"at": at})

    def get_session(self, job_id: str) -> models.SessionInfo:
        """What a job's shared session holds."""
        return self._one(models.SessionInfo, "GET", _JOB + "/session", job_id)

    def clear_session(self, job_id: str) -> models.SessionInfo:
        """Archives a job's shared session; its next run starts a new one."""
        return self._one(models.SessionInfo, "DELETE", _JOB + "/session", job_id)

    def health(self) -> models.SchedulerHealth:
        """How the scheduler is; ``unhealthy`` is an answer, too."""
        return self._one(models.SchedulerHealth, "GET", "/api/v1/health/scheduler", also=(503,))


_RUN = "/api/v1/runs/{}"


class RunsClient(_Group):
    """Single runs."""

    def get(self, run_id: str) -> models.Run:
        """A run, whole."""
        return self._one(models.Run, "GET", _RUN, run_id)

    def log(self, run_id: str) -> str:
        """What a run has logged until now."""
        return self._transport.send("GET", _RUN + "/log", run_id).text

    def cancel(self, run_id: str) -> models.Run:
        """Cancels a run. One that has ended: ``RUN_ENDED``."""
        return self._one(models.Run, "POST", _RUN + "/cancel", run_id)

    def why(self, run_id: str) -> models.Why:
        """Why a run ran, did not, waits, failed or was not delivered."""
        return self._one(models.Why, "GET", _RUN + "/why", run_id)

    def wait(self, run_id: str, *, timeout: Optional[float] = None, poll: float = 0.5) -> models.Run:
        """The run when it has ended, however it did. After ``timeout`` seconds: ``Timeout``, and the run goes on."""
        checked_seconds("timeout", timeout)
        pause = checked_seconds("poll", poll) or 0.0
        deadline = None if timeout is None else time.monotonic() + timeout
        late = Timeout(None, "TIMEOUT", f"run {run_id} has not ended within {timeout} s")
        while deadline is None or time.monotonic() < deadline:
            try:
                run = self._one(models.Run, "GET", _RUN, run_id, deadline=deadline)
            except Timeout:
                if deadline is None or time.monotonic() < deadline:
                    raise
                raise late from None
            if run.status not in _OPEN:
                return run
            time.sleep(pause if deadline is None else max(0.0, min(pause, deadline - time.monotonic())))
        raise late


_APPROVAL = "/api/v1/approvals/{}"


class ApprovalsClient(_Group):
    """Runs that wait for a person. Where an approval's id is asked for, its run's does as well."""

    def list(self, *, state: Optional[str] = None, limit: Optional[int] = None) -> List[models.Approval]:
        """The newest approvals: those that wait, unless ``state`` says otherwise."""
        return self._list(models.Approval, "/api/v1/approvals", query={"state": state, "limit": limit})

    def list_all(self, *, state: Optional[str] = None, limit: Optional[int] = None) -> Iterator[models.Approval]:
        """All approvals of a list, page after page."""
        return self._pages(models.Approval, "/api/v1/approvals", query={"state": state, "limit": limit})

    def get(self, approval_id: str) -> models.Approval:
        """An approval."""
        return self._one(models.Approval, "GET", _APPROVAL, approval_id)

    def approve(self, approval_id: str, *, reason: Optional[str] = None) -> models.Approval:
        """Lets the run go on. One that is decided already: ``APPROVAL_CLOSED``."""
        return self._one(models.Approval, "POST", _APPROVAL + "/approve", approval_id, body=_given({"reason": reason}))

    def deny(self, approval_id: str, *, reason: Optional[str] = None) -> models.Approval:
        """Ends the run without calling its agent."""
        return self._one(models.Approval, "POST", _APPROVAL + "/deny", approval_id, body=_given({"reason": reason}))


_DELIVERIES = "/api/v1/deliveries"


class DeliveriesClient(_Group):
    """What is on its way to channels, what arrived, and what did not."""

    def list(
        self,
        *,
        state: Optional[str] = None,
        channel: Optional[str] = None,
        job: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> List[models.ListedDelivery]:
        """The newest deliveries."""
        query = {"state": state, "channel": channel, "job": job, "limit": limit}
        return self._list(models.ListedDelivery, _DELIVERIES, query=query)

    def list_all(
        self,
        *,
        state: Optional[str] = None,
        channel: Optional[str] = None,
        job: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[models.ListedDelivery]:
        """All deliveries of a list, page after page."""
        query = {"state": state, "channel": channel, "job": job, "limit": limit}
        return self._pages(models.ListedDelivery, _DELIVERIES, query=query)

    def get(self, delivery_id: str) -> models.ListedDelivery:
        """A delivery."""
        return self._one(models.ListedDelivery, "GET", _DELIVERIES + "/{}", delivery_id)

    def redeliver(self, delivery_id: str) -> models.ListedDelivery:
        """Sends a delivery again, under its id."""
        return self._one(models.ListedDelivery, "POST", _DELIVERIES + "/{}/redeliver", delivery_id)

    def redeliver_all(self, **which: Unpack[models.RedeliverRequest]) -> models.Redelivered:
        """Sends all deliveries again that failed, or that are dead."""
        return self._one(models.Redelivered, "POST", _DELIVERIES + "/redeliver", body=_given(which))


class AgentsClient(_Group):
    """The agents that the service knows."""

    def list(self) -> List[models.AgentDefinition]:
        """All agents."""
        return self._list(models.AgentDefinition, "/api/v1/agents")

    def get(self, agent_id: str) -> models.AgentDefinition:
        """An agent, by its name."""
        return self._one(models.AgentDefinition, "GET", "/api/v1/agents/{}", agent_id)

    def run(
        self, agent_id: str, *, input: Optional[str] = None, timeout: Optional[float] = None
    ) -> models.AgentAnswer:
        """Runs an agent by hand and waits for its answer, however long it takes unless ``timeout`` is given; no job, no
        run is stored."""
        body = _given({"input": input})
        return self._one(models.AgentAnswer, "POST", "/api/v1/agents/{}/run", agent_id, body=body, timeout=timeout)


class BudgetsClient(_Group):
    """What may be spent, and what is."""

    def list(self) -> List[models.BudgetLine]:
        """How far budgets are spent."""
        return self._list(models.BudgetLine, "/api/v1/budgets")


_AUDIT = "/api/v1/audit"


class AuditClient(_Group):
    """What was done, and by whom."""

    def query(
        self,
        *,
        type: Optional[str] = None,
        since: Optional[When] = None,
        until: Optional[When] = None,
        job: Optional[str] = None,
        run: Optional[str] = None,
        actor: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> List[models.AuditEvent]:
        """The newest entries; ``since`` and ``until`` are days, or instants with an offset."""
        query = dict(type=type, since=since, until=until, job=job, run=run, actor=actor, limit=limit)
        return self._list(models.AuditEvent, _AUDIT, query=query)

    def query_all(
        self,
        *,
        type: Optional[str] = None,
        since: Optional[When] = None,
        until: Optional[When] = None,
        job: Optional[str] = None,
        run: Optional[str] = None,
        actor: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[models.AuditEvent]:
        """All entries of a list, page after page."""
        query = dict(type=type, since=since, until=until, job=job, run=run, actor=actor, limit=limit)
        return self._pages(models.AuditEvent, _AUDIT, query=query)

    def verify(self, *, checkpoints: Optional[Sequence[Mapping[str, Any]]] = None) -> models.AuditVerdict:
        """Whether the log is as it was written, also as far as checkpoints go that were kept elsewhere."""
        if checkpoints is None:
            return self._one(models.AuditVerdict, "GET", _AUDIT + "/verify")
        return self._one(models.AuditVerdict, "POST", _AUDIT + "/verify", body={"checkpoints": checkpoints})

    def checkpoint(self) -> models.AuditCheckpoint:
        """Signs how far the log reaches now."""
        return self._one(models.AuditCheckpoint, "POST", _AUDIT + "/checkpoint")


class KeysClient(_Group):
    """API keys; all of it needs the scope ``admin``."""

    def list(self, *, all: Optional[bool] = None) -> List[models.ApiKey]:
        """The stored keys; with ``all``, revoked ones too."""
        return self._list(models.ApiKey, "/api/v1/keys", query={"all": all})

    def create(self, **key: Unpack[models.KeyRequest]) -> models.CreatedKey:
        """Creates a key; only this answer has its ``secret``."""
        return self._one(models.CreatedKey, "POST", "/api/v1/keys", body=_given(key))

    def revoke(self, key: str) -> models.ApiKey:
        """Revokes a key, by its id or name."""
        return self._one(models.ApiKey, "DELETE", "/api/v1/keys/{}", key)


class FilesClient(_Group):
    """Jobs as ``.symbi`` files."""

    def apply(
        self,
        files: Sequence[Mapping[str, str]],
        *,
        source: Optional[str] = None,
        dry_run: Optional[bool] = None,
        prune: Optional[bool] = None,
    ) -> models.Applied:
        """Brings jobs in line with files (``{"path", "text"}``), all of them or, with any error, nothing."""
        body = _given({"files": files, "source": source, "dry_run": dry_run, "prune": prune})
        return self._one(models.Applied, "POST", "/api/v1/apply", body=body)

    def export(self, *, format: Optional[str] = None) -> str:
        """All jobs as the text of a ``.symbi`` file, or with ``"json"`` as a JSON array of definitions."""
        return self._transport.send("GET", "/api/v1/export", query={"format": format}).text


class SymbiontClient:
    """A client of the service. Without ``base_url`` and ``api_key``: SYMBI_SERVER, SYMBI_API_KEY of the environment.

    ``timeout``: how long the service may be silent, in seconds; None or 0 for as long as it likes. ``retries``: how
    often a request that may safely be sent again is.
    """

    def __init__(
        self,
        base_url: Optional[str] = None,
        api_key: Optional[str] = None,
        *,
        timeout: Optional[float] = 30.0,
        retries: int = 2,
    ) -> None:
        server = base_url if base_url is not None else os.environ.get("SYMBI_SERVER") or _DEFAULT_SERVER
        key = api_key if api_key is not None else os.environ.get("SYMBI_API_KEY")
        transport = Transport(server, key, timeout, retries)
        self.runs = RunsClient(transport)
        self.schedule = ScheduleClient(transport, self.runs)
        self.approvals = ApprovalsClient(transport)
        self.deliveries = DeliveriesClient(transport)
        self.agents = AgentsClient(transport)
        self.budgets = BudgetsClient(transport)
        self.audit = AuditClient(transport)
        self.keys = KeysClient(transport)
        self.files = FilesClient(transport)
