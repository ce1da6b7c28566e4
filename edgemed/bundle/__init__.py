"""The one file that leaves the host: artefacts, what they are, and who vouches for them. See `FORMAT.md`."""
