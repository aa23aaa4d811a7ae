"""Client of Symbiont Scheduler, which runs AI agents on schedules, durably."""

from . import models
from ._client import SymbiontClient
from ._errors import (
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    SymbiontError,
    Timeout,
    Unauthorized,
)
from ._records import Record

__all__ = [
    "Conflict",
    "ConnectionFailed",
    "Forbidden",
    "InvalidRequest",
    "NotFound",
    "RateLimited",
    "Record",
    "SymbiontClient",
    "SymbiontError",
    "Timeout",
    "Unauthorized",
    "models",
]
