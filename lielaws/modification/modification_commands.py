"""`lielaws modification ...`: on arrays in .npz files, with an architecture that runs them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lielaws.modification.conservation import ConservationCertificate
    from lielaws.modification.data import Data
    from lielaws.modification.model import Model

_FILE = "FILE"
_brief = click.option("--brief", is_flag=True, help="One line for each clause.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_data = click.option("--data", metavar=_FILE, help="An .npz file with x and y: inputs and targets.")
_loss = click.option("--loss", default="cross_entropy", show_default=True, help="cross_entropy or squared_error.")
_seed = click.option("--seed", default=0, show_default=True, help="Of everything random.")


@click.group("modification")
def modification() -> None:
    """What pruning, quantization, fine-tuning and distillation conserve."""


@modification.command()
@click.argument("arch")
@click.argument("models", nargs=-1, required=True)
@_data
@_loss
@click.option("--done", multiple=True, help="What each step did: prune:0.3, quantize:8, gradient_step:0.1, or a word.")
@click.option("--delta", type=float, help="Progress of every step; by default the largest that they show.")
@click.option("--epsilon", default=0.1, show_default=True, help="Share of Info that a step may lose.")
@click.option("--lower-bound", type=float, help="A proven lower bound of the loss; by default that of the loss.")
@click.option("--smoothness", type=float, help="Constant of smoothness of the loss, for gradient steps.")
@click.option("--feature-tolerance", type=float, help="How far the features of each layer may move in a step.")
@click.option("--drift-tolerance", type=float, help="How far they may move from the first model to the last.")
@click.option("--kl-tolerance", type=float, help="Divergence from the model before, in nats.")
@click.option("--capacity-loss", type=float, help="Share of rank * width that a step may lose; by default epsilon.")
@click.option("--rank-tolerance", type=float, help="Count singular values above it instead of the exact rank.")
@click.option("--weight-decay", type=float, help="lambda, for the bound of |theta|^2.")
@click.option("--lipschitz", type=float, help="What the product of spectral norms may be.")
@click.option("--representation", metavar="LAYER", help="Which layer is Z; by default the last hidden one.")
@click.option("--information", default="empirical", show_default=True, help="empirical, noisy, or an estimator.")
@click.option("--noise", type=float, help="Standard deviation of the noise that is added to Z.")
@_seed
@click.option("--certificate", metavar=_FILE, help="Write the certificate to FILE.")
@_brief
@_json
def certify(
    arch: str,
    models: tuple[str, ...],
    data: str | None,
    loss: str,
    done: tuple[str, ...],
    certificate: str | None,
    brief: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Certify the chain of MODELS, two or more .npz files with the parameters of ARCH, in their order.

    Status 0 if the chain is accepted, 1 if it is not.
    """
    from lielaws.errors import InvalidArgumentError
    from lielaws.modification.certify import certify as make
    from lielaws.modification.chain import Chain
    from lielaws.modification.recipes import stated

    if len(models) < 2:
        remedy = "a chain of length zero certifies nothing; give the file before and the files after each step"
        raise InvalidArgumentError("models", list(models), remedy)
    if done and len(done) != len(models) - 1:
        raise InvalidArgumentError("done", list(done), f"one for each of the {len(models) - 1} steps is needed")
    loaded = [_model(arch, path) for path in models]
    # One network runs them all, so that equal arrays are known to have equal outputs.
    loaded = [loaded[0].with_params(model.params) for model in loaded]
    words = done or ("modification",) * (len(models) - 1)
    pairs = zip(words, loaded, loaded[1:], strict=False)
    chain = Chain([stated(word, before, after) for word, before, after in pairs])
    result = make(chain, _read_data(data), loss, **options)
    if certificate is not None:
        result.save(certificate)
    _show(result, brief, as_json)


@modification.command("apply")
@click.argument("arch")
@click.argument("model")
@click.argument("change")
@click.argument("output")
@_data
@_loss
@_json
def apply_command(arch: str, model: str, change: str, output: str, data: str | None, loss: str, as_json: bool) -> None:
    """Make a CHANGE of the parameters of ARCH in MODEL, an .npz file, and write the result to OUTPUT.

    CHANGE is prune:0.3, prune_units:0.2, quantize:8, low_rank:4, rescale:SEED, or, with --data, gradient_step:0.1.
    """
    from lielaws.modification.array_files import save_arrays
    from lielaws.modification.recipes import apply

    made = apply(change, _model(arch, model), _read_data(data), loss)
    save_arrays(output, made.after.params)
    record = {"done": made.done, "settings": dict(made.settings), "output": output}
    click.echo(json.dumps(record, indent=1) if as_json else f"{output}: {made.text}")


@modification.command()
@click.argument("certificate")
@_brief
@_json
def show(certificate: str, brief: bool, as_json: bool) -> None:
    """Print a saved CERTIFICATE, after its verdicts were compared with its numbers. Status 1 if it accepts no chain."""
    from lielaws.modification.conservation import ConservationCertificate

    _show(ConservationCertificate.load(certificate), brief, as_json)


def _show(certificate: ConservationCertificate, brief: bool, as_json: bool) -> None:
    from lielaws.modification.conservation_text import text_report

    click.echo(certificate.to_json().rstrip() if as_json else text_report(certificate, brief=brief))
    if not certificate.accepted:
        sys.exit(1)


def _model(arch: str, path: str) -> Model:
    from lielaws.errors import InvalidArgumentError
    from lielaws.modification.array_files import load_arrays
    from lielaws.modification.model_sources import as_model
    from lielaws.questions import as_architecture

    architecture = as_architecture(arch)
    arrays = load_arrays(path, tuple(architecture.parameters))
    try:
        return as_model(architecture, arrays)
    except InvalidArgumentError as error:
        raise type(error)(f"{path}: {error.argument}", error.value, error.remedy) from error


def _read_data(path: str | None) -> Data | None:
    from lielaws.modification.array_files import load_arrays
    from lielaws.modification.data import Data

    if path is None:
        return None
    arrays = load_arrays(path, ("x", "y"))
    return Data(arrays["x"], arrays["y"])
