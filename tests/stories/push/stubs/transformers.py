"""Hugging Face's transformers, as far as a callback sees it."""

from types import SimpleNamespace
from typing import Any

from recording import events, mode  # type: ignore[import-not-found]  # it is beside this file when this runs


class TrainerCallback:
    """The base of a callback."""


class Trainer:
    """A Trainer that replays a recorded training."""

    def __init__(self, *_: Any, callbacks: list[Any], **__: Any) -> None:
        self._callbacks = callbacks

    def train(self) -> None:
        """Call the callbacks in the recorded order."""
        args, control = SimpleNamespace(output_dir="out", run_name="run"), SimpleNamespace(should_training_stop=False)
        for name, seen in events():
            state = SimpleNamespace(
                global_step=seen["step"],
                max_steps=seen["max_steps"],
                is_world_process_zero=seen["zero"],
                best_model_checkpoint=seen.get("best"),
            )
            for each in self._callbacks:
                if mode() == "cancel" and name == "on_step_begin" and state.global_step == 7:
                    each.job.cancel_requested = True
                if method := getattr(each, name, None):
                    method(args, state, control, model=None, logs=seen.get("logs"))
        assert control.should_training_stop is (mode() == "cancel")
        if mode() == "crash":
            raise RuntimeError("CUDA out of memory")
