"""build_engine: an ONNX graph to a serialized engine, strongly typed: every precision stands in the graph.

What the graph has in fp32 is computed in fp32: TF32 would round it to 10 bits.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import ModuleType
from typing import Any

from edgemed.backends.tensorrt.build_log import build_log
from edgemed.backends.tensorrt.gpu import Gpu
from edgemed.backends.tensorrt.package import installed_version, load
from edgemed.errors import ToolFailure
from edgemed.types import Engine, EnginePackage, digest_of_file

_MOST_NAMED = 5
_ALWAYS_STRONG = 11
"""From this version on there are no weakly typed networks, and a flag for strong ones may be gone."""


def build_engine(
    graph: Path,
    package: EnginePackage,
    gpu: Gpu,
    out: Path,
    *,
    timing_cache: Path | None = None,
) -> Engine:
    """Write the engine of `graph` for a batch of 1 to `out`.

    Run it in a child: a broken graph may crash it, or never end.

    `tensorrt-rtx` compiles for a `gpu` that need not be here and has no driver then; `tensorrt` for the one
    at hand, whatever `gpu` says: the caller has compared it. `timing_cache` is read where it exists, and
    written. Raises `ToolFailure` for a node, a capability or a precision that cannot be built, and where the
    parser would clip uint8 activations; `Unavailable` where the package is missing.
    """
    trt = load(package)
    log = build_log(trt)
    log.start()
    builder = trt.Builder(log)
    network = _parse(trt, builder, log, graph)
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    config.clear_flag(trt.BuilderFlag.TF32)
    if package == "tensorrt-rtx":
        _aim(trt, config, gpu.compute_capability)
    cache = _timing_cache(config, timing_cache) if timing_cache is not None else None
    config.add_optimization_profile(_one_row(builder, network))
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise ToolFailure(f"{package} cannot build the engine: {_worst(trt, log)}", where=graph.name)
    out.write_bytes(plan)
    if timing_cache is not None and cache is not None:
        timing_cache.write_bytes(cache.serialize())
    return Engine(
        file=out.name,
        sha256=digest_of_file(out),
        graph=digest_of_file(graph),
        package=package,
        version=installed_version(package),
        compute_capability=gpu.compute_capability,
        driver=gpu.driver,
        layers=tuple(log.layers()),
    )


def check_graph(graph: Path, package: EnginePackage) -> tuple[str, ...]:
    """Parse only: what the front end warns of. Raises `ToolFailure` naming what it does not support."""
    trt = load(package)
    log = build_log(trt)
    log.start()
    _parse(trt, trt.Builder(log), log, graph)
    return tuple(dict.fromkeys(" ".join(each.split()) for each in log.at_least(trt.Logger.WARNING)))


def _parse(trt: ModuleType, builder: Any, log: Any, graph: Path) -> Any:
    """The network; the nodes that cannot be in it are named before anything is built."""
    network = builder.create_network(_strongly_typed(trt))
    parser = trt.OnnxParser(network, log)
    parsed = parser.parse(graph.read_bytes())
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    named = dict.fromkeys(_told(each) for each in errors if each.node_operator())
    if named:
        raise ToolFailure(
            f"TensorRT does not support a node: {'; '.join(list(named)[:_MOST_NAMED])}",
            where=graph.name,
            remedy="change the model, or leave tensorrt out of the target's backends",
        )
    if not parsed or errors:
        raise ToolFailure(f"TensorRT cannot read the graph: {_worst(trt, log)}", where=graph.name)
    if log.clipped():
        raise ToolFailure(
            "TensorRT reads uint8 activations as int8 and clips half of their range", where=graph.name
        )
    return network


def _strongly_typed(trt: ModuleType) -> int:
    """The flags of a strongly typed network. Raises `ToolFailure` where TensorRT knows none."""
    flags = trt.NetworkDefinitionCreationFlag
    if hasattr(flags, "STRONGLY_TYPED"):
        return 1 << int(flags.STRONGLY_TYPED)
    if int(trt.__version__.partition(".")[0]) < _ALWAYS_STRONG:
        raise ToolFailure(f"TensorRT {trt.__version__} knows no strongly typed networks")
    return 0


def _told(error: Any) -> str:
    """Node, operator and reason; the reason `false` says no more than the error itself."""
    reason = " ".join(error.desc().split())
    return f"{error.node_name()} ({error.node_operator()})" + (f": {reason}" if reason != "false" else "")


def _aim(trt: ModuleType, config: Any, compute_capability: str) -> None:
    """Compile for a GPU that need not be here."""
    name = f"SM{compute_capability.replace('.', '')}"
    known = trt.ComputeCapability.__members__
    if name not in known:
        offered = ", ".join(f"{each[2:-1]}.{each[-1]}" for each in known if each.startswith("SM"))
        raise ToolFailure(
            f"tensorrt-rtx builds no engine for compute capability {compute_capability}, only for {offered}",
            where=f"compute_capabilities: {compute_capability}",
        )
    config.num_compute_capabilities = 1
    if not config.set_compute_capability(known[name], 0):
        raise ToolFailure(f"tensorrt-rtx refuses compute capability {compute_capability}")


def _timing_cache(config: Any, path: Path) -> Any:
    """What `path` holds; a fresh one where TensorRT does not take that."""
    kept = b""
    with contextlib.suppress(FileNotFoundError):
        kept = path.read_bytes()
    for serialized in (kept, b""):
        cache = config.create_timing_cache(serialized)
        if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
            return cache
    raise ToolFailure("TensorRT takes no timing cache", where=path.name)


def _one_row(builder: Any, network: Any) -> Any:
    """The shapes of a batch of 1, which is how the executor runs."""
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = (1, *tuple(tensor.shape)[1:])
        profile.set_shape(tensor.name, shape, shape, shape)
    return profile


def _worst(trt: ModuleType, log: Any) -> str:
    said = log.at_least(trt.Logger.ERROR) or log.at_least(trt.Logger.WARNING) or ["it says nothing more"]
    return " ".join(" | ".join(said[:_MOST_NAMED]).split())[:600]
