"""Lightning's Trainer and the base of its callbacks."""

from types import SimpleNamespace
from typing import Any

from recording import events, mode  # type: ignore[import-not-found]  # it is beside this folder when this runs


class Callback:
    """The base of a callback."""


class Trainer:
    """A Trainer that replays a recorded training."""

    def __init__(self, *, callbacks: list[Any]) -> None:
        self._callbacks = callbacks

    def fit(self, *_: Any) -> None:
        """Call the callbacks in the recorded order."""
        trainer = SimpleNamespace(should_stop=False)
        for name, seen in events():
            if name in ("setup", "teardown"):
                continue
            trainer.global_step, trainer.is_global_zero = seen["step"], seen["zero"]
            trainer.estimated_stepping_batches = seen.get("estimated")
            trainer.log_every_n_steps, trainer.callback_metrics = seen["every"], seen["metrics"]
            trainer.checkpoint_callback = SimpleNamespace(**seen["saves"])
            for each in self._callbacks:
                if mode() == "cancel" and name == "on_train_batch_start" and trainer.global_step == 13:
                    each.job.cancel_requested = True
                if method := getattr(each, name, None):
                    method(trainer, None, *_further(name, seen))
        assert trainer.should_stop is (mode() == "cancel")
        if mode() == "crash":
            raise RuntimeError("CUDA out of memory")


def _further(name: str, seen: dict[str, Any]) -> tuple[Any, ...]:
    """Return the further arguments of a callback."""
    match name:
        case "on_exception":
            return (RuntimeError("CUDA out of memory"),)
        case "on_save_checkpoint":
            return ({"global_step": seen["global_step"]},)
        case "on_train_batch_end":
            return (None, None, 0)
        case _:
            return ()
