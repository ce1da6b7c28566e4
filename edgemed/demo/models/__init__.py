"""Model files that the demos copy beside their recipes. They import torch: import them in functions only."""
