"""Train the demo model: `python -m demo.train COMMAND`, in the order text, teacher, student, tune, export."""

from functools import cached_property
from pathlib import Path

import click
import numpy as np
import torch
from transformers import DistilBertTokenizerFast

from demo.tower import Network
from demo.train import concepts, drawings, export, sources, text_tower, vocabulary
from demo.train.loop import Averaged, Plan, learn
from demo.train.places import places
from demo.train.student import Apprenticeship, Student
from demo.train.targets import SEED, targets
from demo.train.teacher import Lesson, new_network
from demo.train.unseen import assert_unseen
from demo.train.wording import Wording

FOLDER = click.Path(file_okay=False, path_type=Path)
MODEL = Path(__file__).parents[1] / "model"


class Run:
    """What all commands share: the data, the targets, and the folder of this training."""

    def __init__(self, folder: Path, cache: Path, threads: int) -> None:
        self.folder, self.cache = folder, cache
        torch.set_num_threads(threads)
        torch.manual_seed(SEED)
        folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def concepts(self) -> list[concepts.Concept]:
        """The gallery's concepts; none of their words is a phrasing of the evaluation."""
        loaded = concepts.load(self.cache)
        assert_unseen(concepts.texts(loaded))
        return loaded

    @cached_property
    def targets(self) -> torch.Tensor:
        """The fixed vectors [concepts, 512], computed once a run."""
        path = self.folder / "targets.npy"
        if not path.exists():
            np.save(path, targets(self.concepts))
        return torch.from_numpy(np.load(path))

    @cached_property
    def checks(self) -> drawings.Checks:
        """The recalls that a picture tower is watched by."""
        return drawings.Checks(self.concepts, self.targets, self.cache)

    @cached_property
    def tokenizer(self) -> DistilBertTokenizerFast:
        """The text tower's tokenizer, trained once a run."""
        folder = self.folder / "tokenizer"
        if not folder.exists():
            return vocabulary.train(self.concepts, self.wording, folder)
        loaded: DistilBertTokenizerFast = DistilBertTokenizerFast.from_pretrained(str(folder))
        return loaded

    @cached_property
    def wording(self) -> Wording:
        """Where the text tower's texts come from."""
        return Wording(self.concepts, self.cache, SEED)

    def weights(self, tower: str) -> Path:
        """Where a tower's weights are kept."""
        return self.folder / tower / "weights.pt"


@click.group()
@click.option("--folder", default=Path("data/training"), show_default=True, type=FOLDER)
@click.option("--cache", default=sources.DEFAULT_CACHE, show_default=True, type=FOLDER)
@click.option("--threads", default=1, show_default=True)
@click.pass_context
def main(context: click.Context, folder: Path, cache: Path, threads: int) -> None:
    """Train the demo model's towers. Each command takes up what the ones before it left."""
    context.obj = Run(folder, cache, threads)


@main.command()
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--rate", default=1e-3, show_default=True)
@click.pass_obj
def text(run: Run, minutes: float, rate: float) -> None:
    """Train the text tower, from its last weights if there are any."""
    tower = text_tower.TextTower(len(run.tokenizer))
    if run.weights("text").exists():
        tower.load_state_dict(torch.load(run.weights("text")))
    else:
        tower.warm_start(text_tower.piece_vectors(run.concepts, run.targets, run.tokenizer))
    lesson = text_tower.Lesson(tower, run.tokenizer, run.concepts, [run.targets], run.wording, SEED)
    averaged = Averaged(tower, Plan.average)
    check = text_tower.Check(averaged, run.tokenizer, run.concepts, run.targets)
    learn(tower.train(), averaged, lesson.step, check, Plan(minutes, rate), run.folder / "text")


