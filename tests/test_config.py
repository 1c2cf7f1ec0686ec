from pathlib import Path

import pytest

from bot.config import Config, read_config


def read(tmp_path: Path, text: str) -> tuple[Config, list[str]]:
    file = tmp_path / "ftjob.toml"
    file.write_text(text)
    return read_config(str(file))


def test_what_the_file_says_holds_and_the_rest_stays(tmp_path: Path) -> None:
    config, problems = read(tmp_path, '[prices]\n"gpt-4o" = 25\n[stuck]\nqueued = "90min"\nsilent = "off"\n')
    assert problems == []
    assert config.prices == {"gpt-4o": 25.0}
    assert (config.stuck.queued, config.stuck.silent, config.stuck.validating_files) == (5400.0, None, 3600.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[prices", "is not TOML"),
        ("[price]\n", "did you mean prices?"),
        ('[stuck]\nqueue = "1h"\n', "did you mean queued?"),
        ('[stuck]\nqueued = "soon"\n', 'must be a time like "90min"'),
        ("[prices]\ngpt-4.1 = 3\n", "put the whole name in quotes"),
        ('[prices]\n"gpt-4o" = "3"\n', "must be a number of US dollars"),
        ("prices = 3\n", "must be a table"),
    ],
)
def test_what_is_wrong_is_said_in_words(tmp_path: Path, text: str, says: str) -> None:
    _, problems = read(tmp_path, text)
    assert len(problems) == 1
    assert says in problems[0]
    assert problems[0].startswith("FTJOB_CONFIG")


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert read_config(str(tmp_path / "no.toml"))[1] == ["FTJOB_CONFIG cannot be read: No such file or directory"]
