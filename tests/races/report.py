"""What races come to, in figures, and running many of them on every core."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.jobs.actions import Decision
from tests.races.checker import ENDS, lost_replies
from tests.races.race import Result, race
from tests.seeds import on_every_core
from tests.simulation.loop import Deadlock


@dataclass(frozen=True)
class Figures:
    """What came of one race."""

    seed: int
    presses: int
    posts: int
    faults: int
    """POSTs that did not get their own answer at once."""
    crashes: int
    decisions: Counter[Decision]
    lost_replies: int
    broken: Sequence[str]
    digest: str


def figures_of(result: Result) -> Figures:
    """Return the figures of a race."""
    seen = result.evidence
    return Figures(
        seed=result.plan.seed,
        presses=len(seen.presses),
        posts=len(seen.posts),
        faults=sum(post.fault != "calm" for post in seen.posts),
        crashes=result.crashes,
        decisions=Counter(row.decision for row in seen.rows),
        lost_replies=lost_replies(seen),
        broken=result.broken,
        digest=result.digest,
    )


def races(seeds: Iterable[int]) -> Iterator[Figures]:
    """Run races, each core its own."""
    return on_every_core(_figures, seeds, at_once=10)


def total(all_of_them: Sequence[Figures]) -> str:
    """Return the figures of all races."""
    decisions = sum((each.decisions for each in all_of_them), Counter[Decision]())
    ends = ", ".join(f"{decisions[end]:,} {end}" for end in Decision if end in ENDS)
    others = ", ".join(
        f"{times:,} {decision}"
        for decision, times in sorted(decisions.items())
        if decision not in ENDS and decision is not Decision.SUBMITTED
    )
    return (
        f"{len(all_of_them):,} races: {sum(each.presses for each in all_of_them):,} presses, "
        f"{decisions[Decision.SUBMITTED]:,} actions, {sum(each.posts for each in all_of_them):,} POSTs of which "
        f"{sum(each.faults for each in all_of_them):,} met trouble, "
        f"{sum(each.crashes for each in all_of_them):,} crashes; actions ended: {ends}; other presses: {others}; "
        f"{sum(each.lost_replies for each in all_of_them):,} answers lost with a process after the end was stored; "
        f"{sum(bool(each.broken) for each in all_of_them)} races broke a promise"
    )


def _figures(seed: int) -> Figures:
    try:
        return figures_of(race(seed))
    except (Deadlock, TimeoutError) as error:
        return Figures(seed, 0, 0, 0, 0, Counter(), 0, [repr(error)], "")