@main.command()
@click.option("--minutes", default=15.0, show_default=True)
@click.option("--rate", default=8e-4, show_default=True)
@click.option("--tower", default="teacher", show_default=True, type=click.Choice(["teacher", "student"]))
@click.pass_obj
def tune(run: Run, minutes: float, rate: float, tower: str) -> None:
    """Tune the text tower to where the picture tower has put the pictures, from its last weights."""
    pictures = Network() if tower == "teacher" else Student()
    pictures.load_state_dict(torch.load(run.weights(tower)))
    gallery, common = places(pictures.eval(), run.concepts, run.targets, run.cache)
    words = text_tower.TextTower(len(run.tokenizer))
    last = "tuned" if run.weights("tuned").exists() else "text"
    words.load_state_dict(torch.load(run.weights(last)))
    averaged = Averaged(words, Plan.average)
    lesson = text_tower.Lesson(words, run.tokenizer, run.concepts, [gallery, common], run.wording, SEED)
    check = text_tower.Check(averaged, run.tokenizer, run.concepts, gallery)
    learn(words.train(), averaged, lesson.step, check, Plan(minutes, rate), run.folder / "tuned")


@main.command()
@click.option("--minutes", default=40.0, show_default=True)
@click.option("--rate", default=4e-3, show_default=True)
@click.pass_obj
def teacher(run: Run, minutes: float, rate: float) -> None:
    """Train the CNN that teaches the picture tower, from its last weights if there are any."""
    pool = drawings.pool(run.concepts, run.cache, SEED)
    tower = new_network(drawings.plain_batch(pool))
    if run.weights("teacher").exists():
        tower.load_state_dict(torch.load(run.weights("teacher")))
    averaged = Averaged(tower, Plan.average)
    lesson = Lesson(tower, pool, run.targets, SEED)
    plan = Plan(minutes, rate, decay=0.05, orthogonal=True)
    learn(tower, averaged, lesson.step, lambda: run.checks.line(averaged.model), plan, run.folder / "teacher")


@main.command()
@click.option("--minutes", default=60.0, show_default=True)
@click.option("--rate", default=1e-3, show_default=True)
@click.option("--alone", is_flag=True, help="Without the teacher: a warm start by the targets.")
@click.pass_obj
def student(run: Run, minutes: float, rate: float, alone: bool) -> None:
    """Train the ViT that ships, from its last weights if there are any."""
    tower = Student()
    pool = drawings.pool(run.concepts, run.cache, SEED + 1)
    if run.weights("student").exists():
        tower.load_state_dict(torch.load(run.weights("student")))
    else:
        tower.warm_start(drawings.plain_batch(pool))
    averaged = Averaged(tower, Plan.average)
    lesson = Apprenticeship(tower, None if alone else _taught(run), pool, run.targets, SEED)
    plan = Plan(minutes, rate, decay=0.05, orthogonal=True, warm_up=200)
    line = run.checks.line
    learn(tower.train(), averaged, lesson.step, lambda: line(averaged.model), plan, run.folder / "student")


def _taught(run: Run) -> Network:
    tower = Network()
    tower.load_state_dict(torch.load(run.weights("teacher")))
    tower.eval()
    return tower


@main.command("export")
@click.option("--output", default=MODEL, show_default="demo/model", type=FOLDER)
@click.option("--tower", default="teacher", show_default=True, type=click.Choice(["teacher", "student"]))
@click.pass_obj
def export_all(run: Run, output: Path, tower: str) -> None:
    """Write both towers where the application reads them."""
    words = text_tower.TextTower(len(run.tokenizer))
    words.load_state_dict(torch.load(run.weights("tuned")))
    export.export_text(words, run.tokenizer, output / "text")
    if tower == "student":
        student_tower = Student()
        student_tower.load_state_dict(torch.load(run.weights("student")))
        export.export_picture(student_tower, output / "picture")
    else:
        network = Network()
        network.load_state_dict(torch.load(run.weights("teacher")))
        export.export_network(network, output / "picture")


if __name__ == "__main__":
    main()
