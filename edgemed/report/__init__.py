"""report.json and report.html, made from a `Compilation` and, where there is one, the `Stress` beside it."""

from edgemed.report.gallery import Picture
from edgemed.report.stress_file import read_stress
from edgemed.report.write import write_report, write_stress

__all__ = ["Picture", "read_stress", "write_report", "write_stress"]
