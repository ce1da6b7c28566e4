"""`edgemed claim`: how likely a claim of a better model is false."""

from __future__ import annotations

import pytest

from edgemed.judge.claim import claim_false

FIGURES = ("--acc-a", ".93", "--acc-b", ".91", "--n", "500")


def test_from_counts(site):
    done = site.run("claim", "--only-a", "31", "--only-b", "19")
    assert done.code == 0, done.err
    assert f"{claim_false(31, 19):.3f}" in done.out
    flat = " ".join(done.out.split())
    assert "flat prior" in flat
    assert "two equal models, of any number of cases, give one half" in flat
    assert "never is the gate" in flat
    assert max(map(len, done.out.splitlines())) <= 80


def test_from_published_figures(site):
    done = site.run("claim", *FIGURES, "--congruence", ".88", "--json")
    assert done.code == 0, done.err
    (found,) = done.json
    assert (found["only_a"], found["only_b"], found["n"]) == (25, 15, 500)
    assert found["false"] == claim_false(25, 15)
    assert found["overlap"] == "given"


def test_without_the_congruence_all_that_is_possible_is_told(site):
    done = site.run("claim", *FIGURES)
    assert done.code == 0, done.err
    for words in ("fewest in common", "independent errors", "most in common", "0.840", "0.910", "0.000488"):
        assert words in done.out
    fewest, independent, most = site.run("claim", *FIGURES, "--json").json
    assert fewest["false"] > independent["false"] > most["false"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("nothing to judge", "--only-a and --only-b")),
        (("--only-a", "3"), ("--only-b", "missing")),
        (("--only-a", "-3", "--only-b", "2"), ("-3 is no number of cases",)),
        (("--only-a", "3", "--only-b", "2", "--n", "10"), ("two ways to ask",)),
        (("--acc-a", ".9"), ("missing", "--acc-b --n")),
        ((*FIGURES, "--congruence", ".95"), ("0.84 to 0.91",)),
        (("--acc-a", "93", "--acc-b", ".91", "--n", "500"), ("93 is not a share", "write .93 for 93 %")),
        (("--acc-a", ".93", "--acc-b", ".91", "--n", "0"), ("0 cases",)),
    ],
)
def test_what_cannot_be_judged_is_refused(site, arguments, words):
    site.run("claim", *arguments).refused(2, *words)
    assert site.run("claim", *arguments, "--json").json["exit_code"] == 2
