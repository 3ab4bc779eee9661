import numpy as np
import pytest

from benchmarks.shares import Share, ranks, recall


def test_wilson_interval_of_a_textbook_case() -> None:
    low, high = Share(8, 10, 0.1).interval
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)


def test_interval_stays_within_bounds_at_the_ends() -> None:
    assert Share(0, 5, 0.1).interval[0] == pytest.approx(0, abs=1e-12)
    assert Share(5, 5, 0.1).interval[1] == pytest.approx(1, abs=1e-12)


def test_ranks_take_the_best_right_answer_and_lose_ties() -> None:
    gallery = np.eye(4, dtype=np.float32)
    queries = np.array([[1, 0.5, 0.2, 0], [0.5, 0.5, 0, 0]], dtype=np.float32)
    assert ranks(queries, gallery, [[1, 3], [0]]).tolist() == [2, 2]


def test_recall_counts_ranks_and_knows_chance() -> None:
    share = recall(np.array([1, 3, 11]), 10, 100, [1, 1, 2])
    assert (share.hits, share.total) == (2, 3)
    two_of_hundred = 1 - (90 / 100) * (89 / 99)
    assert share.chance == pytest.approx((0.1 + 0.1 + two_of_hundred) / 3)
