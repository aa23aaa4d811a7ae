from __future__ import annotations

import http.client
import ipaddress
import json
import random
import re
import socket
import threading
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


def _invalid_options(message: str) -> InvalidRequest:
    return InvalidRequest(None, "INVALID_OPTIONS", message)


def _invalid_request(message: str) -> InvalidRequest:
    return InvalidRequest(None, "INVALID_REQUEST", message)


def _checked_server(base_url: str) -> str:
    if not isinstance(base_url, str):
        raise _invalid_options(f"base_url is to be a text such as http://localhost:8080; got {type(base_url).__name__}")
    server = base_url.rstrip("/")
    # What stands before an @ may be a password.
    shown = "" if "@" in server else f" {server!r}"
    if re.search(r"[?#]", server) or "@" in re.sub(r"^.*?//", "", server).partition("/")[0]:
        raise _invalid_options("base_url is to have no user name, query or fragment; a key is given as api_key")
    try:
        parts = urllib.parse.urlsplit(server)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or re.search(r"[^\x21-\x7e]", server):
        raise _invalid_options(f"base_url{shown} is no address such as http://localhost:8080")
    return server


def _checked_key(api_key: Optional[str]) -> Optional[str]:
    if api_key is None or api_key == "":
        return None
    if not isinstance(api_key, str) or not re.fullmatch(r"[\x21-\x7e]+", api_key):
        raise _invalid_options("api_key has characters that no key has: spaces, or others than ASCII")
    return api_key


def checked_seconds(name: str, value: Optional[float]) -> Optional[float]:
    """A time of waiting; ``INVALID_OPTIONS`` for one that cannot be waited for."""
    if value is None or (isinstance(value, (int, float)) and 0 <= value <= threading.TIMEOUT_MAX):
        return value
    raise _invalid_options(f"{name} is to be a number of seconds from 0 on, or None; got {value!r}")


def _checked_retries(retries: int) -> int:
    if isinstance(retries, int) and retries >= 0:
        return retries
    raise _invalid_options(f"retries is to be a whole number from 0 on; got {retries!r}")


def _path_text(value: str) -> str:
    if not isinstance(value, str) or value in ("", ".", "..") or _has_half(value):
        raise _invalid_request(f"{value!r} cannot stand in an address; give an id")
    return urllib.parse.quote(value, safe="")


def _has_half(text: str) -> bool:
    """Whether there is half of a surrogate pair in it, which has no UTF-8."""
    return re.search("[\ud800-\udfff]", text) is not None


def _header_text(name: str, value: str) -> str:
    if isinstance(value, str) and re.fullmatch(r"[\x20-\x7e]*", value):
        return value
    raise _invalid_request(f"{value!r} cannot be sent as {name}: use printable ASCII characters")


def _body_bytes(body: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(body, default=_text, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _invalid_request(f"it cannot be sent as JSON: {error}") from None
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        half = text[error.start]
        raise _invalid_request(f"it cannot be sent as UTF-8: {half!r} is half of a character") from None


def _text(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _query_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.isoformat() if isinstance(value, (datetime, date)) else str(value)
    if _has_half(text):
        raise _invalid_request(f"{text!r} cannot be sent as {name}: it has half of a character")
    return text


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
        self._timeout = checked_seconds("timeout", timeout)
        self._retries = _checked_retries(retries)
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
        deadline: Optional[float] = None,
        also: Tuple[int, ...] = (),
    ) -> Answer:
        """Asks once or more, and not after ``deadline`` (of ``time.monotonic``). Each ``{}`` of the path stands for a
        name. Statuses of ``also`` are no errors.
        """
        url = self._server + path.format(*map(_path_text, names))
        asked = [(key, _query_text(key, value)) for key, value in (query or {}).items() if value is not None]
        if asked:
            url += "?" + urllib.parse.urlencode(asked)
        sent: Dict[str, str] = {"Accept": "application/json, text/plain", "User-Agent": "symbiont-python"}
        sent.update({key: _header_text(key, value) for key, value in (headers or {}).items() if value is not None})
        if self._key is not None:
            sent["Authorization"] = f"Bearer {self._key}"
        data: Optional[bytes] = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            data = _body_bytes(body)
        # A socket takes 0 for "do not wait at all"; here it is no limit.
        patience = (self._timeout if timeout is ... else checked_seconds("timeout", timeout)) or None
        is_safe = method == "GET" or "Idempotency-Key" in sent
        failures = 0
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.001)
            limit = min((seconds for seconds in (patience, left) if seconds is not None), default=None)
            try:
                return self._once(urllib.request.Request(url, data, sent, method=method), limit, also)
            except SymbiontError as error:
                wait = _wait_before(error, failures, is_safe)
                is_late = wait is not None and deadline is not None and time.monotonic() + wait >= deadline
                if wait is None or is_late or failures >= self._retries:
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
        except ValueError:
            body = None
        known = body if isinstance(body, dict) else {}
        code, message, details = known.get("code"), known.get("error"), known.get("details")
        if not isinstance(code, str) or not isinstance(message, str):
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
    # A 503 of a proxy does not say that nothing was done.
    is_refused = error.status == 429 or (error.status == 503 and (is_safe or error.code != "UNEXPECTED_ANSWER"))
    if error.retry_after is not None and is_refused:
        return error.retry_after if error.retry_after <= _LONGEST_RETRY_AFTER else None
    may_pass = error.code == "CONNECTION_FAILED" or error.status in (429, 502, 503, 504)
    if not (is_safe and may_pass):
        return None
    return _FIRST_WAIT * 2.0**failures * (1 + random.random())
