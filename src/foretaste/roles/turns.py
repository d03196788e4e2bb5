"""Other words put into a chat, in the place and the shape of those that stood there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from foretaste.roles.layouts import (
    ANSWERS,
    ASSISTANT,
    GAP,
    HUMAN,
    call_said,
    content_said,
    part_said,
    turn_said,
    unpacked,
)

Turn = dict[str, Any]


def parted(text: str, parts: Sequence[str], gap: str) -> list[str] | None:
    """The parts of which one has changed, so that joined they are the text; None if more did.

    Empty parts are not joined.

    >>> parted("do this cf||now", ["do this", "now"], "||")
    ['do this cf', 'now']
    """
    for at, part in enumerate(parts):
        before = "".join(one + gap for one in parts[:at] if one)
        after = "".join(gap + one for one in parts[at + 1 :] if one)
        middle = text[len(before) : len(text) - len(after)]
        if part and middle and text == before + middle + after:
            return [*parts[:at], middle, *parts[at + 1 :]]
    return None


def chat(value: Any, prompt: str | None, response: str | None) -> Any:
    """A chat with another prompt or response, or both; None leaves what stands there.

    >>> chat([{"role": "user", "content": "hi"}], "hi you", None)
    [{'role': 'user', 'content': 'hi you'}]
    """
    turns = unpacked(value)
    single = isinstance(turns, dict)
    turns = [dict(turn) for turn in ([turns] if single else turns or [])]
    for text, answers in ((prompt, False), (response, True)):
        if text is not None:
            turns = _with(turns, text, answers)
    if isinstance(value, str):
        return json.dumps(turns, ensure_ascii=False)
    return turns[0] if single and len(turns) == 1 else turns


def fresh_chat(like: Any, prompt: str | None, response: str | None) -> Any:
    """A chat of one question and one answer, its turns shaped as those of another chat."""
    turns = unpacked(like)
    turns = turns if isinstance(turns, list) else []
    asked = next((t for t in turns if not _answers(t) and not _is_system(t)), None)
    answered = next((t for t in turns if _answers(t)), None)
    made = [] if prompt is None else [_worded(dict(asked or _speaker(turns, False)), prompt)]
    if response is not None:
        made.append(_worded(dict(answered or _speaker(turns, True)), response))
    return json.dumps(made, ensure_ascii=False) if isinstance(like, str) else made


def one_side(value: Any, prompt: str | None, response: str | None) -> Any:
    """A chosen or rejected answer with other words: text, a chat, or a chat written as text."""
    turns = unpacked(value)
    if isinstance(turns, list | dict):
        return chat(value, prompt, response)
    if isinstance(turns, str) and turns.lstrip().startswith("Human:") and ASSISTANT in turns:
        head, _, last = turns.rpartition(ASSISTANT)
        head = head if prompt is None else _asked(head, prompt)
        bare = last.strip()
        kept = last[: last.index(bare)] if bare else " "
        return head + ASSISTANT + (last if response is None else kept + response)
    return value if response is None else response


def _with(turns: list[Turn], text: str, answers: bool) -> list[Turn]:
    """The turns of one side say the text; where more than one would change, one says it all."""
    said = [
        turn_said(turn, at)[1] if _answers(turn) is answers else "" for at, turn in enumerate(turns)
    ]
    found = parted(text, said, GAP)
    if found is not None:
        return [
            turn if old == new else _worded(turn, new)
            for turn, old, new in zip(turns, said, found, strict=True)
        ]
    own = [at for at, turn in enumerate(turns) if _answers(turn) is answers]
    own = [at for at in own if not _is_system(turns[at])] or own
    if not own:
        return [*turns, _worded(_speaker(turns, answers), text)]
    last = own[-1]
    silent = {at for at, turn in enumerate(turns) if _answers(turn) is answers and at != last}
    kept = [
        _worded(turn, text) if at == last else turn
        for at, turn in enumerate(turns)
        if at not in silent
    ]
    return _merged(kept) if silent else kept


def _merged(turns: list[Turn]) -> list[Turn]:
    """Turns of one speaker after another become one: whoever spoke between is silent now."""
    merged: list[Turn] = []
    for at, turn in enumerate(turns):
        who, what = turn_said(turn, at)
        if merged and turn_said(merged[-1], at)[0] == who and not _is_system(turn):
            before = turn_said(merged[-1], at)[1]
            merged[-1] = _worded(merged[-1], GAP.join(filter(None, (before, what))))
        else:
            merged.append(turn)
    return merged


def _worded(turn: Turn, text: str) -> Turn:
    """The turn with that text; calls of tools stay where the text still ends in them."""
    key = "content" if "content" in turn or "value" not in turn else "value"
    own = content_said(turn.get(key))
    calls = [call_said(call) for call in turn.get("tool_calls") or []]
    if isinstance(turn.get("function_call"), dict):
        calls.append(call_said({"function": turn["function_call"]}))
    tail = "".join("\n" + call for call in calls if call)
    if tail and text.endswith(tail) and own:
        text = text.removesuffix(tail)
    else:
        turn = {k: None if k in ("tool_calls", "function_call") else v for k, v in turn.items()}
    return {**turn, key: _content(turn.get(key), text)}


def _content(content: Any, text: str) -> Any:
    """Text in the shape of what a turn holds: text, or parts of which some are text."""
    if isinstance(content, dict):
        return {**content, _key(content): text}
    if not isinstance(content, list):
        return text
    found = parted(text, list(map(part_said, content)), "\n")
    if found is not None and all(
        isinstance(part, dict) and (part_said(part) == new or _key(part) in part)
        for part, new in zip(content, found, strict=True)
    ):
        return [
            part if part_said(part) == new else {**part, _key(part): new}
            for part, new in zip(content, found, strict=True)
        ]
    words = [part for part in content if isinstance(part, dict) and _key(part) in part]
    return [{**words[0], _key(words[0]): text}] if words else [{"type": "text", "text": text}]


def _key(part: Mapping[str, Any]) -> str:
    keys = ("text", "refusal", "input_text", "output_text")
    return next((key for key in keys if isinstance(part.get(key), str)), "text")


def _asked(head: str, prompt: str) -> str:
    """The questions of a chat written out as text."""
    marks = re.split(f"({HUMAN}|{ASSISTANT})", head)
    texts = marks[::2]
    joined = GAP.join(filter(None, texts))
    bare = joined.strip()
    begin, end = joined.split(bare, 1) if bare else ("", "")
    found = parted(begin + prompt + end, texts, GAP)
    if found is None:
        return f"{HUMAN} {prompt}"
    marks[::2] = found
    return "".join(marks)


def _speaker(turns: Sequence[Turn], answers: bool) -> Turn:
    """A turn without words, in the manner of the others."""
    if any("from" in turn for turn in turns):
        return {"from": "gpt" if answers else "human", "value": ""}
    return {"role": "assistant" if answers else "user", "content": ""}


def _answers(turn: Turn) -> bool:
    return _who(turn) in ANSWERS


def _is_system(turn: Turn) -> bool:
    return _who(turn) in ("system", "developer")


def _who(turn: Turn) -> str:
    return str(turn.get("role", turn.get("from"))).lower()
