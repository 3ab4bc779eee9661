"""The ingest job: what is new or changed is fetched, decoded, encoded and written, all at the same time."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice

from imagesearch.encoders import Model
from imagesearch.runtimes.streams import cores
from imagesearch.store import Store
from ingest.decoding import Asked as Wanted
from ingest.decoding import Decoding, Limits, Seen, Unseen
from ingest.encoding import Encoding
from ingest.fetching import fetched
from ingest.flow import ahead, batched, until
from ingest.items import Item
from ingest.plan import Asked, Survey
from ingest.progress import Progress
from ingest.recognising import Recognising
from ingest.report import Done, Report

# Fetching waits for disks and networks, not for the processor.
_FETCHING = 8
# How many files are looked up in the store at a time, and handed to a decoding process at a time.
_LOOKED_UP = 64
_DECODED = 8
# Batches that are encoded at a time: a core that is done with its part of one goes on with the next.
_ENCODED = 2


@dataclass(frozen=True)
class Job:
    """Brings picture files into a store.

    Every batch is written at once: stopped at any moment, the job loses what is under way, and run again
    it goes on where it was. Each stage is a little ahead of the next and none further, so that memory does
    not grow with the number of pictures.

    `prune` removes known pictures whose files are gone, `prune_missing` also where a source is missing as a
    whole. `limit` ends the run after so many files. `alone` says that nobody needs the store before the end.
    `workers` is the number of decoding processes. `stop` may be set by anyone: the batch in hand is written,
    then the run ends.
    """

    store: Store
    model: Model
    limits: Limits
    batch_size: int = 32
    prune: bool = False
    prune_missing: bool = False
    limit: int | None = None
    alone: bool = False
    workers: int = field(default_factory=cores)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, asked: Asked, progress: Progress, report: Report) -> None:
        """Do what is asked, counting into `report` as it goes.

        Raises WrongModel before anything is written, BadSource, and what the store and the model raise.
        """
        self._check_model()
        # Loading first: it brings to light what a run that was killed wrote last.
        with self.store.loading(alone=self.alone), ExitStack() as closing:
            survey = Survey(self.store, asked)
            closing.callback(report.surveyed, survey)
            with progress.following(survey, report):
                claimed = self._bring_in(survey, report)
            if self.stop.is_set():
                report.stopped = True
            elif not survey.complete:
                report.notes.append(f"Ended after {self.limit} files (--limit); run the same again to go on.")
            else:
                self._settle(survey, claimed, report)

    def look(self, asked: Asked, progress: Progress, report: Report) -> None:
        """Count what a run would do, and do nothing. Raises as `run` does."""
        self._check_model()
        survey = Survey(self.store, asked)
        with progress.following(survey, report):
            for task in islice(until(self.stop.is_set, survey.tasks()), self.limit):
                report.foresee(task)
        report.surveyed(survey)
        report.notes.append("A dry run: nothing was changed.")
        report.missing = sum(map(len, survey.missing.values()))

    def _check_model(self) -> None:
        if self.store.identity():
            self.store.adopt(self.model.identity)

    def _bring_in(self, survey: Survey, report: Report) -> set[str]:
        """All stages at once; returns the ids of what was moved from."""
        recognising, encoding = Recognising(self.store, survey), Encoding(self.model.pictures)
        with (
            Decoding(self.model.pictures.view, self.limits, self.workers) as decoding,
            _threads(_FETCHING) as fetch,
            _threads(_ENCODED) as encode,
            _threads(1) as write,
        ):
            tasks = islice(survey.tasks(), self.limit)
            items = (i for _, i in ahead(tasks, lambda task: fetch.submit(fetched, task), _LOOKED_UP))
            known = (i for some in batched(items, _LOOKED_UP) for i in recognising.look_up(some))
            seen = until(self.stop.is_set, _decoded(known, decoding, 2 * self.workers + 1))
            batches = batched(seen, self.batch_size)
            encoded = (
                b for _, b in ahead(batches, lambda b: encode.submit(encoding.encode, b), _ENCODED + 1)
            )
            for _, done in ahead(encoded, lambda b: write.submit(self._write, b), 2):
                report.add(done)
        return recognising.claimed

    def _write(self, items: Sequence[Item]) -> Done:
        kinds = [(item, item.kind) for item in items]
        # A file that was only looked at for its metadata, and says nothing new, is not written again.
        news = [item for item, kind in kinds if item.task.reread or kind != "unchanged"]
        entries = [item.entry() for item in news if not item.reason]
        if entries:
            # Not before the model has shown that it works: a store must not be bound to a damaged one.
            self.store.adopt(self.model.identity)
        moved = [item.before.id for item in items if item.moved and item.before]
        self.store.write(entries, replacing=moved)
        if lasting := [item.failure() for item in items if item.lasting]:
            self.store.fail(lasting)
        counts = Counter(kind for _, kind in kinds)
        counts["encoded"] = sum(item.fresh for item in items)
        counts["recognised"] = sum(kind == "new" and not item.fresh for item, kind in kinds)
        failures = [(item.task.file.location, item.reason) for item in items if item.reason]
        remarks = [remark for item in items for remark in item.remarks]
        return Done(len(items), counts, failures, remarks)

    def _settle(self, survey: Survey, claimed: set[str], report: Report) -> None:
        """Remove what is gone, if that was asked for and no source or part of one vanished as a whole."""
        spared = set() if self.prune_missing else survey.emptied
        for part, ids in survey.missing.items():
            gone = [id for id in ids if id not in claimed]
            if self.prune and part not in spared:
                report.removed += sum(self.store.delete(some) for some in batched(gone, 1_000))
            else:
                report.missing += len(gone)
                report.spared += [part] if self.prune and gone else []
        for part, ids in survey.forgotten.items():
            if part not in spared:
                self.store.forgive(ids)
        report.spared.sort()


def _decoded(items: Iterable[Item], decoding: Decoding, most: int) -> Iterator[Item]:
    """`items`, with those decoded that wait for it."""

    def start(some: Sequence[Item]) -> Future[list[Seen | Unseen]]:
        return decoding.start([Wanted(i.file, i.content_hash) for i in some if i.file and i.waits])

    for some, answers in ahead(batched(items, _DECODED), start, most):
        left = iter(answers)
        for item in some:
            yield _with(item, next(left)) if item.waits else item


def _with(item: Item, answer: Seen | Unseen) -> Item:
    item.held.close()
    if isinstance(answer, Unseen):
        return replace(item, reason=answer.reason, lasting=True)
    remarks = (f"{item.task.file.location}: {answer.remark}",) if answer.remark else ()
    # Where the embedding is known, the model need not see it.
    view = answer.view if item.vector is None else None
    return replace(item, facts=answer.facts, view=view, remarks=item.remarks + remarks)


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that are waited for, unless somebody wants to leave at once."""
    pool = ThreadPoolExecutor(count)
    wait = False
    try:
        yield pool
        wait = True
    except Exception:
        wait = True
        raise
    finally:
        pool.shutdown(wait, cancel_futures=True)
