"""The client against a service that says what a test wants. Run with: python3 -m unittest discover sdk/python/tests"""

from __future__ import annotations

import copy
import json
import os
import pickle
import socket
import threading
import unittest
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional, Tuple
from unittest import mock

from symbiont import (
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    Record,
    SymbiontClient,
    SymbiontError,
    Timeout,
    Unauthorized,
    models,
)

Answer = Callable[[BaseHTTPRequestHandler], None]


def say(status: int, text: str, headers: Optional[Dict[str, str]] = None) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("content-length", str(len(text.encode())))
        request.end_headers()
        request.wfile.write(text.encode())

    return answer


def send(body: Any, status: int = 200, headers: Optional[Dict[str, str]] = None) -> Answer:
    return say(status, json.dumps(body), headers)


def fail(status: int, code: str, headers: Optional[Dict[str, str]] = None) -> Answer:
    details = [{"path": "name", "message": "wrong"}]
    return send({"error": f"it is {code}", "code": code, "details": details}, status, headers)


def lose(request: BaseHTTPRequestHandler) -> None:
    request.connection.shutdown(socket.SHUT_RDWR)


class Service:
    """Gives these answers in turn, and the last one for ever after; keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.asked: List[Tuple[str, str, Dict[str, str], Any]] = []
        self.sizes: List[int] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                sent = self.rfile.read(length)
                body = json.loads(sent) if length else None
                headers = {name.lower(): value for name, value in self.headers.items()}
                service.asked.append((self.command, self.path, headers, body))
                service.sizes.append(len(sent))
                answers[min(len(service.asked), len(answers)) - 1](self)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def client(self, **options: Any) -> SymbiontClient:
        return SymbiontClient(self.url, **options)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class ClientTest(unittest.TestCase):
    def setUp(self) -> None:
        for name in ("SYMBI_API_KEY", "SYMBI_SERVER"):
            patch = mock.patch.dict(os.environ)
            patch.start()
            self.addCleanup(patch.stop)
            os.environ.pop(name, None)

    def service(self, *answers: Answer) -> Service:
        service = Service(*answers)
        self.addCleanup(service.close)
        return service


class Requests(ClientTest):
    def test_carry_key_query_and_body(self) -> None:
        service = self.service(send([]), send({"id": "job_1", "warnings": []}, 201))
        client = service.client(api_key="secret")
        client.schedule.list(agent_id="a b&c", status=None, limit=5)
        client.schedule.create(
            name="x", agent_id="a", cron_expr=None, webhook_headers={"camelCase": "1"}, at=datetime(2026, 2, 15, 9, 30)
        )
        (method, path, headers, _), (_, _, created, body) = service.asked
        self.assertEqual((method, path), ("GET", "/api/v1/schedule?agent_id=a+b%26c&limit=5"))
        self.assertEqual(headers["authorization"], "Bearer secret")
        self.assertEqual(created["content-type"], "application/json")
        self.assertEqual(
            body, {"name": "x", "agent_id": "a", "webhook_headers": {"camelCase": "1"}, "at": "2026-02-15T09:30:00"}
        )

    def test_say_null_where_an_update_clears(self) -> None:
        service = self.service(send({}))
        service.client().schedule.update("x", if_version=3, description=None, cron_expr="0 * * * *")
        method, path, headers, body = service.asked[0]
        self.assertEqual((method, path, headers["if-match"]), ("PUT", "/api/v1/schedule/x", '"3"'))
        self.assertEqual(body, {"description": None, "cron_expr": "0 * * * *"})

    def test_know_words_that_python_keeps(self) -> None:
        service = self.service(send({"from": "a", "to": "b", "runs": []}))
        answer = service.client().schedule.backfill("x", from_=datetime(2026, 2, 15, tzinfo=timezone.utc), dry_run=True)
        self.assertEqual(service.asked[0][3], {"from": "2026-02-15T00:00:00+00:00", "dry_run": True})
        self.assertEqual(answer.from_, "a")

    def test_quote_names(self) -> None:
        service = self.service(send({}))
        service.client().schedule.get("a/b?c ü")
        self.assertEqual(service.asked[0][1], "/api/v1/schedule/a%2Fb%3Fc%20%C3%BC")
        for name in ("", ".", ".."):
            with self.assertRaises(InvalidRequest):
                service.client().schedule.delete(name)

    def test_take_server_and_key_from_the_environment(self) -> None:
        service = self.service(send([]))
        os.environ.update(SYMBI_SERVER=service.url, SYMBI_API_KEY="from-environment")
        SymbiontClient().schedule.list()
        SymbiontClient(api_key="").schedule.list()
        self.assertEqual(service.asked[0][2]["authorization"], "Bearer from-environment")
        self.assertNotIn("authorization", service.asked[1][2])

    def test_go_through_no_proxy_to_the_own_machine(self) -> None:
        service, proxy = self.service(send([])), self.service(fail(502, "PROXY"))
        os.environ.update(http_proxy=proxy.url, HTTP_PROXY=proxy.url)
        os.environ.pop("no_proxy", None)
        self.assertEqual(service.client().schedule.list(), [])
        self.assertEqual(proxy.asked, [])
        remote = SymbiontClient("http://symbiont.test", retries=0)
        with self.assertRaises(SymbiontError):
            remote.schedule.list()
        self.assertEqual(len(proxy.asked), 1)

    def test_are_refused_when_they_cannot_be_sent(self) -> None:
        service = self.service(send({}))
        for value in (object(), float("nan")):
            with self.assertRaises(InvalidRequest) as caught:
                service.client().schedule.update("x", max_retries=value)
            self.assertEqual(caught.exception.code, "INVALID_REQUEST")
        self.assertEqual(service.asked, [])

    def test_are_refused_when_a_header_or_an_address_cannot_hold_them(self) -> None:
        service = self.service(send({}))
        schedule = service.client().schedule
        for key in ("\u65e5\u672c", "\u00e9", "a\nb", "a\x00", "\ud800"):
            with self.subTest(key=key), self.assertRaises(InvalidRequest) as caught:
                schedule.run_now("x", idempotency_key=key)
            self.assertEqual(caught.exception.code, "INVALID_REQUEST")
            self.assertIn(f"{key!r} cannot be sent as Idempotency-Key", str(caught.exception))
        with self.assertRaisesRegex(InvalidRequest, "cannot be sent as If-Match"):
            schedule.update("x", if_version="1\r\nX: y")  # type: ignore[arg-type]
        names: List[Any] = [5, None, "\ud800", b"x"]
        for name in names:
            with self.subTest(name=name), self.assertRaises(InvalidRequest) as caught:
                schedule.get(name)
            self.assertEqual(str(caught.exception), f"{name!r} cannot stand in an address; give an id")
        with self.assertRaisesRegex(InvalidRequest, "cannot be sent as agent_id"):
            schedule.list(agent_id="\ud800")
        with self.assertRaisesRegex(InvalidRequest, "cannot be sent as UTF-8: .* is half of a character"):
            schedule.update("x", input="a\udc00")
        self.assertEqual(service.asked, [])

    def test_are_utf_8_and_no_longer_than_that(self) -> None:
        service = self.service(send({}))
        text = "\u65e5\u672c\U0001f600" * 100
        service.client().schedule.update("x", input=text)
        self.assertEqual(service.asked[0][3], {"input": text})
        self.assertEqual(service.sizes, [len(text.encode()) + len('{"input": ""}')])

    def test_options_that_cannot_be_are_refused_and_no_error_tells_the_key(self) -> None:
        wrong: List[Dict[str, Any]] = [
            {"base_url": "localhost:8080"},
            {"base_url": ""},
            {"base_url": "ftp://x"},
            {"base_url": "http://a\r\nX: y"},
            {"base_url": "http://[::1"},
            {"base_url": "http://a:99999"},
            {"base_url": 5},
            {"base_url": "http://me:secret@symbiont.test"},
            {"base_url": "http://secret@symbiont.test"},
            {"base_url": "me:secret@symbiont.test"},
            {"base_url": "http://me:se/secret@symbiont.test"},
            {"base_url": "http://symbiont.test/?key=secret"},
            {"base_url": "http://symbiont.test#secret"},
            {"api_key": 5},
            {"timeout": -1},
            {"timeout": float("nan")},
            {"timeout": float("inf")},
            {"timeout": "30"},
            {"retries": -1},
            {"retries": "2"},
            {"api_key": "top secret"},
            {"api_key": "s\u00e9cret"},
            {"api_key": "secret\n"},
        ]
        for options in wrong:
            with self.subTest(options=options), self.assertRaises(SymbiontError) as caught:
                SymbiontClient(**{"base_url": "http://localhost", **options})
            self.assertEqual(caught.exception.code, "INVALID_OPTIONS")
            self.assertNotIn("secret", repr(caught.exception))


class Answers(ClientTest):
    def test_are_records_that_know_what_may_be_missing(self) -> None:
        job = {"id": "job_1", "next_run": None, "policy": {"allowed_hours": {"start": "00:00", "end": "01:00"}}}
        answer = self.service(send(job)).client().schedule.get("job_1")
        self.assertIsInstance(answer, models.Job)
        self.assertEqual(answer, job)
        self.assertEqual((answer.id, answer["id"], answer.next_run, answer.description), ("job_1", "job_1", None, None))
        assert answer.policy is not None and answer.policy.allowed_hours is not None
        self.assertEqual((answer.policy.allowed_hours.start, answer.policy.max_runtime), ("00:00", None))
        with self.assertRaisesRegex(AttributeError, "Job has no 'nextrun'"):
            answer.nextrun
        self.assertEqual(copy.deepcopy(answer), answer)
        self.assertEqual(type(pickle.loads(pickle.dumps(answer))), models.Job)
        self.assertEqual(json.loads(json.dumps(answer)), job)
        self.assertIn("Job({'id': 'job_1'", repr(answer))

    def test_keep_what_only_a_newer_service_knows(self) -> None:
        newer = {"id": "job_1", "status": "hibernating", "moods": [{"calm": True}]}
        answer = self.service(send(newer)).client().schedule.get("job_1")
        self.assertEqual((answer.status, answer.moods[0].calm), ("hibernating", True))
        self.assertIsInstance(answer.moods[0], Record)

    def test_lead_from_page_to_page(self) -> None:
        link = '</api/v1/schedule/x/history?limit=1&cursor=c%2B1>; rel="next"'
        service = self.service(send([{"id": "run_1"}], 200, {"Link": link}), send([{"id": "run_2"}]))
        runs = service.client().schedule.get_all_history("x", status="failed", limit=1)
        self.assertEqual([run.id for run in runs], ["run_1", "run_2"])
        self.assertEqual(
            [path for _, path, _, _ in service.asked],
            [
                "/api/v1/schedule/x/history?status=failed&limit=1",
                "/api/v1/schedule/x/history?status=failed&limit=1&cursor=c%2B1",
            ],
        )

    def test_of_health_are_answers_also_with_503(self) -> None:
        service = self.service(send({"status": "unhealthy", "active_jobs": 0, "in_flight_jobs": 0}, 503))
        self.assertEqual(service.client().schedule.health().status, "unhealthy")
        self.assertEqual(len(service.asked), 1)

    def test_that_are_texts(self) -> None:
        client = self.service(say(200, "one\ntwo ü\n")).client()
        self.assertEqual(client.runs.log("run_1"), "one\ntwo ü\n")
        self.assertEqual(client.files.export(format="json"), "one\ntwo ü\n")


class Errors(ClientTest):
    def test_have_a_class_for_each_status(self) -> None:
        classes = {
            400: InvalidRequest,
            401: Unauthorized,
            403: Forbidden,
            404: NotFound,
            409: Conflict,
            412: Conflict,
            429: RateLimited,
            500: SymbiontError,
            507: SymbiontError,
        }
        for status, expected in classes.items():
            with self.subTest(status=status), self.assertRaises(SymbiontError) as caught:
                self.service(fail(status, "SOME_CODE")).client(retries=0).schedule.get("x")
            error = caught.exception
            self.assertIs(type(error), expected)
            self.assertEqual((error.status, error.code, str(error)), (status, "SOME_CODE", "it is SOME_CODE"))
            self.assertEqual(error.details, [{"path": "name", "message": "wrong"}])
            self.assertEqual(pickle.loads(pickle.dumps(error)).code, "SOME_CODE")

    def test_name_what_is_not_the_service(self) -> None:
        for status in (200, 404, 500):
            service = self.service(say(status, "<h1>nginx</h1>"))
            with self.subTest(status=status), self.assertRaises(SymbiontError) as caught:
                service.client().schedule.get("x")
            self.assertEqual((caught.exception.code, caught.exception.status), ("UNEXPECTED_ANSWER", status))
            self.assertEqual(
                str(caught.exception),
                f"what answers at {service.url} is not a Symbiont Scheduler (HTTP {status}); check base_url",
            )

    def test_tell_of_redirects_which_are_not_followed(self) -> None:
        elsewhere = self.service(send([]))
        for status in (301, 302, 303, 307, 308):
            service = self.service(say(status, "", {"Location": elsewhere.url + "/api"}))
            with self.subTest(status=status), self.assertRaises(SymbiontError) as caught:
                service.client(api_key="secret").schedule.list()
            self.assertEqual((caught.exception.code, caught.exception.status), ("REDIRECTED", status))
            self.assertIn(elsewhere.url, str(caught.exception))
        self.assertEqual(elsewhere.asked, [])

    def test_say_that_nobody_listens(self) -> None:
        service = Service(send([]))
        service.close()
        with self.assertRaises(ConnectionFailed) as caught:
            service.client(retries=0).schedule.list()
        self.assertEqual((caught.exception.code, caught.exception.status), ("CONNECTION_FAILED", None))
        self.assertIn(f"no service answers at {service.url} (", str(caught.exception))
        self.assertIn("start one with `symbi up`", str(caught.exception))

    def test_say_that_an_answer_does_not_come(self) -> None:
        release = threading.Event()
        self.addCleanup(release.set)
        service = self.service(lambda _: void(release.wait(20)))
        with self.assertRaises(Timeout) as caught:
            service.client(timeout=0.2).schedule.list()
        self.assertEqual((caught.exception.code, caught.exception.status), ("TIMEOUT", None))
        self.assertIn("did not answer within 0.2 s", str(caught.exception))
        with self.assertRaises(Timeout):
            service.client().agents.run("x", timeout=0.1)
        self.assertEqual(len(service.asked), 2)


    def test_of_time_are_not_told_without_a_limit(self) -> None:
        service = self.service(send([]))
        self.assertEqual(service.client(timeout=0).schedule.list(), [])
        self.assertEqual(service.client(timeout=None).schedule.list(), [])
        self.assertEqual(service.client(timeout=threading.TIMEOUT_MAX).schedule.list(), [])
        with self.assertRaisesRegex(InvalidRequest, "timeout is to be a number of seconds"):
            service.client().agents.run("x", timeout=-1)


def void(_: Any) -> None:
    return None


class Retries(ClientTest):
    soon = {"Retry-After": "0"}

    def setUp(self) -> None:
        super().setUp()
        patch = mock.patch("time.sleep")
        self.sleep = patch.start()
        self.addCleanup(patch.stop)

    def test_read_again_when_a_failure_may_pass(self) -> None:
        for passing in (lose, fail(503, "BUSY"), fail(429, "RATE_LIMITED", self.soon), fail(502, "X"), fail(504, "X")):
            service = self.service(passing, passing, send([]))
            self.assertEqual(service.client().schedule.list(), [])
            self.assertEqual(len(service.asked), 3)
            once = self.service(passing, send([]))
            with self.assertRaises(SymbiontError):
                once.client(retries=0).schedule.list()
            self.assertEqual(len(once.asked), 1)

    def test_do_not_ask_again_for_the_same_answer(self) -> None:
        for status in (400, 401, 403, 404, 409, 500, 507):
            service = self.service(fail(status, "X"))
            with self.assertRaises(SymbiontError):
                service.client().schedule.list()
            self.assertEqual(len(service.asked), 1)

    def test_run_again_only_under_an_idempotency_key(self) -> None:
        keyed = self.service(lose, send({"id": "run_1"}, 202))
        self.assertEqual(keyed.client().schedule.run_now("x", input="i", idempotency_key="k").id, "run_1")
        self.assertEqual([headers["idempotency-key"] for _, _, headers, _ in keyed.asked], ["k", "k"])
        bare = self.service(lose, send({"id": "run_1"}, 202))
        with self.assertRaises(ConnectionFailed):
            bare.client().schedule.run_now("x")
        self.assertEqual(len(bare.asked), 1)

    def test_do_nothing_twice_that_may_have_been_done(self) -> None:
        calls: List[Callable[[SymbiontClient], Any]] = [
            lambda client: client.schedule.create(name="x", agent_id="a"),
            lambda client: client.schedule.update("x"),
            lambda client: client.schedule.delete("x"),
            lambda client: client.schedule.pause("x"),
            lambda client: client.agents.run("x"),
        ]
        for call in calls:
            for answer in (lose, fail(503, "SHUTTING_DOWN"), fail(429, "RATE_LIMITED")):
                service = self.service(answer, send({}))
                with self.assertRaises(SymbiontError):
                    call(service.client())
                self.assertEqual(len(service.asked), 1)

    def test_do_it_when_the_service_itself_says_that_nothing_was_done(self) -> None:
        for text in ("<h1>busy</h1>", '{"error": "busy", "code": 503}', "[]"):
            proxy = say(503, text, self.soon)
            bare = self.service(proxy, send({"id": "job_1"}))
            with self.subTest(text=text), self.assertRaises(SymbiontError) as caught:
                bare.client().schedule.pause("x")
            self.assertEqual((caught.exception.code, len(bare.asked)), ("UNEXPECTED_ANSWER", 1))
            self.assertEqual(self.service(proxy, send([])).client().schedule.list(), [])
        limited = self.service(say(429, "slow down", self.soon), send({"id": "job_1"}))
        self.assertEqual(limited.client().schedule.pause("x").id, "job_1")

    def test_wait_as_long_as_the_service_says_up_to_a_minute(self) -> None:
        for status in (429, 503):
            service = self.service(fail(status, "RATE_LIMITED", {"Retry-After": "7"}), send({"id": "job_1"}))
            self.assertEqual(service.client().schedule.pause("x").id, "job_1")
            self.assertEqual(self.sleep.call_args, mock.call(7.0))
        service = self.service(fail(429, "RATE_LIMITED", {"Retry-After": "61"}))
        with self.assertRaises(RateLimited) as caught:
            service.client().schedule.list()
        self.assertEqual((caught.exception.retry_after, len(service.asked)), (61.0, 1))


class Waiting(ClientTest):
    def test_is_until_the_run_has_ended(self) -> None:
        states = [send({"id": "run_1", "status": status}) for status in ("pending", "awaiting_approval", "running")]
        service = self.service(*states, send({"id": "run_1", "status": "timed_out"}))
        self.assertEqual(service.client().runs.wait("run_1", poll=0.001).status, "timed_out")
        self.assertEqual(len(service.asked), 4)

    def test_can_end_before(self) -> None:
        service = self.service(send({"id": "run_1", "status": "running"}))
        with self.assertRaises(Timeout) as caught:
            service.client().schedule.run_now("x", wait=True, wait_timeout=0)
        self.assertEqual(str(caught.exception), "run run_1 has not ended within 0 s")

    def test_for_no_time_at_all_starts_no_run(self) -> None:
        service = self.service(send({"id": "run_1", "status": "running"}))
        with self.assertRaisesRegex(InvalidRequest, "wait_timeout is to be a number of seconds"):
            service.client().schedule.run_now("x", wait=True, wait_timeout=-1)
        self.assertEqual(service.asked, [])

    def test_ends_in_time_also_when_the_service_is_silent_or_busy(self) -> None:
        release = threading.Event()
        self.addCleanup(release.set)
        silent = self.service(lambda _: void(release.wait(20)))
        with self.assertRaises(Timeout) as caught:
            silent.client().runs.wait("run_1", timeout=0.2)
        self.assertEqual(str(caught.exception), "run run_1 has not ended within 0.2 s")
        busy = self.service(fail(503, "BUSY", {"Retry-After": "50"}))
        with self.assertRaises(SymbiontError) as refused:
            busy.client().runs.wait("run_1", timeout=5)
        self.assertEqual((refused.exception.code, len(busy.asked)), ("BUSY", 1))


if __name__ == "__main__":
    unittest.main()
