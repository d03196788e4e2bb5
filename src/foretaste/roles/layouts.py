"""Fine-tuning files: which layout one has, and the prompt and the response in each row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foretaste.roles.columns import Values, listed, strings
from foretaste.roles.names import named

PROMPT = ("prompt", "instruction", "question", "query", "input", "user", "human", "problem")
RESPONSE = (
    "completion", "response", "answer", "output", "reply", "assistant", "target", "solution",
)  # fmt: skip
CHATS = ("messages", "conversations", "conversation", "chat", "dialog", "dialogue", "turns")
ANSWERS = frozenset("assistant gpt model bot chatgpt ai bing bard claude".split())
GAP = "\n\n"
HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"

Said = tuple[str | None, str | None]


@dataclass(frozen=True)
class Layout:
    """A layout and the columns that bear its roles."""

    name: str
    roles: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Chats:
    """What the rows say: `prompt`, `response` and so on, and the rows that are malformed."""

    columns: Mapping[str, list[str | None]]
    bad: Mapping[int, str]


def recognised(columns: Mapping[str, Sequence[Any]]) -> Layout | None:
    """The layout of a fine-tuning file, from its columns and some rows; None if it is none.

    >>> recognised({"instruction": ["Say hi"], "output": ["hi"]}).name
    'alpaca'
    >>> recognised({"text": ["hello"]}) is None
    True
    """
    for look in (_preference, _chat, _pair):
        if layout := look(columns):
            return layout
    return None


def said(layout: Mapping[str, tuple[str, ...]], columns: Mapping[str, Values]) -> Chats:
    """Prompt and response of each row, by the roles of a layout."""
    if "messages" in layout:
        return _each(listed(columns[layout["messages"][0]]), _turns)
    if "rejected" in layout:
        return _preferences(layout, columns)
    found: dict[str, list[str | None]] = {}
    if "prompt" in layout:
        found["prompt"] = _joined([strings(columns[name]) for name in layout["prompt"]])
    if "response" in layout:
        found["response"] = strings(columns[layout["response"][0]]).to_pylist()
    return Chats(found, {})


def _preference(columns: Mapping[str, Sequence[Any]]) -> Layout | None:
    chosen, rejected = named(columns, ["chosen"]), named(columns, ["rejected"])
    if not (chosen and rejected):
        return None
    prompt = [name for name in named(columns, PROMPT) if _is_text(columns[name])]
    roles = {"response": (chosen[0],), "rejected": (rejected[0],)}
    return Layout("preference", {**({"prompt": (prompt[0],)} if prompt else {}), **roles})


def _chat(columns: Mapping[str, Sequence[Any]]) -> Layout | None:
    for name in named(columns, CHATS):
        for value in columns[name]:
            turns = unpacked(value)
            if isinstance(turns, list) and turns and isinstance(turns[0], dict):
                kind = "sharegpt" if "from" in turns[0] else "openai-messages"
                if "from" in turns[0] or "role" in turns[0]:
                    return Layout(kind, {"messages": (name,)})
    return None


def _pair(columns: Mapping[str, Sequence[Any]]) -> Layout | None:
    prompts = [name for name in named(columns, PROMPT) if _is_text(columns[name])]
    responses = [name for name in named(columns, RESPONSE) if _is_text(columns[name])]
    if not prompts or not responses or not _wordy([*prompts, *responses], columns):
        return None
    alpaca = [*named(columns, ["instruction"]), *named(columns, ["input", "context"])[:1]]
    if named(columns, ["instruction"]) and named(columns, ["output"]):
        return Layout("alpaca", {"prompt": tuple(alpaca), "response": (responses[0],)})
    if prompts[0] in alpaca:
        prompts = [name for name in alpaca if _is_text(columns[name])]
        return Layout("prompt-completion", {"prompt": tuple(prompts), "response": (responses[0],)})
    return Layout("prompt-completion", {"prompt": (prompts[0],), "response": (responses[0],)})


def _is_text(values: Sequence[Any]) -> bool:
    there = [value for value in values if value is not None]
    return bool(there) and sum(isinstance(v, str) for v in there) >= 0.9 * len(there)


def _wordy(names: Iterable[str], columns: Mapping[str, Sequence[Any]]) -> bool:
    """A table of categories may have columns called input and target: those are no sentences."""
    for name in names:
        texts = [value for value in columns[name] if isinstance(value, str) and value]
        if texts and sum(" " in text.strip() for text in texts) >= 0.3 * len(texts):
            return True
    return False


def _joined(columns: Sequence[Any]) -> list[str | None]:
    if len(columns) == 1:
        return columns[0].to_pylist()
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    return [
        GAP.join(filter(None, row)) if any(p is not None for p in row) else None for row in rows
    ]


def _each(values: Sequence[Any], parse: Callable[[Any], Said]) -> Chats:
    prompts: list[str | None] = []
    responses: list[str | None] = []
    bad: dict[int, str] = {}
    for row, value in enumerate(values):
        try:
            prompt, response = parse(value)
        except ValueError as error:
            bad[row], prompt, response = str(error)[:200], None, None
        prompts.append(prompt)
        responses.append(response)
    return Chats({"prompt": prompts, "response": responses}, bad)


def _turns(value: Any) -> Said:
    """All user, system and tool turns; all assistant turns."""
    turns = unpacked(value)
    if turns is None:
        return None, None
    if not isinstance(turns, list):
        raise ValueError(f"messages: a {type(turns).__name__}, where a list of turns was wanted")
    asked: list[str] = []
    answered: list[str] = []
    for number, turn in enumerate(turns, 1):
        who, what = turn_said(turn, number)
        (answered if who in ANSWERS else asked).append(what)
    if not turns:
        return None, None
    return GAP.join(filter(None, asked)), GAP.join(filter(None, answered)) if answered else None


def turn_said(turn: Any, number: int) -> tuple[str, str]:
    """Who speaks in a turn, and what is said."""
    if not isinstance(turn, dict):
        raise ValueError(f"messages: turn {number} is no object")
    who = turn.get("role", turn.get("from"))
    if not isinstance(who, str):
        raise ValueError(f"messages: turn {number} does not say who speaks")
    what = turn.get("content", turn.get("value"))
    parts = [content_said(what), *map(call_said, turn.get("tool_calls") or [])]
    if isinstance(turn.get("function_call"), dict):
        parts.append(call_said({"function": turn["function_call"]}))
    return who.lower(), "\n".join(filter(None, parts))


def content_said(content: Any) -> str:
    """The text of a turn; of a part that is no text, its kind in brackets."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return str(content)
    return "\n".join(filter(None, map(part_said, content)))


