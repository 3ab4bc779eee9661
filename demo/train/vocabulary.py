"""The text tower's WordPiece vocabulary, in BERT's format."""

from collections.abc import Iterator
from pathlib import Path

from tokenizers import BertWordPieceTokenizer
from transformers import DistilBertTokenizerFast

from demo.train.concepts import Concept
from demo.train.wording import Wording

SIZE = 14_000
MAX_TOKENS = 128
"""Of the tower as shipped; no text of the training comes near."""


def train(concepts: list[Concept], wording: Wording, folder: Path) -> DistilBertTokenizerFast:
    """Learn the vocabulary from all names and keywords and save the tokenizer to the folder.

    Training it twice does not give the same numbers to the pieces, so it is trained once and
    always travels with the weights.
    """
    trained = BertWordPieceTokenizer(lowercase=True)
    trained.train_from_iterator(
        _corpus(concepts, wording), vocab_size=SIZE, min_frequency=2, limit_alphabet=4000
    )
    folder.mkdir(parents=True, exist_ok=True)
    trained.save_model(str(folder))
    tokenizer = DistilBertTokenizerFast(
        str(folder / "vocab.txt"), do_lower_case=True, model_max_length=MAX_TOKENS
    )
    tokenizer.save_pretrained(str(folder))
    return tokenizer


def _corpus(concepts: list[Concept], wording: Wording) -> Iterator[str]:
    for concept in concepts:
        for words in concept.words.values():
            yield from (words.name, words.name, *words.keywords)
    for fillers, _ in wording.function_words.values():
        yield from fillers
