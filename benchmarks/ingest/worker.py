"""A contender in a process of its own: `loop` or a runtime. Tasks and what they took are JSON lines."""

import json
import sys
from pathlib import Path
from typing import Any


def main(name: str, pair: Path) -> None:
    """Serve until the other side hangs up. What else is printed goes to standard error."""
    # Not above: decoding processes import the main module, and `python -m ingest` has nothing for them there.
    from benchmarks.ingest.tasks import Loop, Ours

    answers, sys.stdout = sys.stdout, sys.stderr
    contender: Any = Loop(pair) if name == "loop" else Ours(pair, name)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        done = getattr(contender, task["do"])(Path(task["folder"]), task["count"])
        print(json.dumps(done), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
