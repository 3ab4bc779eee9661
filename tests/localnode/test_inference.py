"""The local node's tokeniser gives what the tokeniser of BERT gives, with case and without."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertTokenizer

from localnode.inference import bert_tokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "aAbBzZäÄéÉñßøØçİıдДяЯαΑωञहि한글ひカ雪山犬0129.,;:!?'\"-_$^`~<>()[]{}@#%&*+=/\\|…«»“”–—¿¡"
VOCABULARY = [
    *SPECIAL,
    *LETTERS,
    *("##" + letter for letter in LETTERS),
    "snow",
    "##ball",
    "café",
    "Café",
    "cafe",
]
EXAMPLES = [
    "Snowball in the CAFÉ",
    "İstanbul",
    "ÀÉÎ",
    "雪山の犬",
    "a\u0301b",
    "a\u00adb",
    "x" * 101,
    "a\ufffdb",
    "[MASK]a",
]


@pytest.fixture(scope="module")
def vocabulary_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    file.write_text("\n".join(VOCABULARY), encoding="utf-8")
    return file


@pytest.mark.parametrize("lower", [True, False])
def test_it_splits_words_as_bert_does(vocabulary_file: Path, lower: bool) -> None:
    ours = bert_tokenizer(VOCABULARY, {"do_lower_case": lower})
    theirs = BertTokenizer(str(vocabulary_file), do_lower_case=lower)

    @given(st.text(st.sampled_from(LETTERS + " \t\n\u00a0\u0301\u200b"), max_size=40))
    def agree(text: str) -> None:
        assert ours.encode(text).ids == theirs(text)["input_ids"]

    agree()
    for text in EXAMPLES:
        assert ours.encode(text).ids == theirs(text)["input_ids"], text
