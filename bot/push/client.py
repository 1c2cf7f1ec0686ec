"""Client for trainers: reports a job to ftjob. One file, standard library only, Python 3.9 or newer.

    from client import Job

    with Job("nightly", total_steps=300) as job:  # FTJOB_PUSH_URL and FTJOB_PUSH_TOKEN from the environment
        for step in range(1, 301):
            job.log(step, train_loss=train(step))
            if job.cancel_requested:
                break

    python client.py run --name nightly -- torchrun train.py    reports any command, and keeps its exit code
    python client.py flush                                      sends what could not be sent before

A thread sends. No call raises into training or waits for the network; only the end waits, for up to ten seconds, and then
leaves what is unsent in a file, which the next job on this machine sends.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import http.client
import json
import logging
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections import deque
from pathlib import Path
from typing import Any

MAX_BODY = 60_000
"""Bytes of one call; the bot takes 65,536."""
MAX_POINTS = 5_000
"""Unsent points of a series; a longer one is thinned."""
MAX_LINES = 1_000
"""Unsent log lines and checkpoints; the oldest are dropped."""
MIN_INTERVAL = 1.0
"""Seconds between two calls."""
FINAL_SECONDS = 10.0
"""Seconds that the end of a job waits for its last call."""
REQUEST_SECONDS = 10.0
MAX_BACKOFF = 60.0
MAX_REJECTIONS = 3
"""Rejections without the name of a field after which a whole call is dropped."""
MAX_MESSAGE = 4_000
LAST_LINES = 20
"""Lines of a failed command's standard error that are reported."""
GRACE_SECONDS = 30.0
"""Seconds that a canceled command has to end, before it is killed."""
_MAX_SERIES = 16
_MAX_STEP = 10**12
_SERIES = re.compile(r"[^A-Za-z0-9_./-]")
"""What the name of a series cannot have."""
_BITS = 40

log = logging.getLogger("ftjob")


def _reversed_bits(step: int) -> int:
    return int(f"{step:0{_BITS}b}"[::-1], 2)


