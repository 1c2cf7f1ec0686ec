"""What a run comes to, in words and figures."""

from collections.abc import Sequence

from tests.simulation.simulation import Result

HEAD = "seed         due ambig crash stop parked lost doubled disorder counted  untrue  virtual   wall  ledger"


def line(result: Result) -> str:
    """Return a seed's figures."""
    verdict = result.checked
    kind = "covered" if result.plan.is_covered else "beyond"
    figures = (
        f"{result.plan.seed:>4} {kind:<7}{verdict.due:>4}{result.counts.unconfirmed:>6}{result.crashes:>6}{result.stops:>5}"
        f"{verdict.given_up:>7}{len(verdict.lost):>5}{len(verdict.doubled):>8}{len(verdict.disordered):>9}"
        f"{result.counted:>8}{verdict.untrue:>8}{result.virtual:>9.0f}{result.wall:>7.2f}  {result.ledger[:16]}"
    )
    errors = "".join(f"\n    logged: {event}, {times} times" for event, times in result.errors.items())
    return f"{figures}{errors}"


def failures(result: Result) -> list[str]:
    """Return what a seed breaks of the promises."""
    verdict = result.checked
    found = [f"lost: {each}" for each in verdict.lost] + [f"out of order: {each}" for each in verdict.disordered]
    found += [f"card not up to date: {each}" for each in verdict.stale]
    if result.plan.is_covered and result.plan.has_history:
        found += [f"doubled: {each}" for each in verdict.doubled]
    elif verdict.repeats > result.counted:
        found += [f"doubled, and only {result.counted} counted: {each}" for each in verdict.doubled]
    return found


def total(results: Sequence[Result]) -> str:
    """Return the figures of all seeds."""
    verdicts = [result.checked for result in results]
    covered = [result for result in results if result.plan.is_covered]
    beyond = [result for result in results if not result.plan.is_covered]
    doubled = [sum(len(result.checked.doubled) for result in some) for some in (covered, beyond)]
    hours = sum(result.virtual for result in results) / 3600
    return (
        f"{len(results)} seeds: {sum(verdict.due for verdict in verdicts):,} alerts due, "
        f"{sum(result.counts.unconfirmed for result in results):,} ambiguous answers, "
        f"{sum(result.crashes for result in results):,} crashes, {sum(result.stops for result in results):,} stops; "
        f"{sum(len(verdict.lost) for verdict in verdicts)} lost, "
        f"{doubled[0]} doubled in covered worlds and {doubled[1]} beyond, "
        f"{sum(len(verdict.disordered) for verdict in verdicts)} out of order, "
        f"{sum(len(verdict.stale) for verdict in verdicts)} cards not up to date after "
        f"{sum(result.counts.edits for result in results):,} edits; "
        f"{sum(result.counted for result in results):,} possible duplicates counted, "
        f"{sum(verdict.given_up for verdict in verdicts)} parked or dead, "
        f"{sum(verdict.untrue for verdict in verdicts)} untrue; "
        f"{hours:,.0f} h simulated in {sum(result.wall for result in results):.0f} s"
    )
