"""A checkpoint that is damaged, removed or rolled back; counting that a person begins anew."""

import shutil
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from msgspec.structs import replace

from batchlog.errors import CheckpointError, Exit, GatewayRefused, Stop
from batchlog.job.amend import reset
from batchlog.job.request import World
from batchlog.state.store import Store
from tests.model.host import Held
from tests.model.judge import WELL, Judge
from tests.model.sinks import Plan


class Checkpoints(Judge):
    """What happens to the state directory."""

    @precondition(lambda self: Path(f"{self.site.checkpoint}.previous").exists())
    @rule(how=st.sampled_from(["removed", "damaged", "emptied"]))
    def roll_back(self, how: str) -> None:
        """Lose it: it is refused (R63), and the one before is copied back, to be gone on from."""
        checkpoint = self.site.checkpoint
        previous = Path(f"{checkpoint}.previous")
        old = Store(str(previous)).load()
        assert old is not None
        data = checkpoint.read_bytes()
        self.damage(how, data)
        with pytest.raises(CheckpointError, match="copy it back"):
            self.run()
        self.did[f"checkpoint {how}"] += 1
        if old.generation not in self.kept or old.generation < self.floor:
            checkpoint.write_bytes(data)
            return
        checkpoint.unlink(missing_ok=True)
        shutil.copyfile(previous, checkpoint)
        self.held = self.kept[old.generation]
        self.kept = {n: held for n, held in self.kept.items() if n <= old.generation}
        self.doubt = 3 if self.destroyed() else self.doubt
        self.ahead = True
        self.gateways.forgive()
        self.did["checkpoint rolled back"] += 1
        self.check()

    def damage(self, how: str, data: bytes) -> None:
        """Leave of the checkpoint nothing, half of it, or an empty file."""
        self.site.checkpoint.unlink()
        if how != "removed":
            self.site.checkpoint.write_bytes(data[: len(data) // 2] if how == "damaged" else b"")

    @precondition(lambda self: self.state().logs and not any(map(self.is_half, self.files())))
    @rule(surely=st.sampled_from([False, False, False, True]))
    def begin_anew(self, *, surely: bool) -> None:
        """Reset: totals are 0, what is on disk is taken as counted, and values may fall."""
        for path in self.files():
            if path.suffix != ".gz":
                self.finish(path)
        if not surely or any(self.read(path)[1] for path in self.files()):
            return
        request = self.site.request(format="combined", gateway=self.gateways.arrange(WELL))
        asked = replace(request, logs=(self.pattern,))
        assert Exit.OK is reset(asked, World(lambda: self.site.clock, lambda _: None, Stop()))
        self.begun = self.on_disk()
        self.held = Held(seen=self.remembered(), retired=frozenset(self.begun))
        self.kept = {}
        self.floor = self.doubt = 0
        self.ahead = True
        self.gateways.forgive()
        self.did["begun anew"] += 1

    @precondition(lambda self: self.state().generation)
    @rule()
    def lose_both_generations(self) -> None:
        """Lose all of it: it is refused while a sink holds our totals (R65), and comes back."""
        if not any(gateway.counts() for gateway in self.gateways.both):
            return
        state, away = self.site.checkpoint.parent, self.root / "away"
        state.rename(away)
        with pytest.raises(GatewayRefused, match="nothing was begun"):  # R128
            self.run(plan=Plan("page", "page"), textfile=str(self.root / "none.prom"))
        assert not self.site.checkpoint.exists()
        with pytest.raises(CheckpointError, match="holds metrics of ours"):
            self.run()
        shutil.rmtree(state)
        away.rename(state)
        self.did["checkpoint lost altogether"] += 1
