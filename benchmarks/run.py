"""Runs every benchmark, one after the other; hours. `make bench`

Each writes benchmarks/results; those with a .jsonl go on where they stopped.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    scripts = [path for path in sorted(HERE.glob("*.py")) if path.name != "run.py"]
    failed = []
    for script in scripts:
        print(f"== {script.name}", flush=True)
        if subprocess.run([sys.executable, script], check=False).returncode:
            failed.append(script.name)
    print("failed:", ", ".join(failed) or "none")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
