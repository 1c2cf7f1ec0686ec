import re
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bot.commands.registry import USAGES
from bot.store.db.schema import metadata

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("verb", USAGES)
def test_the_readme_shows_how_each_verb_is_written(verb: str) -> None:
    form = USAGES[verb].syntax.replace("|", "\\|")
    assert f"| `/ftjob {form}` |" in README


@pytest.mark.parametrize("query", [each.strip() for block in QUERIES for each in block.split(";") if each.strip()])
def test_the_queries_of_the_operations_page_fit_the_schema(query: str) -> None:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql(query)
    engine.dispose()
