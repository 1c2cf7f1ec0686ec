"""``python -m bot`` is ``ftjob``."""

from bot.cli import main

main()
