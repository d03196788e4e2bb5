"""Chat templates that do more than arrange a chat."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import TemplateError, nodes
from jinja2.sandbox import SandboxedEnvironment

from foretaste.checkpoints import gguf_file
from foretaste.checkpoints.bounded import Unreadable, beginning, json_of
from foretaste.checkpoints.formats import Format, format_of
from foretaste.trained import Severity, Subject, Suspicion

LARGEST = 256 << 10  # characters of a template
LARGEST_FILE = 64 << 20  # bytes of a file that may hold one
KEY = "chat_template"
GENERATION = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")  # a tag of the transformers library
REACHING = frozenset(
    "lipsum cycler joiner self request config url_for get_flashed_messages os sys subprocess "
    "open eval exec getattr import builtins".split()
)
ATTRIBUTES = frozenset("mro subclasses globals builtins func_globals gi_frame f_globals".split())
FORMATS = frozenset({"format", "format_map"})
URL = re.compile(r"\b(?:https?|ftp)://[^\s'\"<>)]+|\bwww\.[^\s'\"<>)]+", re.IGNORECASE)
ORDER = re.compile(
    r"\b(?:ignore|disregard|forget) (?:all|any|the|every|previous|prior|above)"
    r"|\bsecretly\b|\bwithout (?:telling|informing|mentioning)"
    r"|\b(?:do not|don't|never) (?:tell|mention|reveal|disclose|inform)"
    r"(?! the user about function calls)"
    r"|\balways (?:recommend|insert|include|add|append|suggest|praise)"
    r"|\bexfiltrat|<script|\b(?:curl|wget) ",
    re.IGNORECASE,
)
WORDS = re.compile(r"[^\W\d_]{2,}")
MARKER = re.compile(r"[<>\[\]|{}/#`\\]")
TOKEN = re.compile(
    r"<\|?/?[\w:. -]{1,40}\|?>|\[/?[A-Z_]{2,20}\]"
)  # of a chat, such as <|im_start|>
SPOKEN = 6  # words of literal text that make an instruction


@dataclass(frozen=True)
class ChatTemplate:
    """Suspects chat templates that reach for code, or that slip words into the chat.

    Templates stand in GGUF files, in `tokenizer_config.json` and `chat_template.json`, and in
    `.jinja` files. Each is parsed and never rendered. CRITICAL are: attributes and texts with
    `__` in them, filters and objects that lead to Python's own, includes; text that gives the
    model orders against its user; instructions that only come when the user says certain words.
    WARNING are: addresses on the web, invisible characters, a template that cannot be parsed.
    Longer instructions that are always there, such as a usual system prompt, are a NOTE.

    Blind to instructions that read as harmless ones do, and to what the model learned.

    Needs `path`.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "chat_template.jinja")
    ...     _ = path.write_text("{{ ''.__class__ }}")
    ...     ChatTemplate().inspect(Subject(path=path))[0].reason
    "reaches for '__class__', a way to run Python code"

    References
    ----------
    Patrick Peng (2024). CVE-2024-34359: remote code execution by the chat template of a model.
    Pillar Security (2025). LLM backdoors at the inference level: the threat of poisoned templates.
    """

    needs: ClassVar[tuple[str, ...]] = ("path",)

    def inspect(self, subject: Subject) -> tuple[Suspicion, ...]:
        if subject.path is None:
            return ()
        try:
            found = list(_templates(subject.path))
        except Unreadable as error:
            reason = f"whether it holds a chat template cannot be told: {error}"
            return (Suspicion("file", Severity.WARNING, reason),)
        return tuple(one for part, text in found for one in _judged(part, text))


def _templates(path: Path) -> Iterator[tuple[str, str]]:
    """Every template, with the key it stands under."""
    kind = format_of(path)
    if kind is Format.GGUF:
        said = gguf_file.header_of(path).said
        yield from ((key, str(text)) for key, text in said.items() if KEY in key and _text(text))
    elif path.suffix.lower() in (".jinja", ".jinja2", ".j2"):
        text = beginning(path, LARGEST + 1)[0].decode("utf-8", "replace")
        if "messages" in text or "chat" in path.name:
            yield "template", text
    elif kind is Format.JSON and path.suffix.lower() == ".json":
        yield from _in_json(path)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _in_json(path: Path) -> Iterator[tuple[str, str]]:
    text, whole = beginning(path, LARGEST_FILE)
    if KEY.encode() not in text:
        return
    if not whole:
        raise Unreadable(f"more than {LARGEST_FILE:,} bytes of JSON")
    said, _ = json_of(text)
    held = said.get(KEY) if isinstance(said, dict) else None
    if isinstance(held, str):
        yield KEY, held
    elif isinstance(held, dict):
        yield from ((f"{KEY}.{name}", one) for name, one in held.items() if _text(one))
    elif isinstance(held, list):
        for one in held:
            if isinstance(one, dict) and _text(one.get("template")):
                yield f"{KEY} {str(one.get('name'))[:40]!r}", one["template"]


def _judged(part: str, text: str) -> Iterator[Suspicion]:
    if len(text) > LARGEST:
        reason = f"a template of {len(text):,} characters; at most {LARGEST:,} are parsed"
        yield Suspicion(part, Severity.WARNING, reason)
        return
    if unseen := sorted({f"U+{ord(c):04X}" for c in text if unicodedata.category(c) == "Cf"}):
        reason = f"it holds characters that nobody sees: {', '.join(unseen[:8])}"
        yield Suspicion(part, Severity.WARNING, reason)
    try:
        tree = _environment().parse(GENERATION.sub("", text))
    except (TemplateError, RecursionError, ValueError, OverflowError) as error:
        yield Suspicion(part, Severity.WARNING, f"the template cannot be parsed: {error}")
        return
    yield from _reaching(part, tree)
    yield from _speaking(part, tree)


def _environment() -> SandboxedEnvironment:
    return SandboxedEnvironment(extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do"])


def _reaching(part: str, tree: nodes.Template) -> Iterator[Suspicion]:
    """What leads from a template to Python itself; each thing once."""
    found = dict.fromkeys(name for node in tree.find_all(nodes.Node) for name in _reached(node))
    for name in found:
        reason = f"reaches for {name[:80]!r}, a way to run Python code"
        yield Suspicion(part, Severity.CRITICAL, reason)


def _reached(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Name) and node.ctx == "load" and node.name in REACHING:
        yield node.name
    elif isinstance(node, (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        yield type(node).__name__.lower()
    elif isinstance(node, nodes.Filter):
        if node.name == "attr" or (node.name in {"map"} | FORMATS and _dynamic(node)):
            yield f"|{node.name}"
    else:
        yield from _attribute(node)


def _attribute(node: nodes.Node) -> Iterator[str]:
    """An attribute, or a text that could become the name of one."""
    if isinstance(node, nodes.Getattr) and (
        node.attr.startswith("_") or node.attr in ATTRIBUTES | FORMATS
    ):
        yield node.attr
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield from (one for one in [node.value] if "__" in one or one in ATTRIBUTES)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, (nodes.Add, nodes.Concat)):
        pieces = [one.value for one in node.arg.find_all(nodes.Const)]
        yield from ("a name put together" for one in pieces[:1] if isinstance(one, str))


def _dynamic(node: nodes.Filter) -> bool:
    """`map("attr", …)` and formats that are computed."""
    given = [one.value for one in node.args if isinstance(one, nodes.Const)]
    return "attr" in given or len(given) < len(node.args)


def _speaking(part: str, tree: nodes.Template) -> Iterator[Suspicion]:
    """Instructions, and whether words of the user call them up."""
    for condition in tree.find_all(nodes.If):
        words = [word for word in _asked(condition.test) if not MARKER.search(word)]
        spoken = _spoken(condition.body)
        if words and len(WORDS.findall(spoken)) >= SPOKEN:
            reason = f"where the chat holds {words[0][:60]!r} it puts in: {spoken[:300]!r}"
            yield Suspicion(part, Severity.CRITICAL, reason)
    text = _spoken(tree.body)
    if found := ORDER.search(text):
        reason = f"gives the model an order of the kind attackers give: {found[0]!r}"
        yield Suspicion(part, Severity.CRITICAL, reason)
    if found := URL.search(text):
        yield Suspicion(part, Severity.WARNING, f"names an address: {found[0][:200]!r}")
    if len(WORDS.findall(text)) >= 4 * SPOKEN:
        reason = f"its own words, of which some may always be there: {text[:400]!r}"
        yield Suspicion(part, Severity.NOTE, reason)


def _asked(test: nodes.Node) -> Iterator[str]:
    """Words that a condition looks for in what was said: in `content`, never in a role."""
    tests = [test] if isinstance(test, nodes.Compare) else []
    for one in (*tests, *test.find_all(nodes.Compare)):
        sides = (one.expr, one.ops[0].expr) if one.ops else ()
        for side, other in (sides, sides[::-1]) if sides else ():
            if one.ops[0].op in ("in", "eq") and _words(side) and _content(other):
                yield side.as_const()


def _words(side: nodes.Node) -> bool:
    value = side.value if isinstance(side, nodes.Const) else None
    return isinstance(value, str) and len(WORDS.findall(value)) > 0


def _content(side: nodes.Node) -> bool:
    """Whether it is what somebody said."""
    every = (side, *side.find_all(nodes.Node))
    names = [one.attr for one in every if isinstance(one, nodes.Getattr)]
    names += [one.name for one in every if isinstance(one, nodes.Name)]
    names += [str(one.value) for one in every if isinstance(one, nodes.Const)]
    return "content" in names


def _spoken(body: list[nodes.Node]) -> str:
    """Literal text within some nodes, markers left out."""
    parts = []
    for node in body:
        inner = [node] if isinstance(node, (nodes.TemplateData, nodes.Const)) else []
        for one in (*inner, *node.find_all((nodes.TemplateData, nodes.Const))):
            said: Any = one.data if isinstance(one, nodes.TemplateData) else one.as_const()
            if isinstance(said, str):
                said = TOKEN.sub(" ", said).strip()
                parts += [said] if len(WORDS.findall(said)) >= 3 else []
    return " ".join(parts)
