"""Discriminative adversarial unlearning: a membership attacker and the model play against each other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.methods.base import method
from orthoui.methods.optimise import TrainingRequest, set_mode, train_on
from orthoui.methods.work import Batch, Work
from orthoui.models.anatomy import hooked

FLOOR = 1e-4
"""Smallest probability of a true label that an attacker is told; keeps its loss feature finite."""
OFF_DIAGONAL = 5e-3
"""ν of the redundancy term of Barlow Twins."""


class DiscriminativeRequest(TrainingRequest):
    """The paper's weights are not known; these are ours."""

    epochs: int = Field(default=10, ge=0, le=200, title="Epochs", description="passes over the retained images")
    adversarial: float = Field(
        default=1.0, ge=0, le=100, title="Attack weight λₐ", description="of deceiving the attacker"
    )
    alignment: float = Field(
        default=1e-3, ge=0, le=10, title="Alignment weight λ_b", description="of the Barlow Twins term on features"
    )
    attacker_rate: float = Field(
        default=1e-3, ge=0, le=1, title="Attacker's learning rate", description="of its Adam steps"
    )
    reference: Literal["without", "held-out", "retained"] = Field(
        default="without",
        title="Unseen answers",
        description=(
            "what the class should pass for: its held-out images as the original answers them without the class, or "
            "as they are answered (keeps the class), or held-out images of the other classes"
        ),
    )


@dataclass(eq=False)
class Game:
    """The attacker, the original model, and the two sets of images it shall not tell apart."""

    attacker: nn.Module
    optimiser: torch.optim.Optimizer
    original: nn.Module
    unseen: ImageSet
    generator: torch.Generator


@method(
    "discriminative-adversarial",
    title="Discriminative adversarial (reconstruction)",
    source="Sharma et al., 2024 (arXiv 2402.06864); rebuilt from its text, no code is public",
    summary="Trains on the rest while deceiving an attacker that tries to tell the class from unseen images.",
    request=DiscriminativeRequest,
    needs={"forget images", "retain images", "held-out images", "gradients", "classifier head"},
    defaults="proposed",
)
def discriminative_adversarial(work: Work) -> nn.Module:
    """Alternate a step of the attacker and one of the model for every retained batch.

    Not as a proof of privacy: what the attacker cannot tell apart, another one may. “held-out” hides membership and
    may keep the class; “without” forgets it, and answers its images more surely than a retrained model would.
    """
    request, student = work.asked(DiscriminativeRequest), work.student()
    game = make_game(work, request)

    def loss_of(retain: Batch) -> Tensor:
        kept = F.cross_entropy(work.logits(student, retain.inputs), retain.labels)
        if not (request.adversarial or request.alignment):
            return kept
        forget, unseen = paired(work, game, request.batch_size)
        with answering(student, request.bn_mode):
            attacker_step(work, game, student, forget, unseen, request)
            return kept + defence(work, game, student, forget, unseen, request)

    with work.stage("optimisation"):
        train_on(
            work,
            student,
            request,
            work.retain,
            loss_of,
            augmented=True,
        )
    return student


def make_game(work: Work, request: DiscriminativeRequest) -> Game:
    """Return a fresh attacker (MLP 64-64-1) and the unseen images; says in a note which images those are."""
    attacker = nn.Sequential(
        nn.Linear(work.classes + 2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0)
    ).to(work.device)
    of_class = torch.isin(work.held_out.labels, torch.tensor(request.classes))
    other = request.reference == "retained" or not of_class.any()
    unseen = work.held_out.subset(torch.nonzero(~of_class if other else of_class).flatten())
    words = "other classes" if other else "the forgotten class"
    work.notes.append(f"The attacker compares with {len(unseen):,} held-out images of {words}.")
    optimiser = torch.optim.Adam(attacker.parameters(), lr=request.attacker_rate)
    generator = torch.Generator().manual_seed(request.seed + 1)
    return Game(attacker, optimiser, work.model.network, unseen, generator)


