"""The web service as its users meet it: over a socket, with tokens, with hostile bodies."""

import gzip
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from foretaste.errors import BadInput
from foretaste.serving.settings import server_of
from foretaste.serving.tokens import Scope
from tests.serving.houses import LINE, row, serving

RECORDS = "/v1/gates/main/records"


@pytest.fixture
def shop(house):
    with house.client("shop") as client:
        yield client


def sent(client, content, kind="application/json", gate="main", **more):
    headers = {"Content-Type": kind}
    return client.post(f"/v1/gates/{gate}/records", content=content, headers=headers, **more)


def rulings(answer):
    assert answer.status_code == 200, answer.text
    return [one["ruling"] for one in answer.json()["decisions"]]


def test_one_record_an_array_and_lines_are_all_decided_on(shop):
    assert rulings(shop.post(RECORDS, json=row(1))) == ["admit"]
    assert rulings(shop.post(RECORDS, json=[row(2), row(3)])) == ["admit"] * 2
    lines = b"\n".join(json.dumps(row(i)).encode() for i in (4, 5, 6))
    assert rulings(sent(shop, lines, "application/x-ndjson")) == ["admit"] * 3


def test_odd_records_are_held_and_those_in_breach_rejected(shop):
    answer = shop.post(RECORDS, json=[row(7, age=500), row(8, town="Atlantis")])
    assert rulings(answer) == ["hold", "reject"]
    held, rejected = answer.json()["decisions"]
    assert held["reasons"][0]["check"] == "joint_outlier"
    assert "Atlantis" in rejected["reasons"][0]["text"]


def test_a_record_with_a_key_is_decided_on_once(shop):
    one, two = (shop.post(RECORDS, json=row(9, id="order 9")).json() for _ in range(2))
    assert one == two
    other = shop.post(RECORDS, json=[row(10, id="order 9"), row(11)])
    assert rulings(other) == ["reject", "admit"]
    assert "came before" in other.json()["decisions"][0]["reasons"][0]["text"]


def test_a_bad_line_costs_no_other(shop):
    good = json.dumps(row(12)).encode()
    lines = [good, b"{", b"\xff\xfe", b"[" * 5_000, b'{"age": NaN}', b'{"age": 1e999}', good]
    answer = sent(shop, b"\n".join(lines), "application/x-ndjson")
    assert rulings(answer) == ["admit", *["reject"] * 5, "admit"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"7", "application/json", 422),
        (b"[7]", "application/json", 422),
        (b"{", "application/json", 422),
        (b"\xff", "application/json", 422),
        (b"[" * 100_000, "application/json", 422),
        (b'{"a":' * 100_000, "application/json", 422),
        (b'{"age": NaN}', "application/json", 422),
        (b"\n\n", "application/x-ndjson", 422),
        (b"{}", "text/plain", 415),
        (b"{}", "multipart/form-data", 415),
        (b"[" + b"{}," * 6_000 + b"{}]", "application/json", 413),
        (b"{}\n" * 6_000, "application/x-ndjson", 413),
        (b" " * (9 << 20), "application/json", 413),
    ],
)
def test_bodies_that_hold_no_records_are_refused_as_a_whole(shop, body, kind, status):
    answer = sent(shop, body, kind)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_huge_numbers_are_breaches(shop):
    body = json.dumps(LINE).replace("30.5", "9" * 400).encode()
    assert rulings(sent(shop, body)) == ["reject"]


