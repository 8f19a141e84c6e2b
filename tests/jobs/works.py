"""Small works that wait instead of train; without torch, so that workers start quickly."""

import os
import signal
import time

from pydantic import BaseModel, ConfigDict, Field

from orthoui.errors import ResourceError
from orthoui.jobs.context import Context
from orthoui.jobs.work import work
from orthoui.ledger import Result

CHECKPOINT = "step.txt"


class Steps(BaseModel):
    """So many steps of so many seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(default=3, ge=1, le=100_000)
    seconds: float = Field(default=0.01, ge=0)


class Fault(BaseModel):
    """What goes wrong."""

    how: str = "unforeseen"
    times: int = 1


@work("test-steps", Steps)
def count(request: Steps, context: Context) -> Result:
    """Report and look at every step."""
    for step in range(request.steps):
        context.check()
        context.progress(step, request.steps, loss=1 / (step + 1), message="counting")
        time.sleep(request.seconds)
    context.progress(request.steps, request.steps, metrics={"counted": request.steps})
    context.log(f"Counted to {request.steps}.")
    here = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "ORTHOUI_DEVICE")}
    return Result(
        metrics={"counted": request.steps, "pid": os.getpid(), **here}, timings={"optimisation": 0.5}, device="cpu"
    )


@work("test-aside", Steps, on_device=False)
def aside(request: Steps, context: Context) -> Result:
    """Something that needs no device, such as a download."""
    return Result()


@work("test-stubborn", Steps)
def sleep_deeply(request: Steps, context: Context) -> Result:
    """Never look, in one long step."""
    context.progress(0, 1)
    time.sleep(request.seconds)
    return Result()


@work("test-faulty", Fault)
def break_down(request: Fault, context: Context) -> dict[str, object]:
    """Fail in the way that is asked for, the first so many times."""
    attempts = context.folder / "attempts.txt"
    so_far = int(attempts.read_text()) if attempts.exists() else 0
    attempts.write_text(str(so_far + 1))
    context.progress(so_far, request.times)
    if so_far >= request.times:
        return {"metrics": {"attempts": so_far + 1}}
    match request.how:
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "foreseen":
            raise ResourceError("There is no memory left. Choose a smaller batch.")
        case "nonsense":
            return {"accuracy": 3}
    raise ValueError("a strange value")


@work("test-resumable", Steps, pausable=True)
def go_on(request: Steps, context: Context) -> Result:
    """Begin at the checkpoint, if there is one."""
    checkpoint = context.folder / CHECKPOINT
    first = int(checkpoint.read_text()) if checkpoint.exists() else 0
    context.log(f"From step {first}.")
    for step in range(first, request.steps):
        context.progress(step, request.steps)
        time.sleep(request.seconds)
        checkpoint.write_text(str(step + 1))
        context.checkpointed()
    return Result(metrics={"first": first})


@work("test-talkative", Steps)
def talk(request: Steps, context: Context) -> Result:
    """Print more than a pipe holds."""
    for _ in range(request.steps):
        os.write(1, b"x" * 100 + b"\n")
    return Result()
