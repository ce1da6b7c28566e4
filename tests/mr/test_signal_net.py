"""Reference networks: any length, any heads, answers that do not depend on the batch."""

from __future__ import annotations

import numpy as np
import pytest

ARCHITECTURES = ("cnn", "resnet", "linear-path")
HEADS = {"lesion": 1, "kind": 3}


def _net(channels: int, length: int, architecture: str):
    import torch

    from edgemed.mr.models.signal_net import SignalNet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SignalNet(channels, length, HEADS, architecture)


def _rows(n: int, channels: int, length: int):
    import torch

    rows = np.random.default_rng(1).normal(size=(n, channels, length))
    return torch.from_numpy(rows.astype(np.float32))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("length", [1, 2, 63, 64, 129, 5000])
def test_any_length_gives_an_answer_for_each_head(architecture: str, length: int) -> None:
    net, rows = _net(2, length, architecture), _rows(3, 2, length)
    assert net.train()(rows)["kind"].isfinite().all()
    answers = net.eval()(rows)
    assert {name: tuple(each.shape) for name, each in answers.items()} == {"lesion": (3, 1), "kind": (3, 3)}
    assert net(rows[1:2])["kind"].detach() == pytest.approx(answers["kind"][1:2].detach(), abs=1e-5)


def test_length_costs_little() -> None:
    """Longer signals have longer patches, not more places behind them."""
    sizes = [sum(each.numel() for each in _net(2, length, "cnn").parameters()) for length in (64, 640)]
    assert sizes[1] - sizes[0] == 48 * 2 * 9


def test_the_linear_path_sees_the_signal_beside_the_convolutions() -> None:
    import torch

    signal, net = _rows(2, 4, 16), _net(4, 16, "linear-path").eval()
    with torch.no_grad():
        net.head[2].weight.zero_()
        one, other = net(signal)["kind"]
        assert (one == other).all()  # it begins as the cnn
        net.linear.weight.fill_(1.0)
        one, other = net(signal)["kind"]
    assert (one - other).numpy() == pytest.approx(np.full(3, signal[0].sum() - signal[1].sum()), abs=1e-4)
