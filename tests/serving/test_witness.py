"""A witness over a socket: as the specification says, and as a log meets it."""

import threading
import time
from contextlib import contextmanager

import httpx
import pytest

from foretaste.ledger.cosigning import ask, enough, posting, published
from foretaste.ledger.keys import LOG, SigningKey
from foretaste.ledger.policy import NONE, Group, Log, Policy
from foretaste.ledger.policy import Witness as Named
from foretaste.ledger.reader import Reader
from foretaste.ledger.refusals import Forked, RolledBack, TooFewWitnesses, WitnessRefused
from foretaste.ledger.witness import Witness
from foretaste.ledger.witness_wire import AddCheckpoint
from foretaste.ledger.writer import Writer
from foretaste.serving.tokens import Scope, Tokens
from foretaste.serving.witness import WitnessSettings, witness_server
from tests.ledger.trees import KEY, LATER, NORTH, SOUTH, STRANGER, Tree
from tests.serving.houses import free_port

TREE = Tree(12)


@contextmanager
def running(witness, **more):
    settings = WitnessSettings(port=free_port(), **more)
    server = witness_server(witness, settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{settings.port}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def clock():
    return [1_000.0]


@pytest.fixture
def witness(tmp_path, clock):
    made = Witness.new(tmp_path / "north" / "witness.db", [NORTH, LATER], lambda: clock[0])
    made.trust(KEY.verifier)
    return made


@pytest.fixture
def url(witness):
    with running(witness) as url:
        yield url


def sent(url, content, **headers):
    return httpx.post(f"{url}/add-checkpoint", content=content, headers=headers, timeout=30)


def test_a_log_that_grows_is_signed(url):
    answer = sent(url, TREE.request(0, 5))
    assert answer.status_code == 200
    first, second = answer.text.splitlines()
    assert first.startswith("— north.example ")
    assert second.startswith("— later.example ")
    assert sent(url, TREE.request(5, 12)).status_code == 200


def test_another_size_is_told_as_the_specification_says(url):
    sent(url, TREE.request(0, 5))
    answer = sent(url, TREE.request(0, 12))
    assert (answer.status_code, answer.content) == (409, b"5\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"garbage", 400),
        (TREE.request(0, 5) + b"more", 400),
        (TREE.request(9, 5), 400),
        (Tree(5, SigningKey("example.com/other", LOG, b"o" * 32)).request(0), 404),
        (Tree(5, STRANGER).request(0), 403),
        (Tree(5, fork=1).request(5), 409),
        (Tree(9, fork=1).request(5), 422),
        (AddCheckpoint(5, (), TREE.note(9).content).content, 422),
        (b"x" * (2 << 20), 413),
    ],
)
def test_what_is_not_signed_has_its_status(url, content, status):
    sent(url, TREE.request(0, 5))
    answer = sent(url, content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert sent(url, TREE.request(5, 12)).status_code == 200


def test_a_wrong_signature_by_the_log_is_403(url):
    wrong = TREE.note(5).having([KEY.sign(TREE.checkpoint(6).text)])
    assert sent(url, AddCheckpoint(0, (), wrong.content).content).status_code == 403


def test_a_clock_that_fell_behind_and_a_state_that_is_gone_are_told(url, witness, clock):
    sent(url, TREE.request(0, 5))
    clock[0] = 0.0
    answer = sent(url, TREE.request(5, 6))
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    witness.state.path.unlink()
    assert sent(url, TREE.request(5, 6)).status_code == 503


def test_it_is_called_by_its_name_and_shows_nothing_else(url):
    assert sent(url, TREE.request(0, 5), Host="elsewhere.example").status_code == 421
    assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{url}/add-checkpoint").status_code == 405
    for path in ("/", "/docs", "/openapi.json"):
        assert httpx.get(url + path).status_code == 404


def test_tokens_keep_others_out_if_there_are_any(witness, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    log, reader = tokens.make("log", [Scope.SUBMIT]), tokens.make("reader", [Scope.READ])
    with running(witness, tokens=tokens.path) as url:
        content = TREE.request(0, 5)
        assert sent(url, content).status_code == 401
        assert sent(url, content, Authorization=f"Bearer {reader}").status_code == 403
        assert sent(url, content, Authorization=f"Bearer {log}").status_code == 200
        named = policy_of(north=url)
        answer = posting({url: log})(url, TREE.request(5, 6))
        assert answer.status == 200
        with Writer(tmp_path / "log", KEY) as writer:
            writer.append(TREE.entries[:8])
        asked = ask(Reader(tmp_path / "log", [KEY.verifier]), named)
        assert "401" in str(asked.refused["north"])


def policy_of(quorum=NONE, **urls):
    keys = {"north": NORTH, "south": SOUTH}
    named = tuple(Named(name, keys[name].verifier, url) for name, url in urls.items())
    groups = (Group("all", len(named), tuple(urls)),)
    return Policy(quorum, (Log(KEY.verifier),), named, groups)


def test_a_log_gets_its_checkpoint_signed_and_publishes_it(url, tmp_path):
    policy = policy_of("all", north=url)
    for entries in (TREE.entries[:1], TREE.entries[1:7], TREE.entries[7:]):
        with Writer(tmp_path / "log", KEY) as writer:
            writer.append(entries)
        reader = Reader(tmp_path / "log", [KEY.verifier])
        with pytest.raises(TooFewWitnesses):
            policy.check(reader.note().content)
        asked = ask(reader, policy)
        assert not asked.refused
        with Writer(tmp_path / "log", KEY) as writer:
            assert published(writer, asked)
        assert policy.check((tmp_path / "log" / "checkpoint").read_bytes()) == reader.checkpoint()
        assert enough(ask(reader, policy), policy) == reader.checkpoint()  # asking again is fine


def test_what_grew_while_witnesses_were_asked_is_not_published_over(url, tmp_path):
    with Writer(tmp_path / "log", KEY) as writer:
        writer.append(TREE.entries[:5])
        asked = ask(Reader(tmp_path / "log", [KEY.verifier]), policy_of(north=url))
        writer.append(TREE.entries[5:])
        assert not published(writer, asked)
    assert Reader(tmp_path / "log", [KEY.verifier]).checkpoint().size == 12


def grown(folder, entries):
    with Writer(folder, KEY) as writer:
        writer.append(entries)
    return Reader(folder, [KEY.verifier])


def test_a_folder_that_was_put_back_is_found_out(url, tmp_path):
    policy = policy_of(north=url)
    ask(grown(tmp_path / "log", TREE.entries), policy)
    with pytest.raises(RolledBack, match="12 entries"):
        ask(grown(tmp_path / "older", TREE.entries[:5]), policy)


def test_a_folder_that_was_put_back_and_written_on_is_found_out(url, tmp_path, witness):
    policy = policy_of(north=url)
    ask(grown(tmp_path / "log", TREE.entries), policy)
    other = Tree(20, fork=7).entries
    for size in (12, 20):
        with pytest.raises(Forked):
            ask(grown(tmp_path / str(size), other[:size]), policy)
    assert [one.why for one in witness.state.evidence()] == ["two roots", "not grown"]


def test_a_witness_that_is_away_is_named_and_the_others_are_asked(url, tmp_path):
    policy = policy_of("all", south=f"http://127.0.0.1:{free_port()}", north=url)
    asked = ask(grown(tmp_path / "log", TREE.entries), policy)
    assert list(asked.refused) == ["south"]
    assert isinstance(asked.refused["south"], WitnessRefused)
    assert [one.name for one in asked.given] == ["north.example"]
    with pytest.raises(TooFewWitnesses, match=r"south: .*cannot be asked"):
        enough(asked, policy)


def test_what_is_no_address_of_the_web_is_not_asked():
    post = posting()
    for url in ("ftp://example.com", "file:///etc/passwd", "http://127.0.0.1:1", "http://[", "x"):
        with pytest.raises(WitnessRefused):
            post(url, b"")
