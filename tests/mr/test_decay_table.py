"""Real-valued decays written as raw MR signals: what the readers make of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgemed.cli import cli
from edgemed.errors import BadInput
from edgemed.mr.decay_table import read_decays
from edgemed.mr.signal_set import classes_in, load_signals, raw_input
from edgemed.types import OutputSpec

ECHOES, SPACING = 12, 1e-3
LARMOR = 27.46e6


def arrays() -> dict[str, np.ndarray]:
    times = np.arange(ECHOES) * SPACING
    t2 = np.array([0.003, 0.004, 0.005, 0.006])
    return {
        "x": np.exp(-times / t2[:, None]).astype(np.float32),
        "t": times,
        "liquid": np.array(["oil", "oil", "water", "wine"]),
        "wet": np.array([0, 0, 1, 1]),
        "t2_ms": 1e3 * t2,
        "note": np.array("of the file"),
    }


def run(*args: str):
    return CliRunner().invoke(cli, ["mr", "decays", *args])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    np.savez(tmp_path / "table.npz", **arrays())
    return tmp_path / "table.npz"


def test_a_larmor_frequency_in_mhz_is_refused(table: Path) -> None:
    out = table.with_name("decays.npz")
    done = run(str(table), "-o", str(out), "--larmor-frequency", "27.46", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["next"] == "give it in Hz, not MHz: 27.46 MHz are 27460000"
    assert not out.exists()


def test_the_file_is_a_set_of_raw_signals_with_the_tables_columns(table: Path) -> None:
    out = table.with_name("decays.npz")
    done = run(str(table), "-o", str(out), "--larmor-frequency", str(LARMOR), "--json")
    assert done.exit_code == 0, done.output
    columns = ["liquid", "wet", "t2_ms"]
    assert json.loads(done.output) == {
        "file": str(out), "signals": 4, "echoes": ECHOES, "columns": columns,
    }  # fmt: skip
    ref = f"{out}::group=liquid"
    spec = raw_input(ref, Path())
    assert spec.shape == (1, ECHOES, 1, 1, 2)
    heads = [OutputSpec("wet", "binary", 1), OutputSpec("t2_ms", "regression", 1)]
    assert classes_in(ref, "wet", Path()) == ("0", "1")
    data = load_signals(ref, spec, heads, Path())
    assert data.signals[:, 0, :, 0, 0, 0].tolist() == arrays()["x"].tolist()
    assert not data.signals[..., 1].any()
    assert data.groups.tolist() == ["oil", "oil", "water", "wine"]
    assert data.targets["wet"].tolist() == [0, 0, 1, 1]
    assert data.targets["t2_ms"].tolist() == arrays()["t2_ms"].tolist()
    taken = spec.acquisition
    assert taken is not None
    assert (taken.larmor_frequency_hz, taken.protocol) == (LARMOR, "cpmg")
    assert taken.dwell_time_s == pytest.approx(SPACING)
    # times from 0 count from the first echo, which comes a spacing after the excitation
    assert taken.echo_times_s == pytest.approx(SPACING * np.arange(1, ECHOES + 1))


def test_times_that_do_not_start_at_0_are_those_of_the_echoes(table: Path) -> None:
    np.savez(table, **{**arrays(), "t": 5e-4 + SPACING * np.arange(ECHOES, dtype=np.float32)})
    taken = read_decays(table, "x", "t").acquisition(LARMOR, "cpmg")
    assert taken.echo_times_s == pytest.approx(5e-4 + SPACING * np.arange(ECHOES), rel=1e-5)


def test_only_some_decays_are_taken(table: Path) -> None:
    out = table.with_name("some.npz")
    asked = ("--only", "liquid=oil", "--only", "liquid=wine", "--only", "wet=1")
    done = run(str(table), "-o", str(out), "--larmor-frequency", str(LARMOR), *asked)
    assert done.exit_code == 0, done.output
    with np.load(out) as made:
        assert made["liquid"].tolist() == ["wine"]
        assert made["signal"][:, 0, :, 0, 0].real.tolist() == arrays()["x"][3:].tolist()


def test_what_is_no_choice_of_decays_is_refused(table: Path) -> None:
    whole = read_decays(table, "x", "t")
    for wanted, says in (
        ({"liqid": ["oil"]}, "no column 'liqid'"),
        ({"liquid": ["oil", "beer"]}, "no decay has liquid 'beer'"),
        ({"liquid": ["oil"], "wet": ["1"]}, "no decay has all"),
    ):
        with pytest.raises(BadInput, match=says):
            whole.only(wanted)
    done = run(str(table), "-o", "some.npz", "--larmor-frequency", "1e6", "--only", "oil")
    assert done.exit_code == 2
    assert "'oil' names no value" in done.output


def broken(name: str) -> dict[str, np.ndarray]:
    made = arrays()
    x, t = made["x"], made["t"]
    not_finite = x.copy()
    not_finite[2, 7] = np.nan
    uneven = t.copy()
    uneven[5] += 0.1 * SPACING
    changed: dict[str, dict[str, np.ndarray]] = {
        "complex": {"x": x.astype(np.complex64)},
        "not a number": {"x": not_finite},
        "beyond float32": {"x": x * np.float64(1e60)},
        "texts": {"x": x.astype(str)},
        "another length": {"t": t[:-1]},
        "one decay": {"x": x[0]},
        "no decay": {"x": x[:0]},
        "one echo": {"x": x[:, :1], "t": t[:1]},
        "before the excitation": {"t": t - SPACING},
        "descending": {"t": t[::-1]},
        "standing": {"t": np.full(ECHOES, 0.01)},
        "uneven": {"t": uneven},
        "endless": {"t": np.where(t > 0.01, np.inf, t)},
        "reserved": {"protocol": made["liquid"]},
        "pickled": {"liquid": np.array([{}, {}, {}, {}])},
    }
    return {**made, **changed[name]}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("complex", "complex already"),
        ("not a number", "1 of 48 samples are not finite in float32, the first in row 2, echo 7"),
        ("beyond float32", "not finite in float32"),
        ("texts", r"expected real numbers \(n, 12 echoes\)"),
        ("another length", r"float32 \[4, 12\]; expected real numbers \(n, 11 echoes\)"),
        ("one decay", r"float32 \[12\]; expected"),
        ("no decay", r"float32 \[0, 12\]; expected"),
        ("one echo", r"expected numbers \(echoes,\), 2 or more"),
        ("before the excitation", "ascend evenly from 0 or later: -0.001 s"),
        ("descending", "0.011 s of echo 0 is followed by 0.01 s"),
        ("standing", "0.01 s of echo 0 is followed by 0.01 s"),
        ("uneven", "0.004 s of echo 4 is followed by 0.0051 s, and the mean step is 0.001 s"),
        ("endless", "the times are not all finite"),
        ("reserved", "a column is named 'protocol'"),
        ("pickled", "pickled objects"),
    ],
)
def test_a_table_that_holds_no_decays_is_refused(table: Path, name: str, says: str) -> None:
    np.savez(table, **broken(name))
    with pytest.raises(BadInput, match=says):
        read_decays(table, "x", "t")


def test_arrays_under_other_names_are_asked_for(table: Path) -> None:
    for signal, times in (("decay", "t"), ("x", "tau")):
        with pytest.raises(BadInput, match=r"no array '(decay|tau)'; there are x, t, liquid"):
            read_decays(table, signal, times)
    assert read_decays(table, "x", "t").decays.shape == (4, ECHOES)


def test_no_file_is_replaced_unasked_and_the_table_never(table: Path) -> None:
    out = table.with_name("decays.npz")
    out.write_bytes(b"mine")
    common = (str(table), "--larmor-frequency", str(LARMOR))
    before = table.read_bytes()
    for more, says in (
        (("-o", str(out)), "decays.npz exists"),
        (("-o", str(table), "--force"), "table.npz exists"),
        (("-o", str(table.with_name("decays"))), "is no .npz"),
    ):
        done = run(*common, *more)
        assert done.exit_code == 2
        assert says in done.output
    assert (out.read_bytes(), table.read_bytes()) == (b"mine", before)
    assert run(*common, "-o", str(out), "--force").exit_code == 0
    assert raw_input(str(out), Path()).shape == (1, ECHOES, 1, 1, 2)
