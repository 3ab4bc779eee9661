"""What every store must do. A test module of a store inherits the classes and gives two fixtures.

`store` is an empty store; `reopen` opens the same one once more. Everything goes through the protocol.
"""

from tests.imagesearch.contract.filtered import ContainingContract, FacetContract, FilterContract
from tests.imagesearch.contract.ranked import BrowseContract, EmptyContract, KnnContract
from tests.imagesearch.contract.written import (
    ConcurrencyContract,
    FailuresContract,
    FilesContract,
    ModelContract,
    Reopen,
    WritingContract,
)

__all__ = ["Reopen", "StoreContract"]


class StoreContract(
    ModelContract,
    WritingContract,
    FilesContract,
    FailuresContract,
    KnnContract,
    FilterContract,
    ContainingContract,
    BrowseContract,
    FacetContract,
    EmptyContract,
    ConcurrencyContract,
):
    """All of it."""
