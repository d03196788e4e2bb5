"""The words of a Croissant description, each meaning what the standard says it means.

A description is JSON-LD: its `@context` may give any word any meaning. Two programs could so read
two different data sets out of one file, one with a lawful checksum. Here every word that decides
what is read must mean what the standard says, nothing else may mean the same, and no key may come
twice.

References
----------
MLCommons (2025). Croissant Format Specification 1.1. http://mlcommons.org/croissant/1.1
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from foretaste.errors import UnreadableInput, UnsafeInput

LARGEST = 64 << 20  # bytes of a description
SCHEMA, CROISSANT, TERMS = "schema.org/", "mlcommons.org/croissant/", "purl.org/dc/terms/"
PREFIXES = {"sc": SCHEMA, "cr": CROISSANT, "dct": TERMS}
_OF_CROISSANT = (
    "annotation arrayShape citeAs column containedIn data dataType equivalentProperty examples "
    "excludes extract field fileObject fileProperty fileSet format includes isArray isLiveDataset "
    "jsonPath key md5 parentField path recordSet references regex readLines repeated replace "
    "samplingRate sdVersion separator source subField transform unArchive value"
).split()
_OF_SCHEMA = (
    "contentSize contentUrl creator datePublished description distribution encodingFormat "
    "license name sha256 url version"
).split()
MEANING = {
    **dict.fromkeys(_OF_CROISSANT, CROISSANT),
    **dict.fromkeys(_OF_SCHEMA, SCHEMA),
    "conformsTo": TERMS,
}
_DECIDING = (
    "column containedIn contentUrl distribution encodingFormat excludes extract field fileObject "
    "fileProperty fileSet includes jsonPath md5 recordSet regex sha256 source subField transform"
).split()  # of these the values are taken as they stand
_OF_FILES = frozenset(_DECIDING)
_IN_CONTEXT = {"@language", "@vocab", "@base", "@version"}
_IN_WORDS = {"@id", "@type", "@container", "@language"}
_IN_NODES = {"@id", "@type", "@value", "@language"}
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    **{word: f"cr:{word}" for word in _OF_CROISSANT},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
}


def description_of(content: bytes, shown: str) -> dict[str, Any]:
    """The description in a file, every key of the standard's without its prefix.

    shown: what the file is called in messages
    Raises `UnreadableInput` for what is no Croissant, `UnsafeInput` for words that are bent.
    """
    if len(content) > LARGEST:
        raise UnsafeInput(f"{shown}: a description of more than {LARGEST:,} bytes is not read")
    try:
        said = json.loads(content, object_pairs_hook=_once)
        if not isinstance(said, dict):
            raise ValueError(f"a JSON {type(said).__name__}, where an object was wanted")
        context = said.pop("@context", None)
        prefixes = _checked(context)
        plain: dict[str, Any] = _plain(said, prefixes)
        _apart(plain, str(_words(context).get("@base") or ""))
    except UnsafeInput as error:
        raise UnsafeInput(f"{shown}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableInput(f"{shown} is no Croissant description: {error}") from error
    plain["@context"] = {**_others(context), **CONTEXT}
    return plain


def claimed(first: bytes) -> bool:
    """Whether a file that begins like this may be a description.

    >>> claimed(b'{"conformsTo": "http://mlcommons.org/croissant/1.1"}'), claimed(b"[1]")
    (True, False)
    """
    return first.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and CROISSANT.encode() in first


def bare(value: str) -> str:
    """A type or word without where it comes from.

    >>> bare("http://mlcommons.org/croissant/FileSet"), bare("sc:ImageObject")
    ('FileSet', 'ImageObject')
    """
    return value.rpartition("/")[2].rpartition(":")[2]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UnsafeInput(f"the key {key[:80]!r} comes twice in one object")
        found[key] = value
    return found


def _checked(context: Any) -> dict[str, str]:
    """What each word may stand before a colon for. Raises `UnsafeInput` where one is bent."""
    words = _words(context)
    told = {word: meaning for word, meaning in words.items() if isinstance(meaning, str)}
    prefixes = PREFIXES | {word: _schemeless(iri) for word, iri in told.items()}
    for _ in PREFIXES:  # words made of words made of words
        prefixes = PREFIXES | {word: _whole(iri, prefixes) for word, iri in told.items()}
    for word, meaning in words.items():
        iri = meaning.get("@id", word) if isinstance(meaning, Mapping) else meaning
        if not _proper(word, meaning) or (word in MEANING and not isinstance(iri, str)):
            raise UnsafeInput(f"{word[:80]!r} is told as {str(meaning)[:80]!r}")
        if word == "@vocab" and _schemeless(str(iri)) != SCHEMA:
            raise UnsafeInput(f"its words are those of {str(iri)[:80]!r}, not of schema.org")
        if word in PREFIXES and _schemeless(str(meaning)) != PREFIXES[word]:
            raise UnsafeInput(f"{word}: means {str(meaning)[:80]!r} there, not {PREFIXES[word]!r}")
        if not word.startswith("@") and word not in PREFIXES:
            whole = _whole(str(iri), prefixes)
            _check(word, whole)
            if word not in MEANING and (meaning is not iri or whole not in PREFIXES.values()):
                _no_beginning(word, whole)
    return prefixes


def _proper(word: str, meaning: Any) -> bool:
    """Whether a word is told by what may tell it."""
    if word.startswith("@"):
        return word in _IN_CONTEXT and not isinstance(meaning, dict | list)
    told = set(meaning) if isinstance(meaning, dict) else set()
    return told <= ({"@id"} if word in _DECIDING else _IN_WORDS)


def _check(word: str, iri: str) -> None:
    """That a word of the standard means what it should, and another word nothing of the kind."""
    home, name = next(
        ((home, iri.removeprefix(home)) for home in PREFIXES.values() if iri.startswith(home)),
        ("", iri),
    )
    if word in MEANING and (home, name) not in ((MEANING[word], word), ("", word)):
        raise UnsafeInput(f"{word!r} means {iri[:80]!r} there, not {MEANING[word]}{word}")
    if word not in MEANING and name in MEANING and home in ("", MEANING[name]):
        raise UnsafeInput(f"{word[:80]!r} is made to mean {name!r}, which has a word already")
    if name.startswith("@"):
        raise UnsafeInput(f"{word[:80]!r} is made to mean {name[:20]!r}")


def _no_beginning(word: str, iri: str) -> None:
    """That a word is not half of another; programs differ in whether it may stand before a colon.

    Raises `UnsafeInput`.
    """
    for name, home in MEANING.items():
        if (home + name).startswith(iri) or name.startswith(iri):
            raise UnsafeInput(f"{word[:80]!r} is made to mean what {name!r} begins with")


def _words(context: Any) -> dict[str, Any]:
    parts = context if isinstance(context, list) else [context]
    words: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, Mapping):
            words.update(part)
        elif not isinstance(part, str) or _schemeless(part).rstrip("/") + "/" != SCHEMA:
            raise UnreadableInput(
                f"its @context is {str(part)[:80]!r}; wanted are the words themselves, since "
                "nothing is fetched to find out what words mean"
            )
    if not words:
        raise UnreadableInput("it has no @context that says what its words mean")
    return words


def _others(context: Any) -> dict[str, Any]:
    return {word: meaning for word, meaning in _words(context).items() if word not in MEANING}


def _whole(iri: str, prefixes: Mapping[str, str]) -> str:
    """An address without its scheme, prefixes written out."""
    lead, colon, rest = iri.partition(":")
    if colon and lead in prefixes:
        return prefixes[lead] + rest
    return _schemeless(iri)


def _schemeless(iri: str) -> str:
    return iri.removeprefix("https://").removeprefix("http://")


def _plain(value: Any, prefixes: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_plain(one, prefixes) for one in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if key.startswith("@") and key not in _IN_NODES:
            raise UnsafeInput(f"it has {key[:20]!r} inside, by which other programs read otherwise")
        word = _word(key, prefixes)
        if word in found:
            raise UnsafeInput(f"{word[:80]!r} comes twice in one object, under two names")
        found[word] = inner if word == "data" else _plain(inner, prefixes)
    return found


def _apart(said: Mapping[str, Any], base: str) -> None:
    """That no two parts have one id: to others they are one part, with the words of both."""
    seen: dict[str, bool] = {}
    waiting: list[Any] = [said]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict) and isinstance(one.get("@id"), str) and len(one) > 1:
            name = urljoin(base or "http://here.example/", one["@id"])
            deciding = not _OF_FILES.isdisjoint(one)
            if name in seen and (deciding or seen[name]):
                raise UnsafeInput(f"two parts of it are called {one['@id'][:80]!r}")
            seen[name] = seen.get(name, False) or deciding
        if isinstance(one, dict):
            waiting += [inner for word, inner in one.items() if word != "data"]
        elif isinstance(one, list):
            waiting += one


def _word(key: str, prefixes: Mapping[str, str]) -> str:
    iri = _whole(key, prefixes)
    for home in PREFIXES.values():
        name = iri.removeprefix(home)
        if name != iri and MEANING.get(name) == home:
            return name
    return key