def test_packed_bodies_are_refused_unpacked(shop):
    bomb = gzip.compress(b" " * (50 << 20))
    answer = shop.post(
        RECORDS,
        content=bomb,
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    assert answer.status_code == 415


def test_a_body_without_a_length_is_cut_off_when_it_is_too_long(house):
    def endless():
        while True:
            yield b" " * (1 << 20)

    with house.client("shop") as client:
        try:
            status = sent(client, endless()).status_code
        except httpx.TransportError:  # the server hung up while more was being sent
            status = 413
    assert status == 413


def test_nobody_gets_in_without_a_token(house):
    with house.client() as nobody:
        for said in ("", "Bearer", "Bearer ft_guess", "Basic abc", b"bearer \xff"):
            answer = nobody.post(RECORDS, json=row(1), headers={"Authorization": said})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        assert nobody.get("/metrics").status_code == 401
        assert nobody.get("/healthz").json() == {"status": "ok"}
        assert nobody.get("/readyz").json() == {"status": "ok"}


def test_a_token_does_only_what_its_scopes_say(house):
    with house.client("sender") as sender:
        assert sender.post(RECORDS, json=row(13)).status_code == 200
        assert sender.get("/v1/gates/main/held").status_code == 403
        assert sender.post("/v1/gates/main/windows/close").status_code == 403
        review = {"ids": ["0" * 32], "verdict": "clean", "by": "me", "why": "so"}
        assert sender.post("/v1/gates/main/reviews", json=review).status_code == 403


def test_a_token_that_was_dropped_opens_nothing(house):
    said = house.tokens.make("brief", [Scope.READ])
    headers = {"Authorization": f"Bearer {said}"}
    with house.client() as client:
        assert client.get("/v1/gates/main/held", headers=headers).status_code == 200
        house.tokens.drop("brief")
        assert client.get("/v1/gates/main/held", headers=headers).status_code == 401


def test_tenants_see_nothing_of_each_other(house):
    with house.client("shop") as shop, house.client("bank") as bank, house.client("boss") as boss:
        one = shop.post(RECORDS, json=row(14, age=500, id="same key")).json()["decisions"][0]
        two = bank.post(RECORDS, json=row(15, age=510, id="same key")).json()["decisions"][0]
        assert one["id"] != two["id"]
        assert bank.get(f"/v1/gates/main/decisions/{one['id']}").status_code == 404
        assert shop.get(f"/v1/gates/main/decisions/{one['id']}").json() == one
        names = [o["decision"]["id"] for o in bank.get("/v1/gates/main/held").json()["held"]]
        assert two["id"] in names
        assert one["id"] not in names
        everything = boss.get("/v1/gates/main/held?limit=1000").json()["held"]
        assert {one["id"], two["id"]} <= {o["decision"]["id"] for o in everything}
        review = {"ids": [one["id"]], "verdict": "clean", "by": "eve", "why": "let me in"}
        assert bank.post("/v1/gates/main/reviews", json=review).status_code == 404
        assert bank.post("/v1/gates/main/windows/close").status_code == 403
        assert bank.get("/metrics").status_code == 403
        assert shop.post("/v1/gates/bank/records", json=row(1)).status_code == 404
        assert bank.post("/v1/gates/bank/records", json=row(1)).status_code == 200
        assert bank.post("/v1/gates/bank/windows/close").json()["records"] >= 1


def test_what_a_person_finds_is_written_down_with_who_said_so(house, shop):
    one = shop.post(RECORDS, json=row(16, age=520)).json()["decisions"][0]
    review = {"ids": [one["id"]], "verdict": "clean", "by": "ann", "why": "an old customer"}
    told = shop.post("/v1/gates/main/reviews", json=review).json()["held"][0]
    assert (told["verdict"], told["by"]) == ("clean", "ann (shop)")
    again = shop.post("/v1/gates/main/reviews", json={**review, "verdict": "poison"})
    assert again.status_code == 409


def test_windows_say_what_stands(house):
    with house.client("boss") as boss:
        boss.post("/v1/gates/main/windows/close")
        boss.post(RECORDS, json=[row(i) for i in range(100, 120)])
        window = boss.post("/v1/gates/main/windows/close").json()
        assert window["records"] == 20
        listed = boss.get(f"/v1/gates/main/windows?after={window['window'] - 1}").json()["windows"]
        assert [one["record"]["id"] for one in listed] == [window["id"]]
        assert boss.post("/v1/gates/main/windows/close").json() is None


def test_metrics_count_what_was_decided(house):
    with house.client("boss") as boss:
        boss.post(RECORDS, json=row(17))
        assert 'gate="main"' in boss.get("/metrics").text


def test_every_answer_has_security_headers(house):
    with house.client() as nobody:
        for path in ("/healthz", "/nothing", "/openapi.json", "/v1/gates/main/held"):
            headers = nobody.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers


def test_senders_at_once_get_each_their_own_decisions(house):
    def one(i):
        with house.client("shop") as client:
            return client.post(RECORDS, json=row(i, id=f"at once {i}")).json()["decisions"][0]

    with ThreadPoolExecutor(8) as many:
        told = list(many.map(one, range(40)))
    assert [decision["key"] for decision in told] == [f"at once {i}" for i in range(40)]
    assert len({decision["sequence"] for decision in told}) == 40


def test_a_slow_body_is_given_up(tmp_path, trusted):
    with serving(tmp_path, trusted, limits={"upload": 0.3}) as running:
        said = running.tokens.make("slow", list(Scope))
        host, port = running.url.removeprefix("http://").split(":")
        head = (
            f"POST {RECORDS} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {said}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        with socket.create_connection((host, int(port)), 10) as line:
            line.sendall(head.encode())
            assert line.recv(1_000).startswith(b"HTTP/1.1 408")


def test_too_much_too_fast_has_to_wait(tmp_path, trusted):
    with serving(tmp_path, trusted, limits={"rate": 5}) as running:
        running.said["fast"] = running.tokens.make("fast", list(Scope))
        with running.client("fast") as client:
            many = json.dumps([row(1)] * 5).replace("},", "} ,")
            answers = [sent(client, many) for _ in range(5)]
        last = answers[-1]
        assert last.status_code == 429
        assert int(last.headers["retry-after"]) >= 1


def test_what_is_not_decided_in_time_is_not_let_in(tmp_path, trusted):
    with serving(tmp_path, trusted, limits={"seconds": 0.2, "waiting": 2}) as running:
        running.said["one"] = running.tokens.make("one", list(Scope))
        house = _house(running)
        gate = house.lanes["main"].keeper.gate
        usual = type(gate).__call__
        busy = lambda self, batch: (time.sleep(0.5), usual(self, batch))[1]  # noqa: E731
        with running.client("one") as client, pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(gate), "__call__", busy)
            answer = client.post(RECORDS, json=row(1))
        assert answer.status_code == 504
        assert "not admitted" in answer.json()["detail"]


def test_a_full_queue_says_so(tmp_path, trusted):
    with serving(tmp_path, trusted, limits={"waiting": 1, "seconds": 20}) as running:
        running.said["one"] = running.tokens.make("one", list(Scope))
        gate = _house(running).lanes["main"].keeper.gate
        usual = type(gate).__call__
        busy = lambda self, batch: (time.sleep(0.5), usual(self, batch))[1]  # noqa: E731

        def one(i):
            with running.client("one") as client:
                return client.post(RECORDS, json=row(i))

        with ThreadPoolExecutor(6) as many, pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(gate), "__call__", busy)
            answers = list(many.map(one, range(6)))
        statuses = {answer.status_code for answer in answers}
        assert statuses == {200, 503}
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert refused.headers["retry-after"]


