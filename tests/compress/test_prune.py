"""Each net, pruned, computes what the whole one does without the removed channels; what stays is named."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch  # noqa: TID253
from prunable_nets import NETS, Plain, Qkv, Sequence, made
from torch import Tensor, nn  # noqa: TID253

from edgemed.compress.history import History, Side
from edgemed.compress.plain_weights import make_weights_plain
from edgemed.compress.prune import prune, replay
from edgemed.compress.prune_graph import ChannelGroup, Member
from edgemed.compress.prune_plan import PrunePlan, _plan_channels, unfit_layers
from edgemed.compress.prune_ratio import PruneRatios
from edgemed.errors import BadInput
from edgemed.suite.architecture import build, draw
from edgemed.types import PruneSpec, Pruning

pytestmark = pytest.mark.usefixtures("one_thread")

HALF = PruneSpec(ratio=0.5)
MIXING = {"deit_tiny", "group norm", "multihead attention", "encoder"}
"""Their norms mix channels: without some, the others' mean and variance are different."""


def whole(name: str) -> tuple[nn.Module, dict[str, Tensor]]:
    """A net in eval mode and inputs of 3 samples."""
    if name in NETS:
        return made(name, 3)
    architecture = build(name)
    return architecture.module, {
        key: torch.from_numpy(array) for key, array in draw(architecture.inputs, 3).items()
    }


