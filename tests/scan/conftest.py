"""What finds texts in columns: the compiled part, and arrays, as where there is no C compiler."""

import os
from collections.abc import Iterator

import pytest

from batchlog.scan import compiled


@pytest.fixture(scope="module", params=["compiled", "arrays"])
def finder(request: pytest.FixtureRequest) -> Iterator[None]:
    """Choose what finds texts; `BATCHLOG_TEST_LIBRARY` names another build of the compiled part."""
    path = os.environ.get("BATCHLOG_TEST_LIBRARY")
    found = compiled.load(path) if path else compiled.library()
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "arrays":
            found = None
        elif found is None:
            pytest.skip("batchlog was installed without its compiled part")
        patch.setattr(compiled, "library", lambda: found)
        yield
