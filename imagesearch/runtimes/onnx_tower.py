"""Picture towers under ONNX Runtime, which needs no torch once a tower is exported."""

from functools import partial

import onnxruntime

from imagesearch.config import Runtime
from imagesearch.errors import ModelUnavailable
from imagesearch.records import FloatArray
from imagesearch.runtimes.exporting import write
from imagesearch.runtimes.exports import exported
from imagesearch.runtimes.streams import Streams, cores
from imagesearch.runtimes.tower import Tower
from imagesearch.views import ByteArray


class OnnxTower:
    """A picture tower under ONNX Runtime, exported when it is first asked for."""

    def __init__(self, tower: Tower, runtime: Runtime) -> None:
        file = exported(tower, runtime, partial(write, tower, runtime))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a core for each part of a batch
        self._streams = Streams(cores())
        try:
            self._session = onnxruntime.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no base of their own
            raise ModelUnavailable(
                f"The exported model {file} cannot be loaded: {error}. Use RUNTIME=torch."
            ) from error

    def __call__(self, views: ByteArray) -> FloatArray:
        return self._streams.run(self._part, views)

    def _part(self, views: ByteArray, _: int) -> FloatArray:
        made: FloatArray = self._session.run(None, {"views": views})[0]
        return made
