from pathlib import Path

import pytest

from bot.commands.command import Verb
from bot.commands.usage import USAGE

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("verb", USAGE)
def test_the_readme_shows_how_each_verb_is_written(verb: Verb) -> None:
    form = USAGE[verb].syntax.replace("|", "\\|")
    assert f"| `/ftjob {form}` |" in README
