"""``python -m bot`` is ``ftjob``."""

from bot.cli.main import main

main()
