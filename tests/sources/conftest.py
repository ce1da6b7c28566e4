"""Small nets of each kind, as Python files that a user would write, and their weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgemed.sources.torch_program import quiet

NETS = '''
import torch
from torch import nn


class Residual(nn.Module):
    """ResNet's basic block between a strided stem and a pooled head."""

    def __init__(self, columns=3, ending="logits"):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn0 = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.conv1 = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, columns)
        self.ending = {"logits": nn.Identity(), "sigmoid": nn.Sigmoid(), "softmax": nn.Softmax(1)}[ending]

    def forward(self, image):
        x = self.pool(torch.relu(self.bn0(self.stem(image))))
        y = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(x + self.bn2(self.conv2(y)))
        x = nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.ending(self.head(x))


class Mobile(nn.Module):
    """MobileNetV3's inverted block: expand, depthwise, squeeze and excite, project, hard activations."""

    def __init__(self, columns=2):
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(3, 12, 1, bias=False), nn.BatchNorm2d(12), nn.Hardswish())
        self.depth = nn.Sequential(
            nn.Conv2d(12, 12, 5, 2, 2, groups=12, bias=False), nn.BatchNorm2d(12), nn.Hardswish()
        )
        self.squeeze = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(12, 4, 1), nn.ReLU(), nn.Conv2d(4, 12, 1), nn.Hardsigmoid()
        )
        self.project = nn.Sequential(nn.Conv2d(12, 12, 1, bias=False), nn.BatchNorm2d(12))
        self.head = nn.Sequential(nn.Linear(12, 8), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(8, columns))

    def forward(self, image):
        x = self.depth(self.expand(image))
        x = self.project(x * self.squeeze(x)) + x
        return self.head(x.mean((2, 3)))


class Fusion(nn.Module):
    """Image and table, attention over the pixels, two heads in a dict."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.table = nn.Linear(4, 8)
        self.risk = nn.Linear(16, 1)
        self.volume = nn.Linear(16, 1)

    def forward(self, image, table):
        x = torch.relu(self.conv(image)).flatten(2).transpose(1, 2)
        x = self.attention(x, x, x)[0].mean(1)
        x = torch.cat([x, torch.relu(self.table(table))], 1)
        return {"risk": torch.sigmoid(self.risk(x)), "volume": self.volume(x).squeeze(1)}


class Recurrent(nn.Module):
    """GRU and LSTM over a signal; a tuple of two heads."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 6, batch_first=True)
        self.lstm = nn.LSTM(6, 6, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, signal):
        x, _ = self.lstm(self.gru(signal)[0])
        return self.head(x[:, -1]), self.head(x.mean(1))


class Volume(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)

    def forward(self, volume):
        return self.head(torch.relu(self.conv(volume)).mean((2, 3, 4)))


class Tiny(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.hidden = nn.Linear(3, width)
        self.head = nn.Linear(width, 1)

    def forward(self, table):
        return self.head(torch.tanh(self.hidden(table)))


class Branch(Tiny):
    def forward(self, table):
        if table.sum() > 0:
            table = table * 2
        return super().forward(table)


class Frozen(Tiny):
    def forward(self, table):
        return super().forward(table).reshape(2, -1)


class Constant(Tiny):
    def forward(self, table):
        return super().forward(table) * 0


class Overflow(Tiny):
    def forward(self, table):
        return super().forward(torch.log(table))


class Restless(Tiny):
    def forward(self, table):
        return super().forward(table + torch.rand_like(table))
'''


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def nets(tmp_path: Path):
    """`nets(name, **args)`: a Python file in `tmp_path`, and the factory's module in eval mode, seeded."""
    import torch

    path = tmp_path / "nets.py"
    path.write_text(NETS)
    space: dict = {}
    exec(compile(NETS, str(path), "exec"), space)

    def make(name: str, **args):
        torch.manual_seed(0)
        model = space[name](**args)
        for module in model.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.5, 1.5)
        return model.eval()

    return make


@pytest.fixture
def saved(nets, tmp_path: Path):
    """`saved(name, **args)` writes NAME.pt and gives the `ModelSpec`."""
    import torch

    from edgemed.types import ModelSpec

    def make(name: str, **args):
        torch.save(nets(name, **args).state_dict(), tmp_path / f"{name}.pt")
        return ModelSpec(f"nets.py:{name}", f"{name}.pt", args)

    return make


@pytest.fixture
def legacy(tmp_path: Path):
    """`legacy(model, shape, opset)` writes an ONNX file as older torch did."""
    import torch

    def make(model, shape, opset: int, *, dynamic: bool = True, name: str = "legacy.onnx", dtype=None):
        axes = {"image": {0: "n"}, "scores": {0: "n"}} if dynamic else None
        example = torch.zeros(1, *shape, dtype=dtype)
        with quiet():
            torch.onnx.export(
                model, (example,), str(tmp_path / name), dynamo=False, opset_version=opset,
                input_names=["image"], output_names=["scores"], dynamic_axes=axes,
            )  # fmt: skip
        return name

    return make
