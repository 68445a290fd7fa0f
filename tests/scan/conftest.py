"""The quicker scanners: the compiled one, and columns, as where there is no C compiler."""

import os

import pytest

from batchlog.scan.library import library, load
from tests.scan.quicker import COLUMNS, Quicker, compiled_by


@pytest.fixture(scope="module", params=["compiled", "columns"])
def quicker(request: pytest.FixtureRequest) -> Quicker:
    """Return one of them; `BATCHLOG_TEST_LIBRARY` names another build of the compiled part."""
    if request.param == "columns":
        return COLUMNS
    path = os.environ.get("BATCHLOG_TEST_LIBRARY")
    found = load(path) if path else library()
    if found is None:
        pytest.skip("batchlog was installed without its compiled part")
    return compiled_by(found)