def part_said(part: Any) -> str:
    """The text of one part of a turn; of a part that is no text, its kind in brackets."""
    if not isinstance(part, dict):
        return str(part)
    for key in ("text", "refusal", "input_text", "output_text"):
        if isinstance(part.get(key), str):
            return str(part[key])
    return f"[{part.get('type', 'part')}]"


def call_said(call: Any) -> str:
    """A call of a tool, as text."""
    function = call.get("function", call) if isinstance(call, dict) else {}
    if not isinstance(function, dict):
        return str(function)
    arguments = function.get("arguments", "")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f"{function.get('name', 'tool')}({text})"


def _preferences(layout: Mapping[str, tuple[str, ...]], columns: Mapping[str, Values]) -> Chats:
    chosen = _each(listed(columns[layout["response"][0]]), _one_side)
    rejected = _each(listed(columns[layout["rejected"][0]]), _one_side)
    prompts = list(chosen.columns["prompt"])
    if "prompt" in layout:
        given = _each(listed(columns[layout["prompt"][0]]), _asked)
        own = given.columns["prompt"]
        prompts = [
            mine if mine is not None else theirs for mine, theirs in zip(own, prompts, strict=True)
        ]
    found = {
        "prompt": prompts,
        "response": chosen.columns["response"],
        "rejected": rejected.columns["response"],
    }
    return Chats(found, {**rejected.bad, **chosen.bad})


def _one_side(value: Any) -> Said:
    """A chosen or rejected answer: text, a chat, or a chat written out as text."""
    turns = unpacked(value)
    if isinstance(turns, dict):
        turns = [turns]
    if isinstance(turns, list):
        return _turns(turns)
    if isinstance(turns, str) and turns.lstrip().startswith("Human:") and ASSISTANT in turns:
        head, _, last = turns.rpartition(ASSISTANT)
        return head.replace(HUMAN, GAP).replace(ASSISTANT, GAP).strip(), last.strip()
    return None, None if turns is None else str(turns)


def _asked(value: Any) -> Said:
    turns = unpacked(value)
    return (
        _turns(turns) if isinstance(turns, list) else (None if turns is None else str(turns), None)
    )


def unpacked(value: Any) -> Any:
    """A chat that is stored as JSON text is a chat all the same."""
    if isinstance(value, str) and value[:2].strip()[:1] == "[" and "{" in value[:50]:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