def test_a_gate_that_fails_lets_nothing_in_and_goes_on_afterwards(tmp_path, trusted):
    with serving(tmp_path, trusted) as running:
        running.said["one"] = running.tokens.make("one", list(Scope))
        keeper = _house(running).lanes["main"].keeper
        with running.client("one") as client:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(type(keeper.gate), "__call__", lambda *_: 1 / 0)
                assert client.post(RECORDS, json=row(1)).status_code == 500
            answer = client.post(RECORDS, json=row(1)).json()["decisions"][0]
            assert answer["sequence"] == 0


def test_without_tokens_only_this_machine_is_served_and_only_by_its_name(tmp_path, trusted):
    with serving(tmp_path, trusted, tokens=False) as running, running.client() as client:
        assert client.post(RECORDS, json=row(1)).status_code == 200
        there = client.post(RECORDS, json=row(1), headers={"Host": "evil.example"})
        assert there.status_code == 421
        form = client.post(RECORDS, content=b"{}", headers={"Content-Type": "text/plain"})
        assert form.status_code == 415  # what a form on a web page can send without being asked


def test_a_server_without_tokens_does_not_listen_to_others():
    gates = {"main": {"trusted": "clean.csv", "store": "gate"}}
    with pytest.raises(BadInput, match="without tokens"):
        server_of({"gates": gates, "host": "0.0.0.0"})
    assert server_of({"gates": gates, "host": "0.0.0.0", "tokens": "t.json"}).tokens


def test_a_server_goes_on_where_it_was(tmp_path, trusted):
    for expected in (0, 1):
        with serving(tmp_path, trusted, tokens=False) as running, running.client() as client:
            told = client.post(RECORDS, json=row(expected)).json()["decisions"][0]
            assert told["sequence"] == expected


def _house(running):
    return running.server.config.app.state.house
