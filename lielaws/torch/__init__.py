"""PyTorch modules as architectures. `import lielaws` never imports torch: it is imported where a module is captured."""

from lielaws.torch.importing import from_torch as from_torch
