"""`foretaste gate` and `foretaste serve` as people use them."""

import csv
import io
import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from foretaste.cli.app import app
from foretaste.errors import BadInput
from foretaste.gate.form import Form
from foretaste.serving.tokens import Scope, Tokens

CHECKS = ("--checks", "contract,joint_outlier", "--window", "50", "--alpha", "0.001", "-q")


def rows(n, seed=0, **more):
    rng = np.random.default_rng(seed)
    return [
        {
            "age": round(float(rng.normal(40, 9)), 3),
            "fee": round(float(rng.normal(5, 1)), 3),
            "town": ["Oslo", "Lima", "Hue"][i % 3],
            "label": "ab"[i % 2],
            **more,
        }
        for i in range(n)
    ]


def as_csv(some):
    out = io.StringIO()
    writer = csv.DictWriter(out, some[0])
    writer.writeheader()
    writer.writerows(some)
    return out.getvalue()


def as_lines(some):
    return "".join(json.dumps(row) + "\n" for row in some)


def said(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def clean(tmp_path):
    path = tmp_path / "clean.csv"
    path.write_text(as_csv(rows(400)))
    return path


@pytest.fixture
def stream(tmp_path):
    """120 honest records, one far out, one in breach, one that is broken."""
    path = tmp_path / "stream.jsonl"
    odd = rows(1, 5, age=300.0) + rows(1, 6, town="Atlantis")
    path.write_text(as_lines(rows(60, 1) + odd) + "{broken\n" + as_lines(rows(60, 2)))
    return path


def run(*words, input=None):
    answer = CliRunner().invoke(app, ["gate", *map(str, words)], input=input)
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer


def sifted(tmp_path, clean, stream, *more, name="one", input=None):
    outs = {kind: tmp_path / f"{name}-{kind}.jsonl" for kind in ("out", "held", "rejected")}
    words = [word for kind, path in outs.items() for word in (f"--{kind}", path)]
    answer = run("run", "--trusted", clean, "--in", stream, *words, *CHECKS, *more, input=input)
    return answer, *map(said, outs.values())


def test_a_stream_is_sorted_into_what_may_be_learned_from_and_what_not(tmp_path, clean, stream):
    answer, admitted, held, rejected = sifted(tmp_path, clean, stream)
    assert answer.exit_code == 1
    assert admitted == rows(60, 1) + rows(60, 2)
    assert [one["record"]["age"] for one in held] == [300.0]
    assert held[0]["reasons"][0]["check"] == "joint_outlier"
    told = [one["reasons"][0]["text"] for one in rejected]
    assert "Atlantis" in told[0]
    assert "JSON" in told[1]
    assert "123 records, 3 windows" in answer.stdout


def test_an_honest_stream_gives_exit_code_0(tmp_path, clean):
    path = tmp_path / "honest.jsonl"
    path.write_text(as_lines(rows(60, 1)))
    answer, admitted, held, rejected = sifted(tmp_path, clean, path)
    assert (answer.exit_code, len(admitted), held, rejected) == (0, 60, [], [])


@pytest.mark.parametrize("form", [as_lines, as_csv])
def test_standard_input_is_read_as_lines_of_json_or_as_csv(tmp_path, clean, form):
    text = form(rows(60, 1))
    answer, admitted, *_ = sifted(tmp_path, clean, "-", input=text)
    assert answer.exit_code == 0
    assert [float(one["age"]) for one in admitted] == [one["age"] for one in rows(60, 1)]


def test_a_bad_line_of_csv_costs_no_other(tmp_path, clean):
    lines = as_csv(rows(10, 1)).splitlines()
    lines[3:3] = ['"never closed,1,Oslo,a', "1,2", "1,2,3,4,5,6,7"]
    _, admitted, held, rejected = sifted(tmp_path, clean, "-", input="\n".join(lines))
    assert (len(admitted), len(held), len(rejected)) == (10, 0, 3)


def test_a_stored_stream_given_again_is_not_decided_again(tmp_path, clean, stream):
    first = sifted(tmp_path, clean, stream, "--store", tmp_path / "gate")
    again = sifted(tmp_path, clean, stream, "--store", tmp_path / "gate", name="two")
    assert first[1:] == again[1:]
    told = run("replay", tmp_path / "gate")
    assert told.exit_code == 0
    assert "123 decisions and 3 windows came out the same" in told.stdout


def test_an_interrupted_stream_goes_on_where_it_was(tmp_path, clean, stream):
    whole = sifted(tmp_path, clean, stream, "--store", tmp_path / "whole")
    lines = stream.read_text().splitlines(keepends=True)
    stream.write_text("".join(lines[:70]))
    from foretaste.gate.keeper import Keeper

    with pytest.MonkeyPatch.context() as patch:  # the process dies before it ends its window
        patch.setattr(Keeper, "close_window", lambda *_: None)
        sifted(tmp_path, clean, stream, "--store", tmp_path / "cut", name="cut")
    stream.write_text("".join(lines))
    went_on = sifted(tmp_path, clean, stream, "--store", tmp_path / "cut", name="cut")
    assert went_on[1:2] == whole[1:2]
    assert [one["record"] for one in went_on[2]] == [one["record"] for one in whole[2]]


def test_held_records_wait_for_a_person(tmp_path, clean, stream):
    store = tmp_path / "gate"
    *_, held, _ = sifted(tmp_path, clean, stream, "--store", store)
    clean.unlink()  # the gate knows its own trusted rows
    shown = json.loads(run("held", store, "--json").stdout)
    assert shown["decision"]["id"] == held[0]["decision"]
    assert held[0]["decision"] in run("held", store).stdout
    with pytest.raises(BadInput, match="a name"):
        run("review", store, held[0]["decision"], "--clean", "--by", " ", "--why", "so")
    run("review", store, held[0]["decision"], "--clean", "--by", "ann", "--why", "known")
    assert "0 shown" in run("held", store).stdout
    assert json.loads(run("held", store, "--verdict", "clean", "--json").stdout)["by"] == "ann"
    assert run("replay", store).exit_code == 0
    assert "no record has come" in run("close", store).stdout


def test_a_contract_is_printed_to_be_edited(tmp_path, clean, stream):
    path = tmp_path / "form.yaml"
    path.write_text(run("contract", clean).stdout)
    form = Form.read(path)
    assert form.fields["town"].among == ("Hue", "Lima", "Oslo")
    edited = yaml.safe_load(path.read_text())
    edited["fields"]["town"]["among"].append("Atlantis")
    path.write_text(yaml.safe_dump(edited))
    *_, rejected = sifted(tmp_path, clean, stream, "--contract", path)
    assert len(rejected) == 1


def test_a_gate_may_get_another_contract_but_no_other_labels(tmp_path, clean, stream):
    store, path = tmp_path / "gate", tmp_path / "form.yaml"
    *_, before = sifted(tmp_path, clean, stream, "--store", store)
    said = yaml.safe_load(run("contract", clean).stdout)
    said["fields"]["town"]["among"].append("Atlantis")
    path.write_text(yaml.safe_dump(said))
    other = tmp_path / "later.jsonl"
    other.write_text(as_lines(rows(3, 9, town="Atlantis")))
    *_, after = sifted(tmp_path, clean, other, "--store", store, "--contract", path)
    assert (len(before), len(after)) == (2, 0)
    path.write_text(yaml.safe_dump({**said, "classes": ["a", "b", "c"]}))
    with pytest.raises(BadInput, match="other classes"):
        sifted(tmp_path, clean, other, "--store", store, "--contract", path)


def test_settings_may_come_from_a_file(tmp_path, clean, stream):
    config = tmp_path / "foretaste.toml"
    config.write_text(
        '[gate]\ntrusted = "clean.csv"\nwindow = 50\nchecks = ["contract"]\nalpha = 0.001\n'
    )
    answer = run("run", "--config", config, "--in", stream, "-q", "--fail-on", "never")
    assert answer.exit_code == 0
    assert "rejected" in answer.stdout
    config.write_text("[gate]\ntrusted = 5\n")
    with pytest.raises(BadInput, match="settings of a gate"):
        run("run", "--config", config)


def test_what_is_missing_is_said(tmp_path, clean):
    with pytest.raises(BadInput, match="which are trusted"):
        run("run", "--in", clean)
    with pytest.raises(BadInput, match="holds no gate"):
        run("held", tmp_path / "nowhere")
    with pytest.raises(BadInput, match="holds no gate"):
        run("close", tmp_path / "nowhere")


def test_checks_are_listed_with_what_they_cannot_see():
    told = run("checks").stdout
    assert "joint_outlier" in told
    assert "blind to" in told


def test_a_token_is_told_once(tmp_path):
    path = tmp_path / "tokens.json"
    words = ["serve", "--tokens", str(path), "--new-token", "shop", "--scope", "submit"]
    answer = CliRunner().invoke(app, [*words, "--scope", "read", "--tenant", "acme"])
    token = Tokens(path).who(answer.stdout.strip())
    assert (token.tenant, token.scopes) == ("acme", (Scope.SUBMIT, Scope.READ))
    CliRunner().invoke(app, ["serve", "--tokens", str(path), "--drop-token", "shop"])
    assert Tokens(path).known() == ()


def test_a_server_open_to_others_needs_tokens(tmp_path, clean):
    words = ["serve", "--trusted", str(clean), "--store", str(tmp_path / "g"), "--host", "0.0.0.0"]
    answer = CliRunner().invoke(app, words)
    assert isinstance(answer.exception, BadInput)
    assert "without tokens" in str(answer.exception)
