"""The state that a run begins with: never from nothing in silence (R65)."""

import uuid

from batchlog.errors import ConfigError
from batchlog.job.deliver import refuse_if_held, targets
from batchlog.job.request import Request, Verdict
from batchlog.segments.findings import warning
from batchlog.state.checkpoint import Group, State
from batchlog.state.place import doubts
from batchlog.state.store import Store


def load(store: Store, request: Request, verdict: Verdict) -> State:
    """Return the last committed state, or a new one that nothing speaks against.

    ConfigError where the checkpoint belongs to another group, CheckpointError where it cannot be
    used or a sink already holds what a lost one had counted.
    """
    state = store.load()
    wanted = group_of(request)
    if state is None:
        _judge_first(store, request, wanted, verdict)
        return State(state_id=uuid.uuid4().hex, group=wanted)
    judge_group(store, state, wanted)
    return state


def judge_group(store: Store, state: State, wanted: Group | None) -> None:
    """Raise a ConfigError where the checkpoint belongs to another group than is asked for."""
    if state.group is not None and wanted is not None and state.group != wanted:
        raise ConfigError(
            f"the checkpoint {store.path} belongs to {state.group}, and {wanted} was "
            "asked for: give that one back with --job and --grouping, or take another "
            "--checkpoint"
        )


def group_of(request: Request) -> Group | None:
    """Return the group that is pushed to; None where no gateway is a sink."""
    return request.group if request.settings.gateways(listen=request.listen) else None


def _judge_first(store: Store, request: Request, group: Group | None, verdict: Verdict) -> None:
    """Raise where counting seems to have begun before."""
    if request.dry_run:
        return
    doubt = doubts(store.directory)
    verdict.hear(*map(warning, [*([doubt] if doubt else []), *store.judge_directory()]))
    file = request.settings.textfile
    if request.settings.on_missing == "zero":
        return
    to = targets(request.settings, group, listen=request.listen) if group else ()
    if not to and file is None:
        verdict.hear(
            warning(
                f"there is no checkpoint at {store.path}: counting begins; whether it "
                "did before cannot be known without a gateway or textfile"
            )
        )
    refuse_if_held(to, file.path if file else None, store.path, verdict.world.stop)
