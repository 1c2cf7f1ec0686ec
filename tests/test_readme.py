from pathlib import Path

import pytest

from bot.commands.registry import USAGES

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("verb", USAGES)
def test_the_readme_shows_how_each_verb_is_written(verb: str) -> None:
    form = USAGES[verb].syntax.replace("|", "\\|")
    assert f"| `/ftjob {form}` |" in README
