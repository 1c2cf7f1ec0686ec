"""What a run comes to, in words and figures."""

from collections.abc import Sequence

from tests.simulation.simulation import Result

HEAD = "seed         due ambig crash stop parked lost doubled disorder counted  untrue  virtual   wall  digest"


def line(result: Result) -> str:
    """Return a seed's figures."""
    checked = result.checked
    kind = "covered" if result.plan.is_covered else "beyond"
    figures = (
        f"{result.plan.seed:>4} {kind:<7}{checked.due:>4}{result.counts.unconfirmed:>6}{result.crashes:>6}{result.stops:>5}"
        f"{checked.given_up:>7}{len(checked.lost):>5}{len(checked.doubled):>8}{len(checked.disordered):>9}"
        f"{result.counted:>8}{checked.untrue:>8}{result.virtual:>9.0f}{result.wall:>7.2f}  {result.digest[:16]}"
    )
    errors = "".join(f"\n    logged: {event}, {times} times" for event, times in result.errors.items())
    return f"{figures}{errors}"


def failures(result: Result) -> list[str]:
    """Return what a seed breaks of the promises."""
    checked = result.checked
    found = [f"lost: {each}" for each in checked.lost] + [f"out of order: {each}" for each in checked.disordered]
    found += [f"card not up to date: {each}" for each in checked.stale]
    if result.plan.is_covered and result.plan.has_history:
        found += [f"doubled: {each}" for each in checked.doubled]
    elif checked.repeats > result.counted:
        found += [f"doubled, and only {result.counted} counted: {each}" for each in checked.doubled]
    return found


def total(results: Sequence[Result]) -> str:
    """Return the figures of all seeds."""
    checks = [result.checked for result in results]
    covered = [result for result in results if result.plan.is_covered]
    beyond = [result for result in results if not result.plan.is_covered]
    doubled = [sum(len(result.checked.doubled) for result in some) for some in (covered, beyond)]
    hours = sum(result.virtual for result in results) / 3600
    return (
        f"{len(results)} seeds: {sum(checked.due for checked in checks):,} alerts due, "
        f"{sum(result.counts.unconfirmed for result in results):,} unconfirmed responses, "
        f"{sum(result.crashes for result in results):,} crashes, {sum(result.stops for result in results):,} stops; "
        f"{sum(len(checked.lost) for checked in checks)} lost, "
        f"{doubled[0]} doubled in covered worlds and {doubled[1]} beyond, "
        f"{sum(len(checked.disordered) for checked in checks)} out of order, "
        f"{sum(len(checked.stale) for checked in checks)} cards not up to date after "
        f"{sum(result.counts.edits for result in results):,} edits; "
        f"{sum(result.counted for result in results):,} possible duplicates counted, "
        f"{sum(checked.given_up for checked in checks)} parked or dead, "
        f"{sum(checked.untrue for checked in checks)} untrue; "
        f"{hours:,.0f} h simulated in {sum(result.wall for result in results):.0f} s"
    )