def answers(net: nn.Module, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    with torch.no_grad():
        given = net(**inputs)
    return list(given.values()) if isinstance(given, dict) else [given]


def without_channels(net: nn.Module, history: History, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """What the whole net answers when whoever takes a removed channel gets 0 in its place."""
    net = copy.deepcopy(net)

    def silence(part: nn.Module, removed: tuple[int, ...]) -> None:
        axis = -1 if isinstance(part, nn.Linear) else 2 if isinstance(part, nn.RNNBase) else 1
        places = torch.tensor(removed)
        part.register_forward_pre_hook(lambda _, args: (args[0].index_fill(axis, places, 0.0), *args[1:]))

    for cut in history.cuts:
        if cut.side == "in":
            silence(net.get_submodule(cut.target), cut.removed)
    return answers(net, inputs)


def assert_close(expected: list[Tensor], found: list[Tensor]) -> None:
    for before, after in zip(expected, found, strict=True):
        assert after.shape == before.shape
        assert torch.allclose(after, before, rtol=1e-3, atol=1e-4 * float(before.abs().max()))


SMALL = [*NETS, "cnn1d", "resnet1d", "fusion"]
LARGE = ["cnn3d", "resnet18", "resnet50", "densenet121", "efficientnet_b0", "mobilenet_v3", "deit_tiny"]


def nets(*, norms_that_mix: bool) -> list[object]:
    small, large = ([n for n in names if norms_that_mix or n not in MIXING] for names in (SMALL, LARGE))
    return [*small, *(pytest.param(name, marks=pytest.mark.slow) for name in large)]


@pytest.mark.parametrize("name", nets(norms_that_mix=False))
def test_a_pruned_net_answers_as_the_whole_one_does_without_the_channels(name: str) -> None:
    net, inputs = whole(name)
    pruned = copy.deepcopy(net)
    _, history = prune(pruned, inputs, HALF)
    fresh = {key: torch.randn_like(value) for key, value in inputs.items()}
    assert_close(without_channels(net, history, fresh), answers(pruned, fresh))


@pytest.mark.parametrize("name", nets(norms_that_mix=True))
def test_pruning_is_told_replayed_and_exported(name: str) -> None:
    net, inputs = whole(name)
    pruned = copy.deepcopy(net)
    pruning, history = prune(pruned, inputs, HALF)
    assert_told(pruning, net, pruned, inputs)
    again = copy.deepcopy(net)
    replay(again, History.from_json(history.to_json()))
    assert [value.shape for value in again.state_dict().values()] == [
        value.shape for value in pruned.state_dict().values()
    ]
    for one, other in zip(answers(pruned, inputs), answers(again, inputs), strict=True):
        assert torch.equal(one, other)
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of every recurrent layer, pruned or not
        program = torch.export.export(
            pruned, (), inputs, dynamic_shapes={key: {0: batch} for key in inputs}, strict=False
        )
    for rows in (1, 2, 5):
        few = {key: torch.randn(rows, *value.shape[1:]) for key, value in inputs.items()}
        assert_close(answers(pruned, few), answers(program.module(), few))


def count_in(part: nn.Module, *names: str) -> int:
    return next(getattr(part, name) for name in names if hasattr(part, name))


def assert_told(pruning: Pruning, net: nn.Module, pruned: nn.Module, inputs: dict[str, Tensor]) -> None:
    for change in pruning.layers:
        if change.unit == "channels":
            part = pruned.get_submodule(change.name)
            assert change.outputs_after == count_in(part, "out_channels", "out_features", "hidden_size")
            assert change.inputs_after == count_in(part, "in_channels", "in_features", "input_size")
            assert change.outputs_after % 8 == 0 or change.outputs_after == change.outputs_before
            assert change.outputs_after >= 0.5 * change.outputs_before - 4
    assert pruning.parameters_before == sum(p.numel() for p in net.parameters())
    assert pruning.parameters_after == sum(p.numel() for p in pruned.parameters())
    assert pruning.parameters_after < 0.75 * pruning.parameters_before
    assert pruning.macs_after < pruning.macs_before
    json.dumps(pruning.to_dict())


@pytest.mark.parametrize("name", NETS)
def test_layers_that_must_stay_are_named(name: str) -> None:
    net, inputs = whole(name)
    pruning, _ = prune(net, inputs, HALF)
    outputs = {left.name for left in pruning.left_alone if left.reason == "its channels reach an output"}
    assert outputs
    assert {left.name for left in pruning.left_alone} == outputs | set(NETS[name][2])


def test_fixed_sizes_are_told_with_the_line_of_code() -> None:
    net, inputs = whole("fixed sizes")
    pruning, _ = prune(net, inputs, HALF)
    reasons = {left.name: left.reason for left in pruning.left_alone}
    assert "prunable_nets.py" in reasons["second.0"]
    assert "view(-1, 32, 28, 28)" in reasons["second.0"]


@pytest.mark.parametrize("name", ["qkv", "bert", "multihead attention", "encoder"])
def test_an_attention_loses_whole_heads(name: str) -> None:
    net, inputs = whole(name)
    layers = {"head": 0.0, "embed": 0.0, "patches": 0.0, "encoder.layers.0.linear2": 0.0}
    own = dict(net.named_modules())
    spec = PruneSpec(ratio=0.5, layers={key: ratio for key, ratio in layers.items() if key in own})
    pruning, history = prune(net, inputs, spec)
    heads = [change for change in pruning.layers if change.unit == "heads"]
    assert heads
    assert all((change.outputs_before, change.outputs_after) == (4, 2) for change in heads)
    assert all(setting.value in (2, 16) for setting in history.settings)


def test_an_attention_without_its_least_heads_is_the_one_with_their_values_at_zero() -> None:
    torch.manual_seed(1)
    net = Sequence(Qkv(32, 4)).eval()
    inputs = {"signal": torch.randn(3, 10, 16)}
    pruned = copy.deepcopy(net)
    _, history = prune(pruned, inputs, PruneSpec(ratio=0.5, layers={"embed": 0.0}))
    (columns,) = (cut.removed for cut in history.cuts if cut.target == "attention.proj")
    assert len(columns) == 16
    with torch.no_grad():
        net.attention.proj.weight[:, list(columns)] = 0.0
    assert_close(answers(net, inputs), answers(pruned, inputs))


def test_a_suspicious_layout_is_found_by_trial_not_by_name() -> None:
    """Rows of queries, keys and values lie head by head here."""

    class Interleaved(Qkv):
        def forward(self, x: Tensor) -> Tensor:
            qkv = self.qkv(x).unflatten(2, (self.num_heads, 3, self.head_dim)).permute(3, 0, 2, 1, 4)
            mixed = nn.functional.scaled_dot_product_attention(*qkv.unbind(0))
            return self.proj(mixed.transpose(1, 2).flatten(2))

    torch.manual_seed(2)
    net = Sequence(Interleaved(32, 4)).eval()
    inputs = {"signal": torch.randn(3, 10, 16)}
    pruned = copy.deepcopy(net)
    _, history = prune(pruned, inputs, PruneSpec(ratio=0.5, layers={"embed": 0.0}))
    (columns,) = (cut.removed for cut in history.cuts if cut.target == "attention.proj")
    with torch.no_grad():
        net.attention.proj.weight[:, list(columns)] = 0.0
    assert_close(answers(net, inputs), answers(pruned, inputs))


def test_the_channels_with_the_smallest_weights_go() -> None:
    net = Plain(nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU()), 16)
    with torch.no_grad():
        net.body[0].weight[[1, 4, 5, 6, 10, 11, 12, 15]] *= 0.01
        net.head.weight[:, [1, 4, 5, 6, 10, 11, 12, 15]] *= 0.01
    _, history = prune(net, {"image": torch.randn(2, 1, 8, 8)}, HALF)
    assert {cut.removed for cut in history.cuts} == {(1, 4, 5, 6, 10, 11, 12, 15)}


def test_ratios_of_single_layers_win_and_ties_share_the_smallest() -> None:
    net, inputs = whole("resnet18")
    spec = PruneSpec(ratio=0.5, layers={r"blocks\.0\.body.*": 0.25, "blocks.0.body.0.0": 0.0, "stem": 0.75})
    pruning, _ = prune(net, inputs, spec)
    after = {change.name: change.outputs_after for change in pruning.layers}
    reasons = {left.name: left.reason for left in pruning.left_alone}
    assert reasons["blocks.0.body.0.0"] == "the recipe gives it a ratio of 0"
    assert after["stem.0.0"] == after["blocks.0.body.2.0"] == after["blocks.1.body.2.0"] == 48
    assert after["blocks.1.body.0.0"] == 32


def test_an_entry_that_names_no_layer_is_refused() -> None:
    net, inputs = whole("cnn1d")
    with pytest.raises(BadInput, match="names no layer") as refused:
        prune(net, inputs, PruneSpec(layers={"body.00": 0.5}))
    assert "did you mean 'body.0'?" in refused.value.remedy


def test_an_entry_that_is_neither_a_name_nor_a_regular_expression_is_refused_as_that() -> None:
    with pytest.raises(BadInput, match=r"'body\.\(' is no regular expression: missing \)"):
        PruneRatios(PruneSpec(layers={"body.(": 0.5}), ["body.0"])
    with pytest.raises(BadInput, match=r"is no regular expression: the repetition number is too large"):
        PruneRatios(PruneSpec(layers={"a{99999999999999999999}": 0.5}), ["body.0"])


def test_a_name_is_not_read_as_a_regular_expression() -> None:
    """`body.1` would match `body01`, and `body(` is none."""
    ratios = PruneRatios(PruneSpec(layers={"body.1": 0.5, "body(": 0.25}), ["body.1", "body01", "body("])
    assert [ratios.of([name]) for name in ("body.1", "body01", "body(")] == [0.5, 0.0, 0.25]


def test_a_ratio_that_empties_a_layer_is_refused_with_the_largest_that_works() -> None:
    net, inputs = whole("cnn1d")
    with pytest.raises(BadInput, match=r"0\.8 leaves 3.2 of 16 channels") as refused:
        prune(copy.deepcopy(net), inputs, PruneSpec(layers={"body.0": 0.8}))
    assert "body.0 a ratio of 0.75" in refused.value.remedy
    pruning, _ = prune(net, inputs, PruneSpec(layers={"body.0": 0.75}))
    assert pruning.layers[0].outputs_after == 8


def test_a_layer_that_rounding_leaves_whole_is_named() -> None:
    net, inputs = whole("cnn1d")
    pruning, _ = prune(net, inputs, PruneSpec(ratio=0.2))
    reasons = {left.name: left.reason for left in pruning.left_alone}
    assert reasons["body.0"] == "its 16 channels stay when rounded to a multiple of 8"


def test_a_net_that_cannot_be_pruned_is_refused_with_its_layers() -> None:
    net = build("gru").module
    inputs = {"sequence": torch.randn(2, 128, 2)}
    with pytest.raises(BadInput, match="no layer can be pruned") as refused:
        prune(net, inputs, HALF)
    assert "cell: recurrent" in refused.value.where
    assert "head: its channels reach an output" in refused.value.where


def test_pruning_the_same_net_twice_gives_the_same_net() -> None:
    net, inputs = whole("fusion")
    one, other = copy.deepcopy(net), copy.deepcopy(net)
    assert prune(one, inputs, HALF) == prune(other, inputs, HALF)
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])


