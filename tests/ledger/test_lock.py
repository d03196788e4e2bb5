import subprocess
import sys

import pytest

from foretaste.ledger.lock import Lock
from foretaste.ledger.refusals import WriterTaken

TAKES = """
import sys
from pathlib import Path
from foretaste.ledger.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("taken", flush=True)
sys.stdin.read()
"""


def test_a_second_one_is_refused_until_the_first_is_free(tmp_path):
    lock = Lock(tmp_path / "lock")
    with pytest.raises(WriterTaken, match="another process writes"):
        Lock(tmp_path / "lock")
    lock.free()
    lock.free()
    Lock(tmp_path / "lock").free()


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path):
    command = [sys.executable, "-c", TAKES, str(tmp_path / "lock")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": "src"}
    ) as other:
        assert other.stdout.readline() == b"taken\n"
        with pytest.raises(WriterTaken):
            Lock(tmp_path / "lock")
        other.kill()
        other.wait()
    Lock(tmp_path / "lock").free()
