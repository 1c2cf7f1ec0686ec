"""Manual clock of the stand-ins: it stands still until a test moves it."""

NOW = 1_790_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now