def test_a_net_that_answers_all_samples_alike_is_refused() -> None:
    """A wrong cut would go unseen behind its sigmoid."""
    net, inputs = whole("cnn1d")
    with torch.no_grad():
        net.head[2].bias.fill_(100.0)
    with pytest.raises(BadInput, match="same answer to 3 samples"):
        prune(nn.Sequential(net, nn.Sigmoid()), {"input": inputs["signal"]}, HALF)


def test_a_net_that_insists_on_float32_is_pruned_too() -> None:
    class Single(Plain):
        def forward(self, image: Tensor) -> Tensor:
            return super().forward(image.float())

    torch.manual_seed(0)
    net = Single(nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU()), 32)
    prune(net, {"image": torch.randn(2, 1, 8, 8)}, HALF)
    assert [layer.out_channels for layer in (net.body[0], net.body[2])] == [8, 16]


def test_a_net_that_asserts_float32_is_pruned_too() -> None:
    class Asserting(Plain):
        def forward(self, image: Tensor) -> Tensor:
            assert image.dtype == torch.float32
            return super().forward(image)

    torch.manual_seed(0)
    net = Asserting(nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU()), 16)
    prune(net, {"image": torch.randn(2, 1, 8, 8)}, HALF)
    assert net.body[0].out_channels == 8


