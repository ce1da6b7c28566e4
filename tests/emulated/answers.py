"""`answers.py BUNDLE INPUTS OUT`: what each artefact of a bundle answers on the machine that executes this.

INPUTS is an npz of batches by input, OUT becomes one of answers by `ARTEFACT/HEAD`. Prints facts as JSON.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import numpy as np

from edgemed.device.artefacts import find_artefacts, unbundled
from edgemed.runtime import Session, host_facts


def main(bundle: Path, given: Path, out: Path) -> None:
    with np.load(given) as held:
        inputs = dict(held)
    name = Session.load(bundle).manifest.name
    answers, replay = {}, {}
    for folder in find_artefacts(unbundled([bundle])):
        session = Session.load(folder)
        replay[folder.name] = session.replay_golden_cases()
        for head, array in session.execute(inputs).items():
            answers[f"{folder.name}/{head}"] = array
    np.savez(out, **answers)
    told = {"name": name, "replay": replay, "host": host_facts(), "python": platform.python_version()}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
