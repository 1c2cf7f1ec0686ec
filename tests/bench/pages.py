"""How soon the page of ``ftjob try`` answers after months of messages and jobs, beside a fresh one."""

from tests.bench.figures import Part, at_most, plain
from tests.sandbox.demo.page.browser_session import browser_session
from tests.sandbox.demo.page.full_workspace import JOBS, MESSAGES, fill, milliseconds

MOST_TIMES = 2.0


async def measure() -> Part:
    """Measure answers on a page before and after it is filled: in the tab that saw it all, and in a new one."""
    async with browser_session() as session:
        people = [session.demo.operator.id, session.demo.member.id]
        fresh = await milliseconds([session.tab], people)
        await fill(session)
        full = await milliseconds([session.tab, await session.open()], people)
    return Part(
        f"An answer on the page of ftjob try, {MESSAGES:,} messages and {JOBS} jobs",
        [
            plain("until it is painted, a fresh page", fresh, unit=" ms", digits=0),
            plain("until it is painted, the full page", full, unit=" ms", digits=0),
            at_most("the second in times of the first", full / fresh, MOST_TIMES, unit="x"),
        ],
    )
