"""The laws of `contracts`, as checks any detector can be put through, ours or yours."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

import numpy as np

from foretaste.contracts import Detector, Encoder, Kind, Scale
from foretaste.data import Batch

Check = Callable[[Detector[Any, Any], Batch], None]
EncoderCheck = Callable[[Encoder[Any, Any], Batch], None]


def checks() -> list[Check]:
    """Every law of detectors, each a function whose docstring states it."""
    return [f for name, f in sorted(globals().items()) if name.startswith("check_")]


def encoder_checks() -> list[EncoderCheck]:
    """Every law of encoders."""
    return [f for name, f in sorted(globals().items()) if name.startswith("encoder_check_")]


def learn(method: Detector[Any, Any] | Encoder[Any, Any], batches: Iterable[Batch]) -> Any:
    """What a method makes of all batches."""
    return method.fit(reduce(lambda a, b: a.merge(b), map(method.summarize, batches)))


def check_chunking_is_invisible(detector: Detector[Any, Any], batch: Batch) -> None:
    """Many small batches teach what one large batch teaches, in any order."""
    whole = detector.score(batch, learn(detector, [batch]))
    tolerance = getattr(detector, "tolerance", 1e-5)
    for parts in (_chunks(batch, 37), _chunks(batch, 37)[::-1], _chunks(batch, 5)):
        again = detector.score(batch, learn(detector, parts))
        np.testing.assert_allclose(again, whole, tolerance, 1e-6)


def check_no_rows_is_the_identity(detector: Detector[Any, Any], batch: Batch) -> None:
    """An empty batch teaches nothing."""
    empty = batch.take(np.zeros(len(batch), bool))
    one = detector.score(batch, learn(detector, [batch]))
    for parts in ([empty, batch], [batch, empty]):
        np.testing.assert_allclose(detector.score(batch, learn(detector, parts)), one, 1e-9)


def check_batch_mates_do_not_matter(detector: Detector[Any, Any], batch: Batch) -> None:
    """A row scores the same alone as in company."""
    model = learn(detector, [batch])
    rows = range(0, len(batch), max(1, len(batch) // 40))
    alone = [detector.score(batch.take([i]), model)[0] for i in rows]
    together = detector.score(batch, model)[list(rows)]
    np.testing.assert_allclose(together, alone, 1e-5, 1e-6)


def check_one_score_per_row(detector: Detector[Any, Any], batch: Batch) -> None:
    """One number per row, none for no rows, never infinite; NaN only where it cannot tell."""
    model = learn(detector, [batch])
    scores = detector.score(batch, model)
    assert scores.shape == (len(batch),)
    assert scores.dtype == np.float64
    assert not np.isinf(scores).any()
    assert detector.score(batch.take([]), model).shape == (0,)


def check_no_data_at_all_is_no_crash(detector: Detector[Any, Any], batch: Batch) -> None:
    """What has seen no rows still answers, and accuses nobody of anything."""
    scores = detector.score(batch, learn(detector, [batch.take([])]))
    assert scores.shape == (len(batch),)
    if detector.scale is not Scale.RAW:
        assert not (scores[~np.isnan(scores)] > 6).any() or detector.scale is Scale.FACT


def check_same_seed_same_answer(detector: Detector[Any, Any], batch: Batch) -> None:
    """Learning twice gives the same scores."""
    one, two = (detector.score(batch, learn(detector, [batch])) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def check_nothing_is_changed(detector: Detector[Any, Any], batch: Batch) -> None:
    """A batch is never changed."""
    before = {name: batch.arrow(name).to_pylist() for name in batch.names}
    detector.score(batch, learn(detector, [batch]))
    assert all(batch.arrow(name).to_pylist() == column for name, column in before.items())


def check_reason_is_one_line(detector: Detector[Any, Any], batch: Batch) -> None:
    """Every row can be explained in one line."""
    reason = detector.explain(batch, 0, learn(detector, [batch]))
    assert len(reason.splitlines()) == 1


def check_documented(detector: Detector[Any, Any], batch: Batch) -> None:
    """The docstring says what it cannot see, what it needs, an example, a source."""
    doc = inspect.getdoc(type(detector)) or ""
    missing = [part for part in ("Blind to", "Needs", ">>>", "References") if part not in doc]
    assert not missing, f"{type(detector).__name__} lacks {missing}"
    assert isinstance(detector.kind, Kind)
    assert isinstance(detector.scale, Scale)


def encoder_check_gives_what_it_says(encoder: Encoder[Any, Any], batch: Batch) -> None:
    """The columns it promises are there, a row each, beside the old ones."""
    encoded = encoder.encode(batch, learn(encoder, [batch]))
    assert set(encoder.gives) <= set(encoded.names)
    assert set(batch.names) <= set(encoded.names)
    assert len(encoded) == len(batch)


def encoder_check_batch_mates_do_not_matter(encoder: Encoder[Any, Any], batch: Batch) -> None:
    """A row is encoded the same alone as in company."""
    model = learn(encoder, [batch])
    together, alone = encoder.encode(batch, model), encoder.encode(batch.take([3]), model)
    for name in encoder.gives:
        _close(alone[name][0], together[name][3])


def encoder_check_chunking_is_invisible(encoder: Encoder[Any, Any], batch: Batch) -> None:
    """Many small batches teach what one large batch teaches, in any order."""
    whole = encoder.encode(batch, learn(encoder, [batch]))
    again = encoder.encode(batch, learn(encoder, _chunks(batch, 37)[::-1]))
    for name in encoder.gives:
        _close(again[name], whole[name])


def encoder_check_documented(encoder: Encoder[Any, Any], batch: Batch) -> None:
    """The docstring says what it needs and shows an example."""
    doc = inspect.getdoc(type(encoder)) or ""
    missing = [part for part in ("Needs", ">>>") if part not in doc]
    assert not missing, f"{type(encoder).__name__} lacks {missing}"


def _close(one: Any, two: Any) -> None:
    if np.asarray(one).dtype.kind in "fc":
        np.testing.assert_allclose(one, two, 1e-3, 1e-3)
    else:
        np.testing.assert_array_equal(one, two)


def _chunks(batch: Batch, size: int) -> list[Batch]:
    rows = np.arange(len(batch))
    return [batch.take(rows[i : i + size]) for i in range(0, len(batch), size)]


def stream_laws() -> list[Callable[[Any, Batch, Batch], None]]:
    """Every law of checks of live records."""
    return [f for name, f in sorted(globals().items()) if name.startswith("stream_law_")]


def stream_law_cutting_is_invisible(check: Any, trusted: Batch, stream: Batch) -> None:
    """The same surprises, however the stream is cut into batches."""
    whole, _ = check.judge(stream, check.start(trusted))
    for size in (1, 7, 50):
        state, parts = check.start(trusted), []
        for part in _chunks(stream, size):
            surprise, state = check.judge(part, state)
            parts.append(surprise)
        np.testing.assert_allclose(np.concatenate(parts), whole, 1e-4, 1e-4)


def stream_law_one_surprise_per_record(check: Any, trusted: Batch, stream: Batch) -> None:
    """One number per record, never below zero; none for no records."""
    surprise, state = check.judge(stream, check.start(trusted))
    assert surprise.shape == (len(stream),)
    assert surprise.dtype == np.float64
    assert not (surprise < 0).any()
    assert check.judge(stream.take([]), state)[0].shape == (0,)


def stream_law_held_records_teach_nothing(check: Any, trusted: Batch, stream: Batch) -> None:
    """After a window of which nothing was admitted, what is odd stays odd.

    Counts of arrivals may make a record more surprising, never less.
    """
    first, second = stream.take(np.arange(len(stream)) % 2 == 0), stream.take([1, 3, 5, 7])
    before, _ = check.judge(second, check.start(trusted))
    _, state = check.judge(first, check.start(trusted))
    state = check.learn(first, np.zeros(len(first), bool), state)
    after, _ = check.judge(second, state)
    assert (np.isnan(after) | (after >= before - 1e-6)).all()


def stream_law_same_rows_same_answer(check: Any, trusted: Batch, stream: Batch) -> None:
    """Nothing is left to chance."""
    one, two = (check.judge(stream, check.start(trusted))[0] for _ in range(2))
    np.testing.assert_array_equal(one, two)


def stream_law_documented(check: Any, trusted: Batch, stream: Batch) -> None:
    """The docstring says what it cannot see, what it needs, an example, a source."""
    doc = inspect.getdoc(type(check)) or ""
    missing = [part for part in ("Blind to", "Needs", ">>>", "References") if part not in doc]
    assert not missing, f"{type(check).__name__} lacks {missing}"
    _, state = check.judge(stream, check.start(trusted))
    assert len(check.explain(stream, 0, state).splitlines()) == 1
