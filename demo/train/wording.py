"""How a person might word a concept: names and keywords, mixed, shortened, bent and misspelt.

CLDR knows only names and keywords. People type sentences, so words of a concept are mixed with
function words of its language (npm `stopwords-iso`), endings are bent as inflection bends them,
and words are dropped: the tower learns which words carry the meaning and which do not.
"""

import json
import random
import re
import unicodedata
from functools import cached_property
from pathlib import Path

from demo.train import sources
from demo.train.concepts import LANGUAGES, Concept, Words

UNSPACED = ("ja", "zh")
"""Languages written without spaces."""

UNBENT = ("ja", "zh", "ko")
"""Languages whose words do not change at the end, or whose endings are words of the list."""

LETTERS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
HAN_OR_KANA = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def words_of(text: str, language: str) -> list[str]:
    """Split a text into words, lower case; where there are no spaces into pairs of characters."""
    folded = unicodedata.normalize("NFC", text).casefold()
    if language not in UNSPACED:
        # Combining marks are no word characters to `re`, yet Hindi words are full of them.
        spaced = re.sub(r"[^\w\u0900-\u0dff\u064b-\u0652'’]+", " ", folded)
        return [word for word in spaced.split() if word.strip("'’")]
    words: list[str] = []
    for run in re.findall(r"\w+", folded):
        if not HAN_OR_KANA.search(run) or len(run) < 3:
            words.append(run)
        else:
            words += [run[at : at + 2] for at in range(len(run) - 1)]
    return words


class Wording:
    """Makes up texts for concepts. Seeded, so that a training can be repeated."""

    def __init__(self, concepts: list[Concept], cache: Path, seed: int) -> None:
        self._concepts = concepts
        self._random = random.Random(seed)  # noqa: S311
        self._cache = cache

    @cached_property
    def function_words(self) -> dict[str, tuple[list[str], list[float]]]:
        """Each language's function words and their weights: short words are the frequent ones.

        A word that is itself a keyword of some concept carries meaning and is left out.
        """
        folder = sources.fetch(sources.FUNCTION_WORDS, self._cache)
        lists = json.loads((folder / "stopwords-iso.json").read_text(encoding="utf-8"))
        chosen = {}
        for language in LANGUAGES:
            meant = self._meaningful(language)
            words = [w for w in lists[language] if w.casefold() not in meant and w.isalpha()]
            if language in ("hi", "ar"):
                words = [w for w in lists[language] if w.casefold() not in meant]
            chosen[language] = (words, [1 / (1 + len(word)) ** 2 for word in words])
        return chosen

    @cached_property
    def endings(self) -> dict[str, list[str]]:
        """The last one to three letters of each language's words, as often as they occur."""
        found: dict[str, list[str]] = {language: [] for language in LANGUAGES}
        for concept in self._concepts:
            for language, words in concept.words.items():
                for word in words_of(words.name, language):
                    if len(word) > 4:
                        found[language] += [word[-1:], word[-2:], word[-3:]]
        return found

    def text(self, concept: int, language: str) -> str:
        """Return one wording of a concept in a language it has words in."""
        words = self._concepts[concept].words[language]
        kind = self._random.random()
        if kind < 0.30 or not words.keywords:
            return self._cased(words.name)
        if kind < 0.42:
            return self._cased(self._random.choice(words.keywords))
        if kind < 0.60:
            return self._handful(words, language)
        return self._sentence(words, language)

    def _meaningful(self, language: str) -> set[str]:
        texts = (
            text
            for concept in self._concepts
            if language in concept.words
            for text in (concept.words[language].name, *concept.words[language].keywords)
        )
        return {text.casefold() for text in texts}

    def _handful(self, words: Words, language: str) -> str:
        """Two to four keywords or the name and one, side by side."""
        pool = [words.name, *words.keywords]
        count = min(len(pool), self._random.randint(2, 4))
        chosen = self._random.sample(pool, count)
        space = self._random.choice(["", "、", " "]) if language in UNSPACED else None
        return self._cased((space if space is not None else self._separator()).join(chosen))

    def _separator(self) -> str:
        return ", " if self._random.random() < 0.3 else " "

    def _sentence(self, words: Words, language: str) -> str:
        """Content words among function words, some dropped, some bent."""
        content = self._content(words, language)
        if language not in UNBENT:
            content = [self._bent(word, language) for word in content]
        fillers, weights = self.function_words[language]
        for filler in self._random.choices(fillers, weights, k=self._random.randint(1, 5)):
            content.insert(self._random.randint(0, len(content)), filler)
        text = ("" if language in UNSPACED else " ").join(content)
        if language == "ko":
            text = re.sub(r" (?=\w( |$))", "", text)
        return self._cased(text + self._random.choice(["", "", "", ".", "!", "?"]))

    def _content(self, words: Words, language: str) -> list[str]:
        """Some words of the name and of up to three keywords, in some order, never none."""
        count = min(len(words.keywords), self._random.randint(0, 3))
        texts = self._random.sample(words.keywords, count)
        if not texts or self._random.random() < 0.6:
            texts.append(words.name)
        self._random.shuffle(texts)
        if language in UNSPACED:
            return texts
        split = [word for text in texts for word in words_of(text, language)] or [words.name]
        kept = [word for word in split if self._random.random() > 0.15]
        return kept or split

    def _bent(self, word: str, language: str) -> str:
        """Cut or change the end of a long word, now and then, as inflection would."""
        if len(word) < 5 or self._random.random() > 0.25:
            return word
        stem = word[: -self._random.randint(1, 2)] if self._random.random() < 0.7 else word
        return stem + (self._random.choice(self.endings[language]) if self._random.random() < 0.7 else "")

    def _cased(self, text: str) -> str:
        kind = self._random.random()
        if kind < 0.1:
            return text.upper()
        return text[:1].upper() + text[1:] if kind < 0.35 else text
