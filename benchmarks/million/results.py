"""Where the results of the two runs are, and what these are called."""

from imagesearch.config import PROJECT

RESULTS = PROJECT / "benchmarks" / "results" / "million.json"
FIRST, SECOND = "first", "second"
