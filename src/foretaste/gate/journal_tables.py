"""The tables of a gate's journal; `migrations` makes them, in this order of versions."""

from __future__ import annotations

from foretaste.errors import MissingExtra

try:
    from sqlalchemy import BigInteger, Double, Index, Integer, LargeBinary, String, Text
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
except ImportError as error:
    raise MissingExtra("the journal of a gate", "gate") from error

_ROW = BigInteger().with_variant(Integer(), "sqlite")  # SQLite's own row number, 64 bits


class Table(DeclarativeBase):
    """All tables of a journal."""


class GateRow(Table):
    """The one gate a journal belongs to, and who may write: checked in every transaction.

    origin:   SHA-256 over settings and trusted rows; a journal serves no other
    terms:    the settings as JSON, to be read by people
    versions: of foretaste, numpy and pyarrow when it was begun, as JSON
    owner:    a token of the process that writes
    step:     how many cuts and events there are; records: how many decisions
    """

    __tablename__ = "gate"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    record_schema: Mapped[int] = mapped_column(Integer)
    origin: Mapped[str] = mapped_column(String(128))
    terms: Mapped[str] = mapped_column(Text)
    versions: Mapped[str] = mapped_column(Text)
    begun: Mapped[float] = mapped_column(Double)
    owner: Mapped[str] = mapped_column(String(32))
    step: Mapped[int] = mapped_column(_ROW)
    records: Mapped[int] = mapped_column(_ROW)


class CutRow(Table):
    """Records that were judged together, packed as they were judged; all in one window.

    step: its place among all that happened; first: sequence of its first record
    """

    __tablename__ = "cuts"
    step: Mapped[int] = mapped_column(_ROW, primary_key=True, autoincrement=False)
    window: Mapped[int] = mapped_column(_ROW, index=True)
    first: Mapped[int] = mapped_column(_ROW)
    records: Mapped[int] = mapped_column(Integer)
    packed: Mapped[bytes] = mapped_column(LargeBinary)


class DecisionRow(Table):
    """One a record. scores, reasons: as JSON; cut: step of the cut it came in."""

    __tablename__ = "decisions"
    sequence: Mapped[int] = mapped_column(_ROW, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    tenant: Mapped[str] = mapped_column(Text)
    key: Mapped[str | None] = mapped_column(Text)
    record: Mapped[str] = mapped_column(Text)
    window: Mapped[int] = mapped_column(_ROW)
    arrived: Mapped[float] = mapped_column(Double)
    source: Mapped[str] = mapped_column(Text)
    ruling: Mapped[str] = mapped_column(String(8))
    scores: Mapped[str] = mapped_column(Text)
    reasons: Mapped[str] = mapped_column(Text)
    cut: Mapped[int] = mapped_column(_ROW)
    __table_args__ = (Index("one_decision_a_key", "key", "tenant", unique=True),)


class HeldRow(Table):
    """A record that waits for a person, or did.

    cause:   "door": held when it came; "window": let in and pulled at the end of its window;
        "pullback": taken out later
    reasons: as JSON; shown: the record as JSON, as it came
    verdict: "waiting", "clean" or "poison"; review: step of the event that said so
    """

    __tablename__ = "held"
    sequence: Mapped[int] = mapped_column(_ROW, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    tenant: Mapped[str] = mapped_column(Text)
    cause: Mapped[str] = mapped_column(String(8))
    reasons: Mapped[str] = mapped_column(Text)
    shown: Mapped[str] = mapped_column(Text)
    verdict: Mapped[str] = mapped_column(String(8))
    by: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    review: Mapped[int | None] = mapped_column(_ROW)
    __table_args__ = (
        Index("held_by_verdict", "verdict", "sequence"),
        Index("held_by_review", "review"),
    )


class WindowRow(Table):
    """A window that is over.

    step: of the cut or event that ended it; file: SHA-256 of the rows a learner may have
    record: a `WindowRecord` as JSON; rows: in the file, those found clean by people among them
    """

    __tablename__ = "windows"
    window: Mapped[int] = mapped_column(_ROW, primary_key=True, autoincrement=False)
    step: Mapped[int] = mapped_column(_ROW)
    file: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int] = mapped_column(Integer)
    record: Mapped[str] = mapped_column(Text)


class SnapshotRow(Table):
    """All a gate knew after a step. window: the one then open; file: SHA-256 of the snapshot."""

    __tablename__ = "snapshots"
    step: Mapped[int] = mapped_column(_ROW, primary_key=True, autoincrement=False)
    window: Mapped[int] = mapped_column(_ROW)
    file: Mapped[str] = mapped_column(String(64))


class EventRow(Table):
    """What happened besides records.

    kind: "close", "heed", "pullback" or "rollback"; body: what it was about, as JSON
    """

    __tablename__ = "events"
    step: Mapped[int] = mapped_column(_ROW, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    time: Mapped[float] = mapped_column(Double)
    by: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
