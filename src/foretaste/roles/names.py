"""The names people give to columns, and which role each speaks for."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from foretaste.errors import WrongRole

ROLES = (
    "text", "image", "label", "messages", "prompt", "response", "rejected", "features",
    "source", "time", "user", "item", "rating", "digest",
)  # fmt: skip

# first come, first served: a column that stands earlier in a list is preferred
TEXT = (
    "text", "sentence", "review", "comment", "content", "message", "body", "document", "tweet",
    "sms", "email", "mail", "headline", "title", "question", "utterance", "article", "post",
    "review_text", "review_body", "comment_text", "raw_text",
)  # fmt: skip
LABEL = (
    "label", "labels", "class", "target", "category", "y", "sentiment", "is_spam", "spam",
    "is_fraud", "fraud", "toxic", "intent", "emotion", "outcome", "species", "polarity", "topic",
    "gold_label", "label_id", "class_id", "label_name", "class_name", "label_text", "is_toxic",
    "coarse_label", "fine_label", "diagnosis", "stars",
)  # fmt: skip
IMAGE = (
    "image", "img", "picture", "photo", "image_bytes", "pixels", "image_path", "filename",
    "file_name", "filepath", "file_path", "path", "file", "bytes", "jpg", "png",
)  # fmt: skip
SOURCE = (
    "source", "contributor", "annotator", "author", "worker", "worker_id", "annotator_id",
    "contributor_id", "author_id", "uploader", "submitter", "origin", "domain", "provider",
    "data_source", "username", "url", "link", "uri",
)  # fmt: skip
TIME = (
    "time", "timestamp", "date", "datetime", "created_at", "created", "updated_at", "posted_at",
    "created_utc", "unixreviewtime", "event_time",
)  # fmt: skip
USER = ("user", "user_id", "userid", "reviewer", "reviewer_id", "reviewerid", "customer_id")
ITEM = (
    "item", "item_id", "itemid", "movie_id", "movieid", "product_id", "productid", "asin",
    "book_id", "business_id",
)  # fmt: skip
RATING = ("rating", "ratings", "stars", "overall")

DIGEST = (
    "sha256", "sha512", "sha1", "md5", "digest", "checksum", "content_sha256", "image_sha256",
    "file_sha256", "content_digest", "content_hash", "sha", "hash",
)  # fmt: skip

# what is left over and still no feature: numbers of rows, and how somebody split the set
NOTHING = frozenset(
    "id idx index row rowid row_id uuid guid key hash split fold set subset unnamed_0 unnamed "
    "line line_number no number record_id sample_id example_id signature".split()
)
_TYPED = re.compile(r":(token|float|token_seq|float_seq)$")  # RecBole's atomic files


def plain(name: str) -> str:
    """A column's name without case, signs and type marks.

    >>> plain("Is Spam?"), plain("user_id:token"), plain("isSpam")
    ('is_spam', 'user_id', 'is_spam')
    """
    bare = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", _TYPED.sub("", name.strip()))
    return re.sub(r"\W+", "_", bare.lower()).strip("_")


def named(columns: Collection[str], wanted: Collection[str]) -> list[str]:
    """The columns that bear one of the wanted names, the best name first."""
    rank = {name: place for place, name in enumerate(wanted)}
    known = [(rank[plain(column)], column) for column in columns if plain(column) in rank]
    return [column for _, column in sorted(known, key=lambda pair: pair[0])]


def checked(given: Mapping[str, str], columns: Collection[str]) -> dict[str, tuple[str, ...]]:
    """What the user said, as columns of each role; a role that is not to be is ().

    >>> checked({"label": "y", "features": "a,b"}, ["a", "b", "y"])
    {'label': ('y',), 'features': ('a', 'b')}
    """
    said = {}
    for role, value in given.items():
        if role not in ROLES:
            raise WrongRole(
                f"there is no role {role!r}{_meant(role, ROLES)}; roles are {_list(ROLES)}"
            )
        said[role] = tuple(_split(role, value, columns))
    return said


def joined(columns: Sequence[str]) -> str:
    """Several columns as one role says them; names with a comma are quoted.

    >>> joined(["a", "b, c"])
    'a,"b, c"'
    """
    if len(columns) == 1:
        return columns[0]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="").writerow(columns)
    return out.getvalue()


def _split(role: str, value: str, columns: Collection[str]) -> list[str]:
    if not value.strip():
        return []
    asked = [value] if value in columns else next(csv.reader([value], skipinitialspace=True))
    asked = [name.strip() if name.strip() in columns else name for name in asked]
    for name in asked:
        if name not in columns:
            raise WrongRole(
                f"role {role}: there is no column {name!r}{_meant(name, columns)}; "
                f"columns are {_list(columns)}"
            )
    if len(asked) > 1 and role not in ("features", "prompt", "image"):
        raise WrongRole(f"role {role} is read from one column, not from {len(asked)}: {value}")
    return asked


def _meant(name: str, known: Collection[str]) -> str:
    folded = {one.lower(): one for one in known}
    close = get_close_matches(name.lower(), folded, 1, 0.6)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""


def _list(names: Collection[str]) -> str:
    some = ", ".join(list(names)[:30])
    return some + (f" and {len(names) - 30} more" if len(names) > 30 else "")
