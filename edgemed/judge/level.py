"""What every interval has in common; apart, because devices have no scipy for the others."""

LEVEL = 0.95
RESAMPLES = 2000
