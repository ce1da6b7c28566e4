"""`edgemed power`: cases needed, and what the cases at hand can prove."""

from __future__ import annotations

import pytest

from edgemed.judge.power import cases_for_share, power_of

RECIPE = """[model]
source = "model.onnx"
[data]
select = "sel.npz"
accept = "acc.npz"
[judge]
alpha = 0.05
[judge.margins]
sensitivity = 0.06
"""


def test_the_defaults_are_told_on_80_columns(site):
    done = site.run("power")
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    rows = {line.split()[0]: line.split() for line in done.out.splitlines() if line.strip()}
    assert rows["sensitivity"][:4] == ["sensitivity", "0.05", "positives", "73"]
    assert rows["auc"][:5] == ["auc", "0.02", "smaller", "class", "189"]
    assert rows["brier"][3] == "381"
    assert "you have" not in done.out


def test_own_margins_flips_and_cases_are_answered(site):
    done = site.run(
        "power", "--margin", "sensitivity=.1", "--margin", "brier=none", "--flips", ".03", "--power", ".9",
        "--alpha", ".05", "--positives", "60", "--negatives", "300", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    found = {each["metric"]: each for each in done.json["needs"]}
    assert set(found) == {"sensitivity", "specificity", "auc"}
    assert found["sensitivity"]["cases"] == cases_for_share(0.015, 0.015, 0.1, 0.05, 0.9)
    assert found["sensitivity"]["power"] == power_of(60, 0.015, 0.015, 0.1, 0.05)
    assert found["specificity"]["have"] == 300
    assert found["auc"]["power"] == 0
    told = site.run("power", "--positives", "120", "--negatives", "1480")
    assert max(map(len, told.out.splitlines())) <= 80
    for words in ("120 positives", "1 480 negatives", "all, at least", "> 0.999"):
        assert words in told.out


def test_the_cases_of_a_recipe_are_counted(site, helpers):
    import numpy as np

    x, _ = helpers.signals(90, 5)
    np.savez(site / "acc.npz", x=x, y=(np.arange(90) < 70).astype(np.int64))
    (site / "recipe.toml").write_text(RECIPE)
    done = site.run("power", "recipe.toml", "--json")
    assert done.code == 0, done.err
    assert done.json["alpha"] == 0.05
    found = {(each["metric"], each["flips"]): each for each in done.json["needs"]}
    assert found["sensitivity", 0]["margin"] == 0.06
    have = {metric: found[metric, 0]["have"] for metric in ("sensitivity", "specificity", "auc", "brier")}
    assert have == {"sensitivity": 70, "specificity": 20, "auc": 20, "brier": 90}
    assert {each["output"] for each in done.json["needs"]} == {"scores"}
    assert found["sensitivity", 0]["power"] == 1
    assert found["specificity", 0]["power"] == 0
    assert done.json["notes"] == []
    assert not (site / "acceptance-ledger.json").exists()


def test_patients_are_counted_where_the_set_names_them(site, helpers):
    """As a compile does, which refuses fewer."""
    import numpy as np

    x, _ = helpers.signals(90, 5)
    np.savez(site / "acc.npz", x=x, y=(np.arange(90) < 70).astype(np.int64), patient=np.arange(90) // 2)
    (site / "recipe.toml").write_text(RECIPE)
    done = site.run("power", "recipe.toml", "--json")
    assert done.code == 0, done.err
    found = {each["metric"]: each["have"] for each in done.json["needs"]}
    assert found == {"sensitivity": 35, "specificity": 10, "auc": 10, "brier": 45}
    assert done.json["notes"] == ["scores: 90 cases count as 45 patients, and these are counted"]


def test_of_values_nothing_is_known_before(site, helpers):
    import numpy as np

    helpers.write_model(site / "model.onnx", columns=1, ending="Identity")
    x, _ = helpers.signals(60, 5)
    for name in ("sel", "acc"):
        np.savez(site / f"{name}.npz", x=x, y=np.linspace(0.0, 7.5, 60))
    (site / "recipe.toml").write_text(f'{RECIPE}[outputs.scores]\nkind = "regression"\n')
    done = site.run("power", "recipe.toml")
    assert done.code == 2
    assert "every output is a regression" in done.err


@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
def test_each_class_of_a_recipe_is_counted(site, helpers, kind):
    import numpy as np

    ending = "Sigmoid" if kind == "multilabel" else "Softmax"
    helpers.write_model(site / "model.onnx", columns=3, ending=ending)
    x, _ = helpers.signals(60, 5)
    classes = np.repeat([0, 1, 2], [10, 20, 30])
    labels = (classes[:, None] >= np.arange(3)).astype(np.int64) if kind == "multilabel" else classes
    for name in ("sel", "acc"):
        np.savez(site / f"{name}.npz", x=x, y=labels)
    (site / "recipe.toml").write_text(
        f'{RECIPE}[outputs.scores]\nkind = "{kind}"\nlabels = ["a", "b", "c"]\n'
    )
    done = site.run("power", "recipe.toml", "--flips", "0", "--json")
    assert done.code == 0, done.err
    have = {each["label"]: each["have"] for each in done.json["needs"] if each["metric"] == "sensitivity"}
    classes = {"a": 10, "b": 20, "c": 30, "macro": 60}
    assert have == ({"a": 60, "b": 50, "c": 30} if kind == "multilabel" else classes)


def test_a_recipe_without_labelled_cases_still_has_margins(site):
    (site / "recipe.toml").write_text(RECIPE.replace('accept = "acc.npz"\n', ""))
    done = site.run("power", "recipe.toml", "--flips", "0")
    assert done.code == 0, done.err
    assert "0.06" in done.out
    assert "no acceptance set with labels" in done.err
    assert "you have" not in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--margin", "sensitivity=0"), ("a margin of 0 cannot be proven", "--margin sensitivity=0")),
        (("--margin", "auc=1.5"), ("a margin of 1.5 is no share below 1",)),
        (("--margin", "sensitivty=.05"), ("no metric 'sensitivty'", "did you mean 'sensitivity'")),
        (("--margin", "auc"), ("no loss is given", "--margin auc=.05")),
        (("--positives", "30"), ("counted together", "add --negatives N")),
        (("recipe.toml", "--positives", "30", "--negatives", "9"), ("leave out RECIPE",)),
        (("--flips", "2"), ("--flips",)),
        (("--alpha", ".5"), ("--alpha",)),
        (("--power", "1"), ("--power",)),
        (("gone.toml",), ("cannot read the recipe", "gone.toml")),
    ],
)
def test_what_cannot_be_answered_is_refused(site, arguments, words):
    site.run("power", *arguments).refused(2, *words)


def test_a_recipe_whose_set_is_gone_is_refused(site):
    (site / "recipe.toml").write_text(RECIPE.replace("acc.npz", "gone.npz"))
    site.run("power", "recipe.toml").refused(2, "gone.npz")
