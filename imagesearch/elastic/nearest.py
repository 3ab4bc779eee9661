"""The nearest pictures, page by page."""

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from imagesearch.elastic import bodies
from imagesearch.elastic.ranking import REACH, Ranking, Scored, steps
from imagesearch.elastic.searches import Searches
from imagesearch.elastic.versions import Version
from imagesearch.errors import StoreUnavailable, StoreUnreachable, TextModelUnavailable
from imagesearch.records import Hit, Knn, ModelText, Page, Picture

# How often a first page is made anew because a picture of it was deleted in the middle of that.
_TRIES = 3


@dataclass(frozen=True)
class Nearest:
    """Ranks the pictures of `index`; `pictures` gives those of some ids as searches see them."""

    searches: Searches
    index: Version
    pictures: Callable[[Collection[str]], Mapping[str, Picture]]

    def page(self, query: Knn) -> Page:
        """The window of the ranking that `query` asks for."""
        for _ in range(_TRIES):
            page, whole = self._page(query)
            if whole or query.window.offset:
                break
        return page

    def _page(self, query: Knn) -> tuple[Page, bool]:
        """The window of the ranking; and whether none of its pictures vanished since they were ranked."""
        ranking = self._ranked(query)
        reachable = len(ranking.found) if query.similarity is not None else min(ranking.total, REACH)
        reachable = min(reachable, query.k or REACH)
        start = query.window.offset
        shown = ranking.found[start : min(start + query.window.limit, reachable)]
        pictures = self.pictures([scored.id for scored in shown])
        hits = tuple(Hit(pictures[s.id], min(max(s.score, 0.0), 1.0)) for s in shown if s.id in pictures)
        return Page(hits, total=ranking.total, reachable=reachable), len(hits) == len(shown)

    def _ranked(self, query: Knn) -> Ranking:
        """The ranking as far as the window goes; on later pages as the first saw it."""
        sessions, session = self.searches.sessions, _session(query, self.index)
        ranking = (sessions.get(session) if query.window.offset else None) or Ranking()
        needed = min(query.window.offset + query.window.limit, query.k or REACH, REACH)
        if query.similarity is not None:
            needed = query.k or REACH  # only the end of the ranking tells how long it is
        for looked, last in steps(self.index.num_candidates, query.num_candidates, query.k):
            if ranking.whole or len(ranking.found) >= needed:
                break
            if looked > ranking.looked:
                ranking = self._extended(ranking, query, looked, last)
        sessions.keep(session, ranking.seen(query.window.offset + query.window.limit))
        return ranking

    def _extended(self, ranking: Ranking, query: Knn, looked: int, last: bool) -> Ranking:
        section = bodies.knn(
            query.vector,
            looked,
            looked,
            filters=query.filters,
            similarity=query.similarity,
            oversample=self.index.oversample,
        )
        asked = [bodies.ranking(section)]
        if not ranking.looked:
            asked.append(bodies.counting(query.filters))
        answers = self._answers(asked, query)
        newly = [Scored(hit["sort"][1], hit["sort"][0]) for hit in answers[0]["hits"]["hits"]]
        total = ranking.total if ranking.looked else answers[1]["hits"]["total"]["value"]
        if query.similarity is None and len(newly) < looked:
            total = len(newly)  # all that pass were found: counted in the same moment as they were ranked
        return ranking.extended(newly, looked, total, last=last)

    def _answers(self, asked: list[dict[str, Any]], query: Knn) -> list[Mapping[str, Any]]:
        try:
            return self.searches.several(asked)
        except StoreUnreachable:
            raise
        except StoreUnavailable as error:
            if isinstance(query.vector, ModelText):
                # Whatever it was, the search can still be made with words that are encoded here.
                raise TextModelUnavailable(str(error)) from error
            raise


def _session(query: Knn, index: Version) -> Hashable:
    vector = query.vector if isinstance(query.vector, ModelText) else query.vector.tobytes()
    return index.name, vector, query.k, query.num_candidates, query.similarity, query.filters
