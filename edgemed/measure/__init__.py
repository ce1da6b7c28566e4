"""Raw samples of what an artefact does: predictions, latencies, memory."""

from edgemed.measure.contest import contest, launch_timeout_s, stacked, time_in_turns
from edgemed.measure.latency import interleaved_latencies_s, session_call
from edgemed.measure.load import LOAD_TIMEOUT_S, LoadCost, load_cost
from edgemed.measure.predictions import Predictions, predict

__all__ = [
    "LOAD_TIMEOUT_S",
    "LoadCost",
    "Predictions",
    "contest",
    "interleaved_latencies_s",
    "launch_timeout_s",
    "load_cost",
    "predict",
    "session_call",
    "stacked",
    "time_in_turns",
]
