"""edgemed: from a trained medical classifier to a verified artefact for a point-of-care device."""

__version__ = "0.1.0"
