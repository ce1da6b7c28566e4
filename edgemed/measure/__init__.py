"""Raw samples of what an artefact does: predictions, latencies, memory."""

from edgemed.measure.contest import contest, time_in_turns
from edgemed.measure.latency import interleaved_latencies_s, session_call
from edgemed.measure.load import LoadCost, load_cost
from edgemed.measure.predictions import Predictions, predict

__all__ = [
    "LoadCost",
    "Predictions",
    "contest",
    "interleaved_latencies_s",
    "load_cost",
    "predict",
    "session_call",
    "time_in_turns",
]
