"""The compiled part: built where there is a compiler, done without where not, never out of bounds.

That it finds what NumPy and the regular expressions find is for test_columns.py.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from batchlog.scan.library import library, load

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "batchlog" / "scan" / "lines.c"
COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def run(*words: str, **changed: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | changed
    return subprocess.run(
        words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def compile_to(
    library: Path, *flags: str, source: Path = SOURCE
) -> subprocess.CompletedProcess[str]:
    words = ("-std=c99", "-fPIC", "-shared", *flags, str(source), "-o", str(library))
    return run(str(COMPILER), *words)


def wheel(source: Path, to: Path, **changed: str) -> Path:
    words = ("pip", "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", str(to))
    done = run(sys.executable, "-m", *words, str(source), **changed)
    assert 0 == done.returncode, done.stderr
    return next(to.iterdir())


@needs_compiler
def test_a_checkout_that_is_installed_has_it() -> None:
    assert library() is not None


@needs_compiler
def test_a_wheel_holds_it_and_is_for_any_python_of_the_platform(tmp_path: Path) -> None:
    built = wheel(ROOT, tmp_path)
    assert "-py3-none-" in built.name
    assert not built.name.endswith("-any.whl")
    with zipfile.ZipFile(built) as opened:
        found = opened.extract("batchlog/scan/lines.so", tmp_path / "unpacked")
    assert load(found) is not None


@needs_compiler
def test_a_source_distribution_can_be_built_from(tmp_path: Path) -> None:
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path))
    assert 0 == done.returncode, done.stderr
    built = wheel(next(tmp_path.glob("*.tar.gz")), tmp_path / "wheel")
    assert "batchlog/scan/lines.so" in zipfile.ZipFile(built).namelist()


@pytest.mark.parametrize("compiler", ["false", "/no/such/compiler -x"])
def test_without_a_compiler_a_wheel_is_plain_python(tmp_path: Path, compiler: str) -> None:
    built = wheel(ROOT, tmp_path, CC=compiler)
    assert built.name.endswith("-py3-none-any.whl")
    assert "batchlog/scan/lines.so" not in zipfile.ZipFile(built).namelist()


@needs_compiler
def test_another_version_and_what_is_no_library_are_not_used(tmp_path: Path) -> None:
    other, source = tmp_path / "other.so", tmp_path / "lines.c"
    text = SOURCE.read_text()
    assert text.count("return 2; }") == 1
    source.write_text(text.replace("return 2; }", "return 99; }"))
    assert 0 == compile_to(other, source=source).returncode
    assert load(str(other)) is None
    source.write_text("no library")
    assert load(str(source)) is None
    assert load(str(tmp_path / "none.so")) is None


@needs_compiler
def test_it_compiles_without_a_warning(tmp_path: Path) -> None:
    flags = ("-O2", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")
    done = compile_to(tmp_path / "lines.so", *flags)
    assert 0 == done.returncode, done.stderr


@needs_compiler
def test_it_never_reads_or_writes_out_of_bounds(tmp_path: Path) -> None:
    """The comparison with rows, again with a build that stops at the first such byte.

    With PYTHONMALLOC=malloc each chunk and each array has guarded bytes around it.
    """
    library = tmp_path / "lines.so"
    sanitize = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    done = compile_to(library, *sanitize)
    guard = run(str(COMPILER), "-print-file-name=libasan.so").stdout.strip()
    if done.returncode or not Path(guard).is_absolute():
        pytest.skip("this compiler has no address sanitizer")
    tests = (
        "tests/scan/test_columns.py",
        "tests/scan/test_odd_lines.py",
        "tests/scan/test_compiled_requests.py",
        "-k",
        "compiled",
        "-p",
        "no:cacheprovider",
        "-q",
    )
    done = run(
        *(sys.executable, "-m", "pytest", *tests),
        BATCHLOG_TEST_LIBRARY=str(library),
        BATCHLOG_TEST_EXAMPLES="40",
        LD_PRELOAD=guard,
        ASAN_OPTIONS="detect_leaks=0",
        PYTHONMALLOC="malloc",
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    assert " passed" in done.stdout
