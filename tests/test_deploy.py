"""The recipes of docs/deploy.md: what can be read by the tools they are for is, and all of it fits the program."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bot.app.process import STOP_TIMEOUT
from bot.cli.main import EX_CONFIG

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "docs" / "ftjob.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze on this machine")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    # It looks for the program and the user, too, which only a machine with the bot on it has.
    text = UNIT.read_text().replace("/opt/ftjob/bin/ftjob run", "/bin/true").replace("User=ftjob", "User=root")
    (tmp_path / "ftjob.service").write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "ftjob.service")], capture_output=True, text=True, check=False
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if "ftjob" in line]
    assert (done.returncode, said) == (0, [])


def test_the_unit_fits_the_program() -> None:
    settings = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line and line[0] != "#")
    assert int(settings["RestartPreventExitStatus"]) == EX_CONFIG
    assert float(settings["TimeoutStopSec"]) > STOP_TIMEOUT


def test_the_container_copies_what_there_is() -> None:
    lines = (ROOT / "docs" / "Containerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    # What the last stage installs is what runs; the tools that build stay behind.
    image = "\n".join(lines).split("FROM ")[-1]
    assert "requirements.lock" in image
    assert "build.lock" not in image
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_page_names_files_and_commands_that_there_are() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    for name in ("ftjob.service", "Containerfile"):
        assert f"]({name})" in page
        assert (ROOT / "docs" / name).exists()
    for words in (["db", "backup", "--help"], ["db", "restored", "--help"], ["db", "upgrade", "--help"]):
        assert f"ftjob {' '.join(words[:2])}" in page
