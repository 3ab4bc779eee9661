"""The text tower: a small DistilBERT, mean pooling, and a dense layer to the targets' space.

It starts warm: the vector of a piece is the mean of the targets of the concepts whose words
hold it, so that the tower is a bag of words before the first step and learns from there.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional
from transformers import DistilBertConfig, DistilBertModel, DistilBertTokenizerFast

from demo.train.concepts import LANGUAGES, Concept
from demo.train.loop import Averaged
from demo.train.wording import Wording

WIDTH = 256
LAYERS = 3
SCALE = 20.0
"""Sharpness of the softmax over cosines."""

BATCH = 256
TOGETHER = 8
"""Batches made at once and sorted by length."""
LONGEST = 40
UNKNOWN = 0.03
"""Share of pieces hidden in training: words that a person types and CLDR does not know."""


class TextTower(nn.Module):
    """DistilBERT, mean over the pieces, dense to 512 without bias: the layout of the hub's."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.config = DistilBertConfig(
            vocab_size=vocabulary,
            dim=WIDTH,
            n_layers=LAYERS,
            n_heads=4,
            hidden_dim=4 * WIDTH,
            max_position_embeddings=128,
            dropout=0.0,
            attention_dropout=0.0,
            # PyTorch's fused attention takes twice as long on a CPU for texts this short.
            attn_implementation="eager",
        )
        self.bert = DistilBertModel(self.config)
        self.dense = nn.Linear(WIDTH, 512, bias=False)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return unit vectors [n, 512] for piece numbers and their mask [n, pieces]."""
        states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        return functional.normalize(self.dense(mean).float(), dim=-1)

    @torch.no_grad()
    def warm_start(self, pieces: torch.Tensor) -> None:
        """Start from the vectors of the pieces [vocabulary, 512]: embeddings and dense layer.

        The dense layer undoes the reduction to the tower's width (principal components).
        """
        _, _, components = torch.pca_lowrank(pieces, q=WIDTH, center=False, niter=4)
        reduced = pieces @ components
        scale = reduced.std()
        self.bert.embeddings.word_embeddings.weight.copy_(reduced / scale)
        self.dense.weight.copy_(components / WIDTH**0.5)


def piece_vectors(
    concepts: list[Concept], targets: torch.Tensor, tokenizer: DistilBertTokenizerFast
) -> torch.Tensor:
    """Return for each piece the sum of the targets it speaks for, rare words loudest."""
    counts = np.zeros((len(tokenizer), len(concepts)), np.float32)
    for index, concept in enumerate(concepts):
        texts = [t for words in concept.words.values() for t in (words.name, *words.keywords)]
        for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]:
            counts[ids, index] += 1
    share = np.sqrt(counts)
    share /= np.maximum(share.sum(1, keepdims=True), 1)
    return torch.from_numpy(share) @ targets


@dataclass(frozen=True)
class Exercise:
    """A batch: piece numbers and mask [n, pieces], the concept and the language of each [n]."""

    ids: torch.Tensor
    mask: torch.Tensor
    concepts: torch.Tensor
    languages: npt.NDArray[np.int64]


class Lesson:
    """Makes batches: concepts in languages chosen by how hard those are at the moment.

    A set of places [concepts, 512] is where the texts are to go: the targets, or where a trained
    picture tower has put the pictures.
    """

    def __init__(
        self,
        tower: TextTower,
        tokenizer: DistilBertTokenizerFast,
        concepts: list[Concept],
        places: list[torch.Tensor],
        wording: Wording,
        seed: int,
    ) -> None:
        self._tower, self._tokenizer, self._wording = tower, tokenizer, wording
        self._places = places
        self._random = np.random.default_rng(seed)
        self._known = [
            np.array([i for i, c in enumerate(concepts) if language in c.words]) for language in LANGUAGES
        ]
        self._difficulty = np.ones(len(LANGUAGES))
        self._waiting: list[Exercise] = []

    def step(self) -> torch.Tensor:
        """Return the cross-entropy of one batch over each set of places."""
        if not self._waiting:
            self._waiting = self._exercises()
        batch = self._waiting.pop()
        with torch.autocast("cpu", torch.bfloat16):
            vectors = self._tower(batch.ids, batch.mask)
        losses = torch.stack([self._missed(vectors, places, batch.concepts) for places in self._places])
        self._remember(batch.languages, losses.detach().mean(0).numpy())
        return losses.mean()

    @staticmethod
    def _missed(vectors: torch.Tensor, places: torch.Tensor, concepts: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(SCALE * vectors @ places.T, concepts, reduction="none")

    def _exercises(self) -> list["Exercise"]:
        """Make several batches at once, each of texts about as long: padding costs time."""
        count = BATCH * TOGETHER
        languages = self._random.choice(len(LANGUAGES), count, p=self._shares())
        chosen = np.array([self._random.choice(self._known[language]) for language in languages])
        texts = [
            self._wording.text(int(concept), LANGUAGES[language])
            for concept, language in zip(chosen, languages, strict=True)
        ]
        order = np.argsort([len(ids) for ids in self._tokenizer(texts)["input_ids"]])
        batches = self._random.permutation(order.reshape(TOGETHER, BATCH))
        return [
            Exercise(
                *self._encoded([texts[i] for i in batch]),
                torch.from_numpy(chosen[batch]),
                languages[batch],
            )
            for batch in batches
        ]

    def _shares(self) -> npt.NDArray[np.float64]:
        """Harder languages get more, English, in which the extras are named, twice as much."""
        weights = self._difficulty.copy()
        weights[0] *= 2.0
        shares: npt.NDArray[np.float64] = weights / weights.sum()
        return shares

    def _remember(self, languages: npt.NDArray[np.int64], losses: npt.NDArray[np.float32]) -> None:
        for language in np.unique(languages):
            now = losses[languages == language].mean()
            self._difficulty[language] += 0.02 * (now - self._difficulty[language])

    def _encoded(self, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        encoded = self._tokenizer(
            texts, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt"
        )
        ids, mask = encoded["input_ids"], encoded["attention_mask"]
        hidden = torch.from_numpy(self._random.random(ids.shape) < UNKNOWN) & (ids > 4)
        return ids.masked_fill(hidden, self._tokenizer.unk_token_id), mask


def encode(tower: TextTower, tokenizer: DistilBertTokenizerFast, texts: list[str]) -> torch.Tensor:
    """Return unit vectors [n, 512]."""
    parts = []
    for at in range(0, len(texts), 256):
        batch = tokenizer(
            texts[at : at + 256], padding=True, truncation=True, max_length=128, return_tensors="pt"
        )
        with torch.inference_mode():
            parts.append(tower(batch["input_ids"], batch["attention_mask"]))
    return torch.cat(parts)


class Check:
    """The share of names that have their own target among the ten nearest, by language."""

    def __init__(
        self,
        averaged: Averaged,
        tokenizer: DistilBertTokenizerFast,
        concepts: list[Concept],
        targets: torch.Tensor,
    ) -> None:
        self._averaged, self._tokenizer = averaged, tokenizer
        self._concepts, self._targets = concepts, targets

    def __call__(self) -> str:
        """Return the recalls as a line for the log."""
        return " ".join(f"{language} {self._recall(language):.3f}" for language in LANGUAGES)

    def _recall(self, language: str, sample: int = 8) -> float:
        """Recall at 10 over one in `sample` of CLDR's own concepts: enough for a log."""
        queries = [i for i, c in enumerate(self._concepts) if c.main and language in c.words][::sample]
        names = [self._concepts[i].words[language].name for i in queries]
        best = (self._encoded(names) @ self._targets.T).topk(10).indices
        return float((best == torch.tensor(queries)[:, None]).any(1).float().mean())

    def _encoded(self, texts: list[str]) -> torch.Tensor:
        batch = self._tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
        with torch.inference_mode():
            vectors: torch.Tensor = self._averaged.model(batch["input_ids"], batch["attention_mask"])
        return vectors