def test_frozen_weights_are_pruned_and_stay_frozen() -> None:
    net, inputs = whole("cnn1d")
    net.requires_grad_(False)
    prune(net, inputs, HALF)
    assert net.body[0].out_channels == 8
    assert not any(parameter.requires_grad for parameter in net.parameters())


def old_weight_norm(layer: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and what published nets hold
        nn.utils.weight_norm(layer)


def masked(layer: nn.Module) -> None:
    from torch.nn.utils.prune import l1_unstructured

    l1_unstructured(layer, "weight", 0.3)


@pytest.mark.parametrize(
    "rewrite",
    [
        old_weight_norm,
        nn.utils.parametrizations.weight_norm,
        nn.utils.spectral_norm,
        nn.utils.parametrizations.spectral_norm,
        masked,
    ],
)
def test_weights_that_are_computed_at_each_call_are_written_down_and_pruned(
    rewrite: Callable[[nn.Module], object],
) -> None:
    def build() -> nn.Module:
        torch.manual_seed(0)
        layers = [layer for width in (1, 16, 16) for layer in (nn.Conv2d(width, 16, 3), nn.ReLU())]
        net = Plain(nn.Sequential(*layers), 16)
        rewrite(net.body[2])
        return net.eval()

    inputs = {"image": torch.randn(3, 1, 12, 12)}
    plain, pruned, again = build(), build(), build()
    make_weights_plain(plain)
    assert_close(answers(build(), inputs), answers(plain, inputs))
    pruning, history = prune(pruned, inputs, PruneSpec(layers={"body.2": 0.5}))
    assert [left.name for left in pruning.left_alone] == ["body.0", "body.4", "head"]
    assert pruned.body[2].weight.shape == (8, 16, 3, 3)
    replay(again, history)
    assert_close(answers(pruned, inputs), answers(copy.deepcopy(again), inputs))


def test_copies_of_a_layer_with_computed_weights_are_all_written_down() -> None:
    """They share a class of their own, from which torch takes the weight away with the first."""
    torch.manual_seed(0)
    layer = nn.utils.parametrizations.weight_norm(nn.Conv2d(16, 16, 3))
    net = Plain(nn.Sequential(nn.Conv2d(1, 16, 3), layer, nn.ReLU(), copy.deepcopy(layer), nn.ReLU()), 16)
    inputs = {"image": torch.randn(3, 1, 12, 12)}
    expected = answers(net, inputs)
    assert make_weights_plain(net) == ("body.1", "body.3")
    assert_close(expected, answers(net, inputs))


def test_a_weight_that_is_another_at_each_call_is_refused_with_its_layer() -> None:
    class Random(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return weight * torch.rand(())

    net, inputs = whole("flatten")
    nn.utils.parametrize.register_parametrization(net.body[1][0], "weight", Random())
    with pytest.raises(BadInput, match=r"otherwise once the weights of body\.1\.0 are") as refused:
        prune(net, inputs, HALF)
    assert "plain weights in the factory" in refused.value.remedy


@pytest.mark.parametrize("noise", [True, False])
def test_a_net_without_an_answer_of_its_own_is_refused_as_that(noise: bool) -> None:
    class Noisy(Plain):
        def forward(self, image: Tensor) -> Tensor:
            return super().forward(image + torch.randn_like(image) if noise else image * float("nan"))

    net = Noisy(nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU()), 16)
    with pytest.raises(BadInput, match="two answers to the same input, or NaN") as refused:
        prune(net, {"image": torch.randn(2, 1, 8, 8)}, HALF)
    assert "switch off what is random" in refused.value.remedy


def test_an_attention_that_cannot_be_split_stays_with_a_true_reason() -> None:
    class Biased(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.MultiheadAttention(32, 4, batch_first=True, add_bias_kv=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x, x, x, need_weights=False)[0]

    torch.manual_seed(0)
    net = Sequence(Biased())
    net.head = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
    pruning, _ = prune(net, {"signal": torch.randn(3, 10, 16)}, HALF)
    assert [change.name for change in pruning.layers] == ["head.0", "head.2"]
    reasons = {left.name: left.reason for left in pruning.left_alone}
    assert reasons["attention.inner"].startswith("its heads cannot be split (add_bias_kv")
    assert reasons["attention.inner.out_proj"] == reasons["attention.inner"]


@pytest.mark.parametrize("sides", [("in", "out"), ("out", "in")])
def test_what_feeds_a_recurrent_layer_and_is_added_to_it_stays_for_that_reason(
    sides: tuple[Side, Side],
) -> None:
    places = tuple(range(16))
    members = tuple(Member("cell", side, 0, places, places) for side in sides)
    plan, ratios = PrunePlan(), PruneRatios(HALF, ["embed", "cell"])
    unfit = unfit_layers(nn.ModuleDict({"cell": nn.GRU(16, 16)}))
    _plan_channels(plan, ChannelGroup(("embed",), members, 16, 1, (1.0,) * 16), ratios, 8, unfit)
    assert plan.reasons["embed"] == "it is tied to cell: recurrent: its hidden units stay"
    _plan_channels(plan, ChannelGroup(("other",), members[:1], 16, 1, (1.0,) * 16), ratios, 8, unfit)
    assert bool(plan.removals) is (sides[0] == "in"), "its inputs may go"


def test_pruned_weights_pass_through_safetensors(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    net, inputs = whole("multihead attention")
    pruned = copy.deepcopy(net)
    _, history = prune(pruned, inputs, HALF)
    save_file(pruned.state_dict(), tmp_path / "pruned.safetensors")
    again = copy.deepcopy(net)
    replay(again, history)
    again.load_state_dict(load_file(tmp_path / "pruned.safetensors"))
    assert torch.equal(answers(pruned, inputs)[0], answers(again, inputs)[0])


def test_layers_that_share_channels_with_one_of_ratio_0_are_told_so() -> None:
    net, inputs = whole("resnet18")
    pruning, _ = prune(net, inputs, PruneSpec(ratio=0.5, layers={"stem": 0.25, "blocks.0.body.2": 0.0}))
    reasons = {left.name: left.reason for left in pruning.left_alone}
    assert reasons["blocks.0.body.2.0"] == "the recipe gives it a ratio of 0"
    shared = "it shares its channels with blocks.0.body.2.0, which the recipe gives a ratio of 0"
    assert reasons["stem.0.0"] == shared


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_channels_that_a_recurrent_layer_passes_over_go(kind: type, bidirectional: bool) -> None:
    class Sequence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(3, 32)
            self.cell = kind(32, 16, batch_first=True, bidirectional=bidirectional)
            self.head = nn.Linear(16 * (1 + bidirectional), 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.cell(self.embed(x))[0].mean(1))

    net = Sequence()
    with torch.no_grad():
        net.embed.weight.fill_(0.5)
        for name, weight in net.cell.named_parameters():
            if name.startswith("weight_ih_l0"):
                weight[:, ::2] = 0.0
    _, history = prune(net, {"x": torch.randn(4, 5, 3)}, HALF)
    assert {cut.removed for cut in history.cuts} == {tuple(range(0, 32, 2))}


def test_a_weight_that_is_no_layers_own_is_left_alone() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv1d(2, 32, 3, padding=1)
            self.weight = nn.Parameter(torch.randn(32, 32, 3) / 10)
            self.last = nn.Conv1d(32, 16, 3)
            self.head = nn.Linear(16, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = nn.functional.conv1d(torch.relu(self.first(x)), self.weight, padding=1)
            return self.head(torch.relu(self.last(torch.relu(x))).mean(2))

    net, inputs = Functional(), {"x": torch.randn(4, 2, 20)}
    pruned = copy.deepcopy(net).eval()
    pruning, history = prune(pruned, inputs, HALF)
    assert {change.name: change.outputs_after for change in pruning.layers}["last"] == 8
    assert "first" in {left.name for left in pruning.left_alone}
    assert_close(without_channels(net.eval(), history, inputs), answers(pruned, inputs))


def test_a_forward_without_gradients_is_refused_as_that() -> None:
    class Quiet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv1d(2, 32, 3), nn.ReLU(), nn.Conv1d(32, 4, 3))

        @torch.no_grad()
        def forward(self, x: Tensor) -> Tensor:
            return self.body(x).mean(2)

    with pytest.raises(BadInput, match="no layer can be pruned") as refused:
        prune(Quiet(), {"x": torch.randn(4, 2, 20)}, HALF)
    assert "no gradient leads from an output to it" in refused.value.where
    assert "no_grad" in refused.value.remedy