def _thinned(points: dict[int, float]) -> dict[int, float]:
    """Return half of a series: its first and last step, its least and greatest value, and steps spread evenly."""
    finite = [step for step, value in points.items() if math.isfinite(value)]
    kept = {min(points), max(points)}
    if finite:
        kept |= {min(finite, key=points.__getitem__), max(finite, key=points.__getitem__)}
    kept |= set(sorted(points, key=_reversed_bits)[: MAX_POINTS // 2])
    return {step: points[step] for step in sorted(kept)}


def _plain(value: Any) -> Any:
    """Return a value that JSON has, for one that it has not: a number of NumPy or a tensor, a path."""
    with contextlib.suppress(Exception):
        return value.item()
    return str(value)


_dumps = json.JSONEncoder(ensure_ascii=False, default=_plain).encode


def _json_number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


class _Unsent:
    """What a job has to report and the bot has not acknowledged, bounded in memory."""

    def __init__(self) -> None:
        self.points: dict[str, dict[int, float]] = {}
        self.lines: deque[dict[str, Any]] = deque()
        self.checkpoints: dict[int, str] = {}
        self.dropped = 0
        self._next_line = 0

    def add_point(self, step: int, name: str, value: float) -> None:
        series = name if name in self.points else _SERIES.sub("_", name)[:64].lstrip("./-")
        if not series or not 0 <= step <= _MAX_STEP:
            self.dropped += 1
            return
        if series not in self.points and len(self.points) >= _MAX_SERIES:
            self.dropped += 1
            return
        points = self.points.setdefault(series, {})
        points[step] = value
        if len(points) > MAX_POINTS:
            self.points[series] = _thinned(points)
            self.dropped += len(points) - len(self.points[series])

    def add_line(self, level: str, message: str) -> None:
        self._next_line += 1
        line = {"n": self._next_line, "at": time.time(), "level": level[:20], "message": message[:MAX_MESSAGE]}
        self.lines.append(line)
        if len(self.lines) > MAX_LINES:
            self.lines.popleft()
            self.dropped += 1

    def add_checkpoint(self, step: int, model: str) -> None:
        if not 0 <= step <= _MAX_STEP or not model:
            self.dropped += 1
            return
        self.checkpoints[step] = model[:256]
        if len(self.checkpoints) > MAX_LINES:
            self.checkpoints.pop(min(self.checkpoints))
            self.dropped += 1

    def part(self, room: int) -> dict[str, Any]:
        """Return as much as fits into ``room`` bytes of JSON, oldest first."""
        part: dict[str, Any] = {"metrics": [], "logs": [], "checkpoints": []}
        rows: dict[int, dict[str, float | str]] = {}
        for series, points in self.points.items():
            for step, value in points.items():
                rows.setdefault(step, {})[series] = _json_number(value)
        items: list[tuple[str, Any]] = [("metrics", [step, rows[step]]) for step in sorted(rows)]
        items += [("logs", line) for line in self.lines]
        items += [("checkpoints", {"step": step, "model": model}) for step, model in self.checkpoints.items()]
        for key, item in items:
            room -= len(_dumps(item).encode(errors="replace")) + 2
            if room < 0:
                break
            part[key].append(item)
        return {key: value for key, value in part.items() if value}

    def acknowledge(self, part: dict[str, Any]) -> None:
        """Forget a part that was sent, but nothing that changed meanwhile."""
        for step, values in part.get("metrics", ()):
            for series, value in values.items():
                points = self.points.get(series, {})
                if step in points and _json_number(points[step]) == value:
                    del points[step]
        sent = {line["n"] for line in part.get("logs", ())}
        self.lines = deque(line for line in self.lines if line["n"] not in sent)
        for each in part.get("checkpoints", ()):
            if self.checkpoints.get(each["step"]) == each["model"]:
                del self.checkpoints[each["step"]]

    def __bool__(self) -> bool:
        return bool(any(self.points.values()) or self.lines or self.checkpoints)


class _Server:
    """The bot, as the client reaches it."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._warned: set[str] = set()

    def put(self, job_id: str, body: dict[str, Any], timeout: float) -> tuple[int, dict[str, Any], float]:
        """Return the status (0 without an answer), the answer, and after how many seconds to try again, if it says so."""
        try:
            request = urllib.request.Request(  # noqa: S310 - an address that the user configured
                f"{self.url}/jobs/{urllib.parse.quote(job_id, safe='')}",
                data=_dumps(body).encode(errors="replace"),
                method="PUT",
                headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
                return response.status, self._parsed(response.read(65_536)), 0.0
        except urllib.error.HTTPError as error:
            with error:
                parsed = self._parsed(error.read(65_536))
                why = parsed.get("message") or parsed.get("error") or error.reason
                field = f"{parsed['field']} " if "field" in parsed else ""
                self.warn(f"ftjob returned {error.code}: {field}{why}")
                return error.code, parsed, _seconds(error.headers.get("Retry-After"))
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.warn(f"can't reach ftjob at {self.url}: {type(error).__name__}")
            return 0, {}, 0.0

    def warn(self, text: str) -> None:
        """Log a warning once."""
        if text not in self._warned and len(self._warned) < 100:  # noqa: PLR2004
            self._warned.add(text)
            log.warning("%s", text)

    @staticmethod
    def _parsed(body: bytes) -> dict[str, Any]:
        try:
            parsed = json.loads(body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


def _seconds(text: str | None) -> float:
    return min(300.0, float(text)) if text and text.isdecimal() and len(text) < 9 else 0.0  # noqa: PLR2004


class Job:
    """One job, from its start to its end. Use it in a ``with`` statement: an exception is reported as failed and raised again."""

    def __init__(
        self,
        name: str,
        *,
        id: str | None = None,  # noqa: A002 - the contract's name
        total_steps: int | None = None,
        heartbeat: int = 60,
        push_url: str | None = None,
        token: str | None = None,
        **more: Any,
    ) -> None:
        """Report a job called ``name``.

        Args:
            name: its name in Slack.
            id: its ID; one that was used before resumes that job. By default the name, the time, and a random end.
            total_steps: how many steps it will have.
            heartbeat: seconds between two calls while nothing happens.
            push_url: ".../push/<account>"; by default FTJOB_PUSH_URL.
            token: the push token of the account; by default FTJOB_PUSH_TOKEN.
            more: model (the base model), owner (a Slack member ID), metadata (texts), url (a page about the job).
        """
        url = push_url or os.environ.get("FTJOB_PUSH_URL", "")
        secret = token or os.environ.get("FTJOB_PUSH_TOKEN", "")
        self.id = str(id) if id else _new_id(str(name))
        self.cancel_requested = False
        self._server = _Server(url, secret)
        self._enabled = bool(url and secret)
        if not self._enabled:
            self._server.warn("FTJOB_PUSH_URL or FTJOB_PUSH_TOKEN is not set, so this job won't be reported")
        self._state: dict[str, Any] = {
            "run": str(uuid.uuid4()),
            "started": time.time(),
            "status": "queued",
            "heartbeat": min(3600, max(10, int(heartbeat))),
            "name": str(name)[:64],
            "total_steps": total_steps,
            **more,
        }
        self._unsent = _Unsent()
        self._seq = 0
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._sent = threading.Event()
        """Set once the last call was acknowledged."""
        self._give_up_at: float | None = None
        self._flushed = False
        self._rejections = 0
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Points and log lines that were dropped, because the bot was away for too long."""
        return self._unsent.dropped

    @property
    def is_finished(self) -> bool:
        """Whether its end was reported."""
        return self._give_up_at is not None

    def start(self) -> Job:
        """Report that it is running."""
        self._state["status"] = "running"
        if self._enabled and self._thread is None:
            with contextlib.suppress(Exception):  # such as a machine that has no thread left
                thread = threading.Thread(target=self._run, name="ftjob", daemon=True)
                thread.start()
                self._thread = thread
                _watch_for_exceptions()
                atexit.register(self._at_exit)
                if hasattr(os, "register_at_fork"):
                    os.register_at_fork(after_in_child=self._forget)
        return self

    def _forget(self) -> None:
        """Report nothing in a process that was forked: the job is its parent's."""
        self._lock, self._thread, self._enabled = threading.RLock(), None, False
        self._give_up_at = 0.0

    def log(self, step: int, **values: Any) -> None:
        """Report metrics at a step: ``train_loss``, ``valid_loss``, ``train_mean_reward`` are drawn as curves."""
        with contextlib.suppress(Exception), self._lock:
            self._state["step"] = min(_MAX_STEP, max(int(step), self._state.get("step") or 0))
            for series, value in values.items():
                with contextlib.suppress(TypeError, ValueError, OverflowError):
                    self._unsent.add_point(int(step), series, float(value))
            if not self._wake.is_set():
                self._wake.set()

    def message(self, text: str, level: str = "info") -> None:
        """Report a line of the job's log."""
        with contextlib.suppress(Exception), self._lock:
            self._unsent.add_line(level, str(text))
            self._wake.set()

    def checkpoint(self, step: int, model: str) -> None:
        """Report that a checkpoint was saved: its step, and where it is."""
        with contextlib.suppress(Exception), self._lock:
            self._unsent.add_checkpoint(int(step), str(model))
            self._wake.set()

    def result(self, model: str) -> None:
        """Name the model that the job makes, for its end."""
        with contextlib.suppress(Exception), self._lock:
            self._state["result"] = {"model": str(model)[:256]}

    def update(self, **state: Any) -> None:
        """Change what is known of the job: name, model, owner, metadata, url, total_steps, status ("paused", "running")."""
        with contextlib.suppress(Exception), self._lock:
            self._state.update(state)
            self._wake.set()

    def finish(self, status: str = "succeeded", *, error: dict[str, str] | None = None) -> None:
        """Report the end, and wait for up to ten seconds until it is acknowledged; then it is left in a file."""
        with contextlib.suppress(Exception):
            self._finish(status, error)

    def _finish(self, status: str, error: dict[str, str] | None) -> None:
        if self.is_finished:
            return
        with self._lock:
            self._state["status"] = status
            if error:
                self._state["error"] = error
            if self._unsent.dropped:
                self._unsent.add_line("warning", f"points and log lines dropped: {self._unsent.dropped}")
            self._give_up_at = time.monotonic() + FINAL_SECONDS
            self._wake.set()
        if self._thread is None:
            return
        self._sent.wait(FINAL_SECONDS)
        if not self._sent.is_set():
            self._spool()

    def __enter__(self) -> Job:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.finish_with(error)

    def finish_with(self, error: BaseException | None) -> None:
        """Report the end as an exception tells it, None for none."""
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.finish("cancelled" if self.cancel_requested and not self._is_complete() else "succeeded")
        elif isinstance(error, KeyboardInterrupt):
            self.finish("cancelled")
        else:
            code, text = type(error).__name__[:100], str(error)[:MAX_MESSAGE]
            self.finish("failed", error={"code": code, **({"message": text} if text else {})})

    def _is_complete(self) -> bool:
        total = self._state.get("total_steps")
        return total is not None and (self._state.get("step") or 0) >= total

    def _at_exit(self) -> None:
        """Report a process that ends without having reported the end of its job."""
        if not self.is_finished:
            self.finish_with(_uncaught.get("error") or RuntimeError("the process exited before the job finished"))

    def _run(self) -> None:
        """Send, whatever happens: a bug here must not cost the reports of a whole training."""
        while True:
            try:
                self._send()
            except Exception:
                log.exception("unexpected error while reporting; training goes on, and so does the reporting")
                time.sleep(MIN_INTERVAL)
                if self._is_over():
                    return
            else:
                return

    def _is_over(self) -> bool:
        """Whether the end has waited for as long as it may."""
        return self._give_up_at is not None and time.monotonic() > self._give_up_at

    def _send(self) -> None:
        """Send until the end is acknowledged, or given up."""
        backoff = 0.0
        while True:
            with self._lock:
                self._wake.clear()
                body, part = self._call()
            status, response, retry_after = self._server.put(self.id, body, self._timeout())
            if status == 200:  # noqa: PLR2004
                backoff, last = 0.0, time.monotonic()
                self._flush_once()
                with self._lock:
                    self._unsent.acknowledge(part)
                    has_more = bool(self._unsent) or body["status"] != self._state["status"]
                    self.cancel_requested = self.cancel_requested or response.get("requested") == "cancel"
                    if self.is_finished and not has_more:
                        self._sent.set()
                        return
                self._wait(MIN_INTERVAL)
                if not has_more:
                    self._wake.wait(max(0.0, float(self._state["heartbeat"]) - (time.monotonic() - last)))
                continue
            if status in (413, 422):
                self._correct(part, response)
            backoff = min(MAX_BACKOFF, max(MIN_INTERVAL, 2 * backoff))
            self._wait(retry_after or backoff * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            if self._is_over():
                return

    def _flush_once(self) -> None:
        """Send what earlier jobs left, now that the bot answers; not at the end, which doesn't wait for earlier jobs."""
        if not self._flushed and not self.is_finished:
            self._flushed = True
            with contextlib.suppress(Exception):
                flush(self._server)

    def _call(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the next call, and the increments in it."""
        self._seq += 1
        state = {key: value for key, value in self._state.items() if value is not None}
        state |= {"seq": self._seq, "at": time.time()}
        part = self._unsent.part(MAX_BODY - len(_dumps(state).encode(errors="replace")))
        return {**state, **part}, part

    def _correct(self, part: dict[str, Any], response: dict[str, Any]) -> None:
        """Drop what the bot rejects, so that the rest is reported."""
        name, *where = [*str(response.get("field", "")).split("."), ""][:2]
        self._rejections += 1
        with self._lock:
            if name in part and where[0].isdecimal() and int(where[0]) < len(part[name]):
                rejected = {name: [part[name][int(where[0])]]}
            elif name in self._state and name not in ("run", "status", "started", "heartbeat"):
                self._state[name] = None
                return
            elif self._rejections < MAX_REJECTIONS:
                return
            else:
                rejected = part
            self._unsent.acknowledge(rejected)
            self._unsent.dropped += sum(map(len, rejected.values()))

    def _timeout(self) -> float:
        left = REQUEST_SECONDS if self._give_up_at is None else self._give_up_at - time.monotonic()
        return min(REQUEST_SECONDS, max(1.0, left))

    def _wait(self, seconds: float) -> None:
        """Wait so long, or until the end of the job has to be sent."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
            if self._give_up_at is not None and not self._last_is_near(left):
                return

    def _last_is_near(self, left: float) -> bool:
        """Whether what is left of a wait is short beside the time that the end of the job has."""
        return self._give_up_at is not None and left < (self._give_up_at - time.monotonic()) / 2

    def _spool(self) -> None:
        """Leave the unsent end in a file."""
        try:
            with self._lock:
                calls = []
                while True:
                    body, part = self._call()
                    calls.append(body)
                    self._unsent.acknowledge(part)
                    if not self._unsent or not part:
                        break
            file = _spool_folder() / f"{self._state['run']}.json"
            text = _dumps({"url": self._server.url, "job": self.id, "calls": calls})
            part_file = file.with_suffix(".part")
            try:
                part_file.touch(mode=0o600)
                part_file.write_text(text)
                part_file.replace(file)
            except OSError:
                part_file.unlink(missing_ok=True)  # what a full disk took of it
                raise
            log.warning("ftjob didn't respond; the job's final report was saved to %s", file)
        except (OSError, ValueError, TypeError) as error:
            log.warning("couldn't save the job's final report: %s", error)


def _new_id(name: str) -> str:
    words = "".join(each if each.isascii() and each.isalnum() else "-" for each in name).strip("-")[:60] or "job"
    return f"{words}-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"


def _spool_folder() -> Path:
    given = os.environ.get("FTJOB_SPOOL_DIR")
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(given) if given else Path(tempfile.gettempdir()) / f"ftjob-spool-{user}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != user:
        raise OSError(f"{folder} belongs to another user")
    return folder


def flush(server: _Server) -> tuple[int, int]:
    """Send what earlier jobs on this machine left for this bot; return how many were sent, and how many are left."""
    sent = left = 0
    is_away = False
    try:
        files = sorted(_spool_folder().glob("*.json"))
    except OSError:
        return 0, 0
    for file in files:
        try:
            spooled = json.loads(file.read_text())
            if spooled["url"] != server.url:
                continue
            is_sent = not is_away and _resend(server, spooled["job"], spooled["calls"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if is_sent:
            with contextlib.suppress(OSError):
                file.unlink()
            sent += 1
        else:
            is_away = True
            left += 1
    return sent, left


def _resend(server: _Server, job_id: str, calls: list[dict[str, Any]]) -> bool:
    """Send the calls of an earlier job; return whether all of them were answered for good."""
    for call in calls:
        for _ in range(3):
            status, _body, retry_after = server.put(job_id, {**call, "at": time.time()}, REQUEST_SECONDS)
            if status != 429:  # noqa: PLR2004
                break
            time.sleep(min(5.0, retry_after or MIN_INTERVAL))
        if status not in (200, 413, 422):
            return False
    return True


_uncaught: dict[str, BaseException] = {}


def _watch_for_exceptions() -> None:
    """Remember the exception that ends the process, for the report at its exit; once, and whatever hook there was runs."""
    if "watched" in globals():
        return
    globals()["watched"] = True
    before = sys.excepthook

    def remember(kind: Any, error: Any, trace: Any) -> None:
        _uncaught["error"] = error
        before(kind, error, trace)

    sys.excepthook = remember


_OF_TRANSFORMERS = {"loss": "train_loss", "eval_loss": "valid_loss", "reward": "train_mean_reward"}


def _transformers_callback() -> type:
    """Return a callback for Hugging Face's Trainer, and all that are made of it (TRL, Axolotl, Unsloth, LLaMA-Factory)."""
    from transformers import TrainerCallback  # noqa: PLC0415 - only where it is asked for

    class FtjobCallback(TrainerCallback):  # type: ignore[misc]  # not installed with the bot
        """Reports the training of a Trainer; on the first process only."""

        def __init__(self, name: str | None = None, **options: Any) -> None:
            self._name, self._options = name, options
            self.job: Job | None = None
            self._saved = ""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                name = self._name or getattr(args, "run_name", None) or Path(args.output_dir).name
                self.job = Job(str(name), total_steps=state.max_steps, **self._options).start()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if self.job:
                values = {ours: logs[theirs] for theirs, ours in _OF_TRANSFORMERS.items() if theirs in (logs or {})}
                self.job.log(state.global_step, **values)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if self.job:
                self._saved = str(Path(args.output_dir, f"checkpoint-{state.global_step}").absolute())
                self.job.checkpoint(state.global_step, self._saved)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if self.job and self.job.cancel_requested:
                control.should_training_stop = True

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if self.job:
                self.job.log(state.global_step)
                # A Trainer saves only checkpoints to the output folder, unless trainer.save_model() is called.
                if best := state.best_model_checkpoint or self._saved:
                    self.job.result(str(Path(best).absolute()))
                self.job.finish_with(None)

    return FtjobCallback


class _LightningSaves:
    """The checkpoints that Lightning saves; the path of one is known only after the step."""

    def __init__(self) -> None:
        self.step = 0
        """Step of the last one."""
        self._reported = {""}

    def new(self, saves: Any) -> list[str]:
        """Return the paths that are new in Lightning's own checkpoint callback, which may be None."""
        paths = {str(getattr(saves, name, "")) for name in ("best_model_path", "last_model_path")}
        new = {*paths, *getattr(saves, "best_k_models", ())} - self._reported
        self._reported |= new
        return sorted(new)


def _first_of(measured: Any, names: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return, for each of our names, the value of the first of their names that there is."""
    found = {ours: [measured[each] for each in theirs if each in measured] for ours, theirs in names.items()}
    return {ours: values[0] for ours, values in found.items() if values}


def _lightning_callback() -> type:
    """Return a callback for Lightning's Trainer."""
    try:
        from lightning.pytorch import Callback  # noqa: PLC0415 - only where it is asked for
    except ImportError:
        from pytorch_lightning import Callback  # noqa: PLC0415

    class FtjobLightningCallback(Callback):  # type: ignore[misc]  # not installed with the bot
        """Reports the training of a Trainer; on the first process only."""

        def __init__(self, name: str, **options: Any) -> None:
            self._name, self._options = name, options
            self.job: Job | None = None
            self._saves = _LightningSaves()

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                total = trainer.estimated_stepping_batches
                steps = int(total) if math.isfinite(total) and total > 0 else None
                self.job = Job(self._name, total_steps=steps, **self._options).start()

        def on_train_batch_end(self, trainer: Any, *_: Any, **__: Any) -> None:
            # Not at each step: to read a value of a GPU waits for it.
            if trainer.global_step % max(1, trainer.log_every_n_steps) == 0:
                self._log(trainer, train_loss=("train_loss", "train_loss_step", "loss"))
            self._report_checkpoints(trainer)
            if self.job and self.job.cancel_requested:
                trainer.should_stop = True

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            self._log(trainer, valid_loss=("val_loss", "valid_loss"))

        def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Any) -> None:
            # Its path is known only once it is saved.
            self._saves.step = checkpoint.get("global_step", trainer.global_step)

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            if self.job:
                self.job.finish_with(exception)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            if self.job:
                self._report_checkpoints(trainer)
                if best := getattr(trainer.checkpoint_callback, "best_model_path", ""):
                    self.job.result(best)
                self.job.finish_with(None)

        def _report_checkpoints(self, trainer: Any) -> None:
            if self.job:
                for path in self._saves.new(trainer.checkpoint_callback):
                    self.job.checkpoint(self._saves.step, path)

        def _log(self, trainer: Any, **names: tuple[str, ...]) -> None:
            if self.job:
                self.job.log(trainer.global_step, **_first_of(trainer.callback_metrics, names))

    return FtjobLightningCallback


def __getattr__(name: str) -> Any:
    made = {"FtjobCallback": _transformers_callback, "FtjobLightningCallback": _lightning_callback}
    if name not in made:
        raise AttributeError(name)
    return made[name]()


class _Command:
    """A command that is reported: what it says last on its standard error, and how it ends."""

    def __init__(self, words: list[str]) -> None:
        self.tail = b""
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE)  # noqa: S603 - the user's own command
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        stream: Any = self.process.stderr
        while chunk := stream.read1(65_536):
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.buffer.write(chunk)
                sys.stderr.buffer.flush()
            self.tail = (self.tail + chunk)[-2 * MAX_MESSAGE :]

    @property
    def last_words(self) -> str:
        """The last lines of its standard error."""
        return "\n".join(self.tail.decode(errors="replace").strip().splitlines()[-LAST_LINES:])[-MAX_MESSAGE:]

    def forward(self, number: int, _frame: Any) -> None:
        """Pass a signal on; one that a terminal sends reaches the command without us."""
        if number in (signal.SIGTERM, getattr(signal, "SIGHUP", None)) or not sys.stdin.isatty():
            self.process.send_signal(number)

    def wait(self, job: Job) -> tuple[int, bool]:
        """Return the exit code, and whether a cancel request ended the command."""
        canceled_at: float | None = None
        while True:
            try:
                code = self.process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                if job.cancel_requested and canceled_at is None:
                    canceled_at = time.monotonic()
                    self.process.terminate()
                elif canceled_at is not None and time.monotonic() - canceled_at > GRACE_SECONDS:
                    self.process.kill()
                continue
            self._reader.join(2.0)
            return code, canceled_at is not None


def _run(arguments: argparse.Namespace) -> int:
    """Run a command, report it, and return its exit code."""
    job = Job(arguments.name, id=arguments.id, heartbeat=arguments.heartbeat)
    try:
        command = _Command(arguments.command)
    except OSError as error:
        job.start()
        job.finish(
            "failed", error={"code": type(error).__name__, "message": f"{arguments.command[0]}: {error.strerror}"}
        )
        sys.stderr.write(f"{arguments.command[0]}: {error.strerror}\n")
        return 127
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), command.forward)
    job.start()
    code, is_canceled = command.wait(job)
    if is_canceled:
        job.finish("cancelled")
    elif code == 0:
        job.finish("succeeded")
    else:
        ended = f"exit code {code}" if code > 0 else f"killed by {_signal_name(-code)}"
        job.finish("failed", error={"code": ended, **({"message": command.last_words} if command.last_words else {})})
    return code if code >= 0 else 128 - code


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def main() -> int:
    """Read the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Report training jobs to ftjob.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="run a command and report it")
    run.add_argument("--name", required=True, help="the job's name in Slack")
    run.add_argument("--id", help="the job's ID; reuse an earlier ID to resume that job")
    run.add_argument("--heartbeat", type=int, default=60, help="seconds between heartbeats (10 to 3600)")
    run.add_argument("command", nargs=argparse.REMAINDER, help="the command to run, after --")
    verbs.add_parser("flush", help="send reports that couldn't be sent earlier")
    arguments = parser.parse_args()
    logging.basicConfig(format="ftjob: %(message)s")
    if arguments.verb == "flush":
        server = _Server(os.environ.get("FTJOB_PUSH_URL", ""), os.environ.get("FTJOB_PUSH_TOKEN", ""))
        sent, left = flush(server)
        sys.stdout.write(f"Sent {sent}, {left} left.\n")
        return 1 if left else 0
    arguments.command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not arguments.command:
        parser.error("specify the command to run after --")
    return _run(arguments)


if __name__ == "__main__":
    sys.exit(main())
