"""An update undone, together with the windows that caused it."""

from __future__ import annotations

from foretaste.errors import BadInput
from foretaste.updates.history import History, now
from foretaste.updates.learning import Windows
from foretaste.updates.record import Rollback, Update


def roll_back(
    history: History, windows: Windows, *, by: str, why: str, to: int | None = None
) -> Rollback:
    """Puts an earlier update in use again, and sets aside every window learned from since.

    to: number of the update to go back to; 0: to none; None: where the newest update was refused,
        the one in use, so that only the windows that spoilt the refused one are set aside; else
        the one before the update in use

    Rows are set aside, not deleted: a person may look at them, and clean ones be sent again.
    Raises `BadInput` where there is nothing to go back from or to.
    """
    live = [one for one in history.updates() if one.number not in history.undone()]
    target = _target(live, to)
    kept = next((set(one.learned) for one in live if one.number == target), set[str]())
    back = [one for one in live if one.number > target]
    since = tuple(dict.fromkeys(w for one in back for w in one.learned if w not in kept))
    aside = history.set_aside()
    rows = windows.set_aside([one for one in since if one not in aside])
    done = Rollback.model_validate(
        {
            "back_to": target,
            "undone": tuple(one.number for one in back),
            "windows": since,
            "rows": rows,
            "by": by,
            "why": why,
            "time": now(),
        }
    )
    history.write("rollback", done)
    return done


def _target(live: list[Update], to: int | None) -> int:
    """The number to go back to, if there is something to go back from."""
    if not live:
        raise BadInput("there is no update to go back from")
    good = [one.number for one in live if one.admitted]
    before = [0, *(number for number in good if number != live[-1].number)]
    if to is None:
        return before[-1]
    if to not in before:
        raise BadInput(f"update {to} cannot be gone back to; these can: {before}")
    return to