def paired(work: Work, game: Game, size: int) -> tuple[Batch, Batch]:
    """Return equally many forgotten and unseen images, drawn by the game's own generator."""
    count = min(size, len(work.forget), len(game.unseen))

    def drawn(images: ImageSet) -> Batch:
        return work.batch(images, torch.randperm(len(images), generator=game.generator)[:count])

    return drawn(work.forget), drawn(game.unseen)


@contextmanager
def answering(student: nn.Module, bn_mode: Literal["train", "eval"]) -> Iterator[None]:
    """Put the network in evaluation mode for a block: attacks read running statistics and do not move them."""
    student.eval()
    try:
        yield
    finally:
        set_mode(student, bn_mode)


def attack_features(logits: Tensor, labels: Tensor) -> Tensor:
    """Return φ (N, C + 2): the sorted posterior, the true label's probability, and its loss; differentiable."""
    posterior = logits.softmax(1)
    true = posterior.gather(1, labels[:, None])
    return torch.cat([posterior.sort(1, descending=True).values, true, -true.clamp(min=FLOOR).log()], 1)


def unseen_logits(
    work: Work, game: Game, unseen: Batch, request: DiscriminativeRequest, answers: Callable[[], Tensor]
) -> Tensor:
    """Return how unseen images are answered: by ``answers``, or by the original with the class's outputs off."""
    if request.reference != "without":
        return answers()
    with torch.no_grad():
        logits = work.logits(game.original, unseen.inputs)
    return logits.index_fill(1, torch.tensor(request.classes, device=logits.device), -torch.inf)


def verdicts(game: Game, forget: Tensor, unseen: Tensor) -> Tensor:
    """Return E log A(φ) on the forgotten + E log(1 − A(φ)) on the unseen images, from features (N, C + 2)."""
    return F.logsigmoid(game.attacker(forget)).mean() + F.logsigmoid(-game.attacker(unseen)).mean()


def attacker_step(
    work: Work, game: Game, student: nn.Module, forget: Batch, unseen: Batch, request: DiscriminativeRequest
) -> None:
    """Let the attacker learn once to tell the forgotten from the unseen; the model is only read."""
    with torch.no_grad():
        seen = attack_features(work.logits(student, forget.inputs), forget.labels)
        logits = unseen_logits(work, game, unseen, request, lambda: work.logits(student, unseen.inputs))
        other = attack_features(logits, unseen.labels)
    game.optimiser.zero_grad(set_to_none=True)
    with torch.enable_grad():
        (-verdicts(game, seen, other)).backward()  # type: ignore[no-untyped-call]
    game.optimiser.step()


def defence(
    work: Work, game: Game, student: nn.Module, forget: Batch, unseen: Batch, request: DiscriminativeRequest
) -> Tensor:
    """Return λₐ · the attacker's success + λ_b · the Barlow Twins term; gradients reach the model through φ."""
    caught: list[Tensor] = []
    catch = {work.head: lambda module, inputs, output: caught.append(inputs[0].float().flatten(1))}
    with hooked(student, catch):
        seen = work.logits(student, forget.inputs)
        other = work.logits(student, unseen.inputs)
    work.backward_passes += len(forget) + len(unseen)
    logits = unseen_logits(work, game, unseen, request, lambda: other)
    success = verdicts(game, attack_features(seen, forget.labels), attack_features(logits, unseen.labels))
    aligned = barlow_twins(*caught) if request.alignment else torch.zeros((), device=work.device)
    return request.adversarial * success + request.alignment * aligned


def barlow_twins(one: Tensor, two: Tensor) -> Tensor:
    """Return Σ (1 − M_ii)² + ν Σ_{i≠j} M_ij² of the correlations M between paired features (N, D).

    Zbontar et al., ICML 2021; a feature that does not vary in the batch counts as uncorrelated.
    """
    first, second = ((part - part.mean(0)) / (part.std(0, correction=0) + 1e-5) for part in (one, two))
    correlation = first.T @ second / len(one)
    diagonal = correlation.diagonal()
    rest = (correlation**2).sum() - (diagonal**2).sum()
    return ((1 - diagonal) ** 2).sum() + OFF_DIAGONAL * rest
