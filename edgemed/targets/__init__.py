"""Targets: what a compile may produce for, one TOML file each."""

from edgemed.targets.files import ENTRY_POINT, target_files
from edgemed.targets.read import load_target, target_names
from edgemed.targets.target import Target
from edgemed.targets.wheel import Wheel

__all__ = ["ENTRY_POINT", "Target", "Wheel", "load_target", "target_files", "target_names"]
