"""Network definitions. The modules here import torch: import them inside functions only."""
