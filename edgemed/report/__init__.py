"""report.json and report.html, made from a `Compilation` and nothing else."""

from edgemed.report.gallery import Picture
from edgemed.report.write import write_report

__all__ = ["Picture", "write_report"]
