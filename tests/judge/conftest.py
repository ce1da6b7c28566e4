"""scikit-learn's figures, to compare with: two seconds to import, for the process that needs them."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def metrics():
    return pytest.importorskip("sklearn.metrics")
