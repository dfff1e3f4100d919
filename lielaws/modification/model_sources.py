"""Models from what users hold: architectures with parameters, spec strings, PyTorch modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lielaws.architectures.base import Architecture
from lielaws.errors import InvalidArgumentError
from lielaws.modification.architecture_models import architecture_model
from lielaws.modification.model import Model
from lielaws.modification.pytorch import module_model


def as_model(source: Any, params: Mapping[str, Any] | None = None) -> Model:
    """A model from what users hold.

    Parameters
    ----------
    source : a Model; a lielaws Architecture or spec string, with `params`; or a PyTorch module, with its own
        parameters unless others are given
    params : name -> array; replaces those of a model

    Raises InvalidArgumentError for anything else.
    """
    if isinstance(source, Model):
        return source if params is None else source.with_params(params)
    if isinstance(source, tuple) and len(source) == 2 and params is None:
        source, params = source
    if isinstance(source, str):
        from lielaws.questions import as_architecture

        source = as_architecture(source)
    if isinstance(source, Architecture):
        return architecture_model(source, params)
    if hasattr(source, "state_dict") and hasattr(source, "named_parameters"):
        model = module_model(source)
        return model if params is None else model.with_params(params)
    remedy = "a Model, (architecture, params) or a PyTorch module is needed"
    raise InvalidArgumentError("model", source, remedy)
