from __future__ import annotations

import http.client
import ipaddress
import json
import random
import re
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import date, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any, Dict, Mapping, Optional, Tuple

from ._errors import ConnectionFailed, InvalidRequest, SymbiontError, Timeout, class_of

_LONGEST_RETRY_AFTER = 60.0
_FIRST_WAIT = 0.2


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key must not go elsewhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_server(base_url: str) -> str:
    server = base_url.rstrip("/")
    parts = urllib.parse.urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[^\x21-\x7e]", server):
        raise InvalidRequest(
            None, "INVALID_OPTIONS", f"base_url {base_url!r} is no address such as http://localhost:8080"
        )
    return server


def _checked_key(api_key: Optional[str]) -> Optional[str]:
    if not api_key:
        return None
    if not re.fullmatch(r"[\x21-\x7e]+", api_key):
        raise InvalidRequest(
            None, "INVALID_OPTIONS", "api_key has characters that no key has: spaces, or others than ASCII"
        )
    return api_key


def _path_text(value: str) -> str:
    if value in ("", ".", ".."):
        raise InvalidRequest(None, "INVALID_REQUEST", f"{value!r} cannot stand in an address; give an id")
    return urllib.parse.quote(value, safe="")


def _text(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _query_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, (datetime, date)) else str(value)


def _retry_after(value: Optional[str]) -> Optional[float]:
    if value is None:
        return None
    if re.fullmatch(r"\s*\d+\s*", value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


class Answer:
    """An answer that is no error: its text, and the cursor of the next page, if there is one."""

    def __init__(self, server: str, status: int, headers: Message, text: str) -> None:
        self._server = server
        self._status = status
        self._headers = headers
        self.text = text

    def json(self) -> Any:
        try:
            return json.loads(self.text)
        except ValueError:
            raise _unexpected(self._server, self._status) from None

    def next_cursor(self) -> Optional[str]:
        found = re.fullmatch(r'<([^>]+)>; rel="next"', self._headers.get("link") or "")
        if found is None:
            return None
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(found.group(1)).query)
        return query.get("cursor", [None])[0]


def _unexpected(server: str, status: int, retry_after: Optional[float] = None) -> SymbiontError:
    message = f"what answers at {server} is not a Symbiont Scheduler (HTTP {status}); check base_url"
    return class_of(status)(status, "UNEXPECTED_ANSWER", message, None, retry_after)


class Transport:
    """Sends requests to one service, and sends them again where that is safe."""

    def __init__(self, base_url: str, api_key: Optional[str], timeout: Optional[float], retries: int) -> None:
        self._server = _checked_server(base_url)
        self._key = _checked_key(api_key)
        self._timeout = timeout
        self._retries = retries
        host = urllib.parse.urlsplit(self._server).hostname or ""
        # A proxy of the environment cannot reach this machine's own loopback, and is not to see its keys.
        proxies = [urllib.request.ProxyHandler({})] if _is_loopback(host) else []
        self._opener = urllib.request.build_opener(_NoRedirects(), *proxies)

    def send(
        self,
        method: str,
        path: str,
        *names: str,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Mapping[str, Any]] = None,
        headers: Optional[Mapping[str, Optional[str]]] = None,
        timeout: Any = ...,
        also: Tuple[int, ...] = (),
    ) -> Answer:
        """Asks once or more. Each ``{}`` of the path stands for a name. Statuses of ``also`` are no errors."""
        url = self._server + path.format(*map(_path_text, names))
        asked = [(key, _query_text(value)) for key, value in (query or {}).items() if value is not None]
        if asked:
            url += "?" + urllib.parse.urlencode(asked)
        sent: Dict[str, str] = {"Accept": "application/json, text/plain", "User-Agent": "symbiont-python"}
        sent.update({key: value for key, value in (headers or {}).items() if value is not None})
        if self._key is not None:
            sent["Authorization"] = f"Bearer {self._key}"
        data: Optional[bytes] = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            try:
                data = json.dumps(body, default=_text, allow_nan=False).encode()
            except (TypeError, ValueError) as error:
                raise InvalidRequest(None, "INVALID_REQUEST", f"it cannot be sent as JSON: {error}") from None
        patience = self._timeout if timeout is ... else timeout
        is_safe = method == "GET" or "Idempotency-Key" in sent
        failures = 0
        while True:
            try:
                return self._once(urllib.request.Request(url, data, sent, method=method), patience, also)
            except SymbiontError as error:
                wait = _wait_before(error, failures, is_safe)
                if wait is None or failures >= self._retries:
                    raise
                failures += 1
                time.sleep(wait)

    def _once(self, request: urllib.request.Request, timeout: Optional[float], also: Tuple[int, ...]) -> Answer:
        try:
            try:
                with self._opener.open(request, timeout=timeout) as response:
                    text = response.read().decode("utf-8", "replace")
                    return Answer(self._server, response.status, response.headers, text)
            except urllib.error.HTTPError as answer:
                with answer:
                    text = answer.read().decode("utf-8", "replace")
                if answer.code in also:
                    return Answer(self._server, answer.code, answer.headers, text)
                raise self._error(answer.code, answer.headers, text) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._no_answer(error, timeout) from error

    def _error(self, status: int, headers: Message, text: str) -> SymbiontError:
        retry_after = _retry_after(headers.get("retry-after"))
        if 300 <= status < 400:
            target = headers.get("location") or "elsewhere"
            message = f"{self._server} redirects to {target}; set base_url to where the service is"
            return SymbiontError(status, "REDIRECTED", message)
        try:
            body = json.loads(text)
            code, message, details = body["code"], body["error"], body.get("details")
        except (ValueError, TypeError, KeyError, AttributeError):
            return _unexpected(self._server, status, retry_after)
        return class_of(status)(status, code, message, details if isinstance(details, list) else [], retry_after)

    def _no_answer(self, error: BaseException, timeout: Optional[float]) -> SymbiontError:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        # Before Python 3.10 it is a class of its own.
        if isinstance(reason, (socket.timeout, TimeoutError)):
            message = f"the service at {self._server} did not answer within {timeout} s"
            return Timeout(None, "TIMEOUT", message)
        message = f"no service answers at {self._server} ({reason}); start one with `symbi up`, or check base_url"
        return ConnectionFailed(None, "CONNECTION_FAILED", message)


def _wait_before(error: SymbiontError, failures: int, is_safe: bool) -> Optional[float]:
    """In how many seconds to send a request again, if at all."""
    if error.retry_after is not None and error.status in (429, 503):
        return error.retry_after if error.retry_after <= _LONGEST_RETRY_AFTER else None
    may_pass = error.code == "CONNECTION_FAILED" or error.status in (429, 502, 503, 504)
    if not (is_safe and may_pass):
        return None
    return _FIRST_WAIT * 2.0**failures * (1 + random.random())
