from __future__ import annotations

from typing import Any, Dict, List, Optional, Type


class SymbiontError(Exception):
    """Any failure of a call. ``code`` is for programs: the service's own (``JOB_NOT_FOUND``), or one of this client:
    ``CONNECTION_FAILED``, ``TIMEOUT``, ``REDIRECTED``, ``UNEXPECTED_ANSWER``, ``INVALID_REQUEST``, ``INVALID_OPTIONS``.
    """

    status: Optional[int]
    """The HTTP status; None when there was no answer."""
    code: str
    message: str
    details: List[Dict[str, Any]]
    """What was wrong with the request, place by place: ``{"path", "message"}``."""
    retry_after: Optional[float]
    """In how many seconds to ask again, where the service says so."""

    def __init__(
        self,
        status: Optional[int],
        code: str,
        message: str,
        details: Optional[List[Dict[str, Any]]] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(status, code, message, details, retry_after)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or []
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message


class InvalidRequest(SymbiontError):
    """400: the request says something that cannot be; ``details`` names each place."""


class Unauthorized(SymbiontError):
    """401: an API key is needed, or this one is not known."""


class Forbidden(SymbiontError):
    """403: the key has not the scope."""


class NotFound(SymbiontError):
    """404: no such job, run, approval, delivery, agent or key."""


class Conflict(SymbiontError):
    """409: it cannot be done in the present state. 412: the job changed since the version that was given."""


class RateLimited(SymbiontError):
    """429: too much in too short a time; see ``retry_after``."""


class ConnectionFailed(SymbiontError):
    """No service answers, or the connection broke."""


class Timeout(SymbiontError):
    """No answer in time."""


_classes: Dict[int, Type[SymbiontError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    429: RateLimited,
}


def class_of(status: int) -> Type[SymbiontError]:
    return _classes.get(status, SymbiontError)
