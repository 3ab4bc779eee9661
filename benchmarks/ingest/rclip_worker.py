"""rclip's own indexing, in rclip's own environment: `python rclip_worker.py DATADIR`, as worker.py.

Its code runs as it is, but for the size of the model's pictures: rclip's model sees 256 pixels a side, the
one compared here 224. DATADIR holds that model where rclip looks for its own.
"""

import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

SIDE = 224
BATCH = 8  # rclip's default


def main(data: str) -> None:
    """Serve until the other side hangs up."""
    answers, sys.stdout = sys.stdout, sys.stderr
    os.environ["RCLIP_DATADIR"] = data
    from rclip.model import Model  # type: ignore[import-not-found]  # of another environment
    from rclip.utils import preprocess  # type: ignore[import-not-found]

    preprocess.IMAGE_SIZE = SIDE
    model = Model()
    _index(model, Path(__file__).parent)  # nothing to index: imports
    _warm(model)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        print(json.dumps(_index(model, Path(task["folder"]))), file=answers, flush=True)


def _warm(model) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    import numpy as np

    model.compute_preprocessed_image_features(
        [np.zeros((3, SIDE, SIDE), np.float32)] * BATCH, for_indexing=True
    )


def _index(model, folder: Path) -> dict[str, float]:  # type: ignore[no-untyped-def]  # noqa: ANN001
    from rclip.db import DB  # type: ignore[import-not-found]
    from rclip.main import RClip  # type: ignore[import-not-found]

    with TemporaryDirectory() as place:
        database = DB(Path(place, "db.sqlite3"))
        rclip = RClip(model, database, BATCH, None)
        start = time.perf_counter()
        rclip.ensure_index(str(folder))
        seconds = time.perf_counter() - start
        count = len(list(database.get_image_vectors_by_dir_path(str(folder))))
        rclip.close()
        database.close()
    return {"per_second": count / seconds, "count": count}


if __name__ == "__main__":
    main(sys.argv[1])
