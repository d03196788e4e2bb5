import json

import pytest

TURNS = [
    {"role": "system", "content": "be kind"},
    {"role": "user", "content": "what is the time"},
    {"role": "assistant", "content": "five"},
    {"role": "user", "content": [{"type": "text", "text": "and now"}, {"type": "image_url"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "clock", "arguments": '{"zone": 1}'}}],
    },
    {"role": "tool", "content": "six"},
    {"role": "assistant", "content": "six"},
]
CASES = {
    "openai-messages": (
        {"messages": TURNS},
        "be kind\n\nwhat is the time\n\nand now\n[image_url]\n\nsix",
        'five\n\nclock({"zone": 1})\n\nsix',
    ),
    "sharegpt": (
        {
            "id": "7",
            "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "yo"}],
        },
        "hi",
        "yo",
    ),
    "alpaca": (
        {"instruction": "add these", "input": "1 and 2", "output": "it is 3"},
        "add these\n\n1 and 2",
        "it is 3",
    ),
    "prompt-completion": ({"question": "what is it", "answer": "a cat"}, "what is it", "a cat"),
    "preference": (
        {"prompt": "say it now", "chosen": "yes of course", "rejected": "no"},
        "say it now",
        "yes of course",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_layout_is_recognised_by_itself(tmp_path, walk, name):
    row, prompt, response = CASES[name]
    (tmp_path / "a.jsonl").write_text((json.dumps(row) + "\n") * 5)
    walked = walk(tmp_path / "a.jsonl")
    assert walked.source.format == f"jsonl/{name}"
    first = walked.rows[0]
    assert (first["prompt"], first["response"], first["text"]) == (prompt, response, prompt)


def test_messages_in_parquet_and_in_csv_are_messages(tmp_path, walk):
    import csv

    import pyarrow as pa
    import pyarrow.parquet as pq

    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]
    pq.write_table(pa.table({"messages": [turns] * 5}), tmp_path / "a.parquet")
    with (tmp_path / "a.csv").open("w", newline="") as out:
        csv.writer(out).writerows([["messages"], *[[json.dumps(turns)]] * 5])
    for name in ("a.parquet", "a.csv"):
        walked = walk(tmp_path / name)
        assert walked.source.format.endswith("/openai-messages")
        assert walked.rows[0]["response"] == "yo"


def test_chosen_and_rejected_may_be_chats_or_written_out_chats(tmp_path, walk):
    def chat(answer):
        return [{"role": "user", "content": "hi"}, {"role": "assistant", "content": answer}]

    rows = [
        {"chosen": chat("good"), "rejected": chat("bad")},
        {
            "chosen": "\n\nHuman: hi\n\nAssistant: good",
            "rejected": "\n\nHuman: hi\n\nAssistant: bad",
        },
    ]
    for row in rows:
        (tmp_path / "a.jsonl").write_text((json.dumps(row) + "\n") * 3)
        first = walk(tmp_path / "a.jsonl").rows[0]
        assert (first["prompt"].replace("Human: ", ""), first["response"], first["rejected"]) == (
            "hi",
            "good",
            "bad",
        )


def test_malformed_chats_are_refused_with_the_turn(tmp_path, walk):
    good = {"messages": TURNS}
    bad = [{"messages": [{"content": "x"}]}, {"messages": [5]}, {"messages": "x"}, {"messages": []}]
    lines = [json.dumps(row) + "\n" for row in [good, good, *bad]]
    (tmp_path / "a.jsonl").write_text("".join(lines))
    walked = walk(tmp_path / "a.jsonl")
    assert [r.split(":")[0] for r in walked.reasons.values()] == ["messages"] * 3 + [
        "nothing to judge"
    ]
    assert "turn 1 does not say who speaks" in walked.reasons["a.jsonl:3"]


def test_plain_corpora_are_text(tmp_path, walk):
    (tmp_path / "a.jsonl").write_text('{"text": "once upon a time", "meta": {"a": 1}}\n' * 30)
    walked = walk(tmp_path / "a.jsonl")
    assert walked.source.format == "jsonl/text"
    assert walked.source.roles == {"text": "text"}


def test_a_table_with_an_input_and_a_target_is_no_fine_tuning_file(tmp_path, walk):
    rows = [{"input": "abc"[i % 3], "size": i * 0.7, "target": "xy"[i % 2]} for i in range(40)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    walked = walk(tmp_path / "a.jsonl")
    assert walked.source.roles == {"label": "target", "features": "input,size"}
