"""The loop all towers share: a schedule by processor time, averaged weights, safe checkpoints."""

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from demo.train.muon import Muon

OUTER = ("stem", "head", "dense", "bert.embeddings", "clip.visual_projection", "clip.vision_model.embeddings")
"""Names of the weights that meet the input or the output."""

Step = Callable[[], torch.Tensor]
"""Makes a batch and returns its loss."""

Check = Callable[[], str]
"""Measures the averaged model and returns a line for the log."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast to learn.

    `minutes` are of processor time, so that a busy machine makes a training last longer, not
    learn less; the rate falls to zero as they end. `orthogonal` takes Muon for the matrices.
    `average` is the decay a step of the averaged weights.
    """

    minutes: float
    rate: float
    decay: float = 0.02
    orthogonal: bool = False
    warm_up: int = 100
    clip: float = 1.0
    average: float = 0.998
    check_every: float = 3.0


class Averaged:
    """A copy of a model whose weights trail the trained ones: smoother, and always fit to ship."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        self._source = model
        self._decay = decay

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Move towards the source; faster in the first steps, whose weights mean nothing yet."""
        weight = 1 - min(self._decay, (1 + steps) / (10 + steps))
        sources = self._source.state_dict()
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                value.lerp_(sources[name], weight)
            else:
                value.copy_(sources[name])


def learn(model: nn.Module, averaged: Averaged, step: Step, check: Check, plan: Plan, folder: Path) -> None:
    """Train until the plan's time is over, saving the averaged weights at every check."""
    torch.set_flush_denormal(True)  # vanishing gradients would slow every product tenfold
    optimizers = Optimizers(model, plan)
    started = checked = time.process_time()
    steps, smooth = 0, 0.0
    while (done := (time.process_time() - started) / (60 * plan.minutes)) < 1:
        loss = step()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
        optimizers.step(plan.rate * _share(plan, steps, done))
        averaged.update(steps)
        steps += 1
        smooth += (loss.item() - smooth) / min(steps, 100)
        if time.process_time() - checked > 60 * plan.check_every:
            _report(averaged, check, folder, f"step {steps} done {done:.2f} loss {smooth:.3f}")
            checked = time.process_time()
    _report(averaged, check, folder, f"step {steps} finished loss {smooth:.3f}")


class Optimizers:
    """AdamW, and Muon for the matrices inside a tower where the plan says so.

    Embeddings, stems and heads are left to AdamW, as Muon's authors advise.
    """

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        named = list(model.named_parameters())
        hidden = [p for n, p in named if plan.orthogonal and p.ndim > 1 and not n.startswith(OUTER)]
        inner = {id(weight) for weight in hidden}
        rest = [(n, p) for n, p in named if id(p) not in inner]
        self._adam = torch.optim.AdamW(_groups(rest, plan.decay), lr=plan.rate, fused=True)
        self._muon = Muon(hidden, plan.decay)
        self._model = model

    def step(self, rate: float) -> None:
        """Update all weights and forget their gradients."""
        for group in self._adam.param_groups:
            group["lr"] = rate
        self._adam.step()
        self._muon.step(rate)
        self._model.zero_grad(set_to_none=True)


def _groups(named: list[tuple[str, nn.Parameter]], decay: float) -> list[dict[str, object]]:
    """Weight decay for matrices only, not for biases, norms and positions."""
    wide = [p for n, p in named if p.ndim > 1 and "embedding" not in n]
    others = [p for n, p in named if p.ndim <= 1 or "embedding" in n]
    return [{"params": wide, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _share(plan: Plan, steps: int, done: float) -> float:
    """The share of the full rate: a linear warm-up, then half a cosine down to zero."""
    return min(1.0, (steps + 1) / plan.warm_up) * 0.5 * (1 + math.cos(math.pi * done))


def _report(averaged: Averaged, check: Check, folder: Path, line: str) -> None:
    save(averaged.model, folder / "weights.pt")
    used = time.process_time() / 60
    print(f"{time.strftime('%H:%M:%S')} {line} cpu {used:.1f} min | {check()}", flush=True)


def save(model: nn.Module, path: Path) -> None:
    """Write the weights beside their place and rename them into it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    torch.save(model.state_dict(), unfinished)
    unfinished.replace(path)
