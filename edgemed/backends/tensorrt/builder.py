"""build_engine: an ONNX graph to a serialized engine, strongly typed: every precision stands in the graph."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from edgemed.backends.tensorrt.build_log import build_log
from edgemed.backends.tensorrt.package import installed_version, load
from edgemed.errors import ToolFailure
from edgemed.types import Engine, EnginePackage, digest_of_file

_MOST_NAMED = 5


def build_engine(
    graph: Path,
    package: EnginePackage,
    compute_capability: str,
    out: Path,
    *,
    driver: str = "",
    timing_cache: Path | None = None,
) -> Engine:
    """Write the engine of `graph` for a batch of 1 to `out`. Run it in a child: a broken graph may crash it.

    `tensorrt-rtx` compiles for any of its compute capabilities without a GPU; `tensorrt` for the GPU at hand,
    whose capability the caller has compared. With a `timing_cache` a second build takes the first one's
    tactics. Raises `ToolFailure` for a node, a capability or a precision that cannot be built, and where the
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
        _aim(trt, config, compute_capability)
    cache = _timing_cache(config, timing_cache)
    config.add_optimization_profile(_batch_of_1(builder, network))
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise ToolFailure(f"{package} cannot build the engine: {_worst(trt, log)}", where=graph.name)
    out.write_bytes(plan)
    if timing_cache is not None and cache is not None:
        timing_cache.write_bytes(cache.serialize())
    layers = tuple((nodes[0] if nodes else name, kind, own) for name, kind, own, nodes in log.layers())
    return Engine(
        file=out.name,
        sha256=digest_of_file(out),
        graph=digest_of_file(graph),
        package=package,
        version=installed_version(package),
        compute_capability=compute_capability,
        driver=driver,
        layers=layers,
    )


def check_graph(graph: Path, package: EnginePackage) -> tuple[str, ...]:
    """Parse only: what the front end warns of. Raises `ToolFailure` naming what it does not support."""
    trt = load(package)
    log = build_log(trt)
    log.start()
    _parse(trt, trt.Builder(log), log, graph)
    return tuple(log.at_least(trt.Logger.WARNING))


def _parse(trt: ModuleType, builder: Any, log: Any, graph: Path) -> Any:
    """The network; the nodes that cannot be in it are named before anything is built."""
    strongly = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if strongly is None else 1 << int(strongly))
    parser = trt.OnnxParser(network, log)
    parsed = parser.parse(graph.read_bytes())
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    if not parsed or errors:
        named = dict.fromkeys(
            f"{each.node_name()} ({each.node_operator()}): {each.desc()}" for each in errors
        )
        shown = "; ".join(list(named)[:_MOST_NAMED]) or _worst(trt, log)
        raise ToolFailure(f"TensorRT does not support a node: {' '.join(shown.split())}", where=graph.name)
    if log.clipped():
        raise ToolFailure(
            "TensorRT reads uint8 activations as int8 and clips half of their range", where=graph.name
        )
    return network


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


def _timing_cache(config: Any, path: Path | None) -> Any:
    if path is None:
        return None
    cache = config.create_timing_cache(path.read_bytes() if path.exists() else b"")
    config.set_timing_cache(cache, ignore_mismatch=False)
    return cache


def _batch_of_1(builder: Any, network: Any) -> Any:
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = (1, *tuple(tensor.shape)[1:])
        profile.set_shape(tensor.name, shape, shape, shape)
    return profile


def _worst(trt: ModuleType, log: Any) -> str:
    said = log.at_least(trt.Logger.ERROR) or log.at_least(trt.Logger.WARNING) or ["it says nothing more"]
    return " ".join(" | ".join(said[:_MOST_NAMED]).split())[:600]
