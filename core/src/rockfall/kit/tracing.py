"""The layers of one forward pass: what each gives, of what, and with which weights.

A network says which modules it has, and not which follows which: that is in its `forward`, with
residuals, branches and functions between the modules. So every operation of a real forward pass is
followed, by `torch.overrides.TorchFunctionMode`, which needs no gradients: each tensor is known by
the layers that it comes from.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode, resolve_name

from rockfall.kit.modules import eval_mode

__all__ = ["Layer", "trace_layers"]

INPUT = "input"
"""Name and kind of the first layer."""
REARRANGING = frozenset(
    {"getitem", "select", "narrow", "split", "split_with_sizes", "chunk", "tensor_split", "unbind"}
    | {"view", "view_as", "reshape", "reshape_as", "ravel", "flatten", "unflatten", "index_select"}
    | {
        "squeeze",
        "unsqueeze",
        "expand",
        "expand_as",
        "broadcast_to",
        "broadcast_tensors",
        "permute",
        "transpose",
        "t",
        "T",
        "H",
        "mT",
    }
    | {"movedim", "moveaxis", "swapaxes", "swapdims", "flip", "contiguous", "clone", "detach"}
    | {"to", "type", "type_as", "float", "double", "half", "bfloat16", "cpu", "cuda", "data"}
    | {"requires_grad", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"}
)
"""Operations that leave the numbers as they are, dropout among them in evaluation mode."""
RESHAPING = frozenset({"view", "view_as", "reshape", "reshape_as", "unflatten"})
"""Of them, those that may make a picture of a vector."""
OPERATORS = {
    "iadd": "add",
    "radd": "add",
    "isub": "sub",
    "imul": "mul",
    "rmul": "mul",
    "truediv": "div",
    "itruediv": "div",
    "true_divide": "div",
    "concat": "cat",
    "concatenate": "cat",
}
"""Other names of some operations."""
PASSING = (nn.Identity, nn.Flatten, nn.Unflatten, nn.modules.dropout._DropoutNd, nn.Sequential)
"""Modules that do; of the last, those that are empty."""
_WINDOW = ("input", "kernel_size", "stride", "padding")
_CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
PARAMETRISED = "parametrizations"
"""Name that PyTorch gives to the modules by which a layer's weights are computed."""
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "linear": ("input", "weight", "bias"),
    "conv1d": _CONVOLUTION,
    "conv2d": _CONVOLUTION,
    "conv3d": _CONVOLUTION,
    "max_pool2d": _WINDOW,
    "avg_pool2d": _WINDOW,
}
"""The names of what these functions are given by position."""


class Layer(NamedTuple):
    """What one step of a forward pass gives.

    name: of its own among the layers, such as the module's `features.0`; called again, `fc (2)`.
    kind: what it does, as PyTorch calls it: `Conv2d` or another module's class, `relu`, `add` or
        another function, and `input` of the first.
    values: (N, …), one for each input, in the shape in which they go on.
    after: the names of the layers whose values go into it, all of them earlier.
    weight, bias: as PyTorch has them for such a layer: (units, features) of `Linear`, (filters,
        channels / groups, height, width) of `Conv2d`. They are the network's own, not copies.
    settings: its others that are plain, such as `stride`, `padding`, `dilation` and `groups`.
    """

    name: str
    kind: str
    values: Tensor
    after: tuple[str, ...] = ()
    weight: Tensor | None = None
    bias: Tensor | None = None
    settings: Mapping[str, Any] = MappingProxyType({})


def trace_layers(
    model: nn.Module, inputs: Tensor, forward: Callable[[Tensor], Any] | None = None
) -> list[Layer]:
    """The layers of `forward(inputs)`, by which `model` itself is called if it is not given.

    A layer is the input, a module without children, or a function called elsewhere that makes other
    numbers, such as `relu`, the sum of a residual block, `cat`, or a `slice` of another's. What
    leaves the numbers as they are, such as `flatten` and dropout, is none, nor is what gives no
    floats (N, …).

    inputs: (N, …). The model is in evaluation mode meanwhile, and computes without gradients;
    afterwards nothing is hooked. What happens outside of PyTorch, as in NumPy, is not seen.
    """
    tracer = _Tracer(inputs)
    with eval_mode(model), tracer.following(model):
        (forward or model)(inputs)
    return tracer.layers


class _Tracer(TorchFunctionMode):
    """Writes down layers, and of which of them every tensor comes."""

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self.count = len(inputs)
        self.layers: list[Layer] = []
        self.times: dict[str, int] = {}
        self.origins: dict[int, tuple[Tensor, tuple[str, ...]]] = {}
        """By its id every tensor seen, which is kept so that no other gets the id."""
        self.inside: list[str] = []
        """The modules with children that are being called, innermost last."""
        self.taken: tuple[str, ...] | None = None
        """What went into the layer that is being called."""
        self.add(INPUT, INPUT, inputs, (), inputs)

    @contextlib.contextmanager
    def following(self, model: nn.Module) -> Iterator[None]:
        """Inside, what the model computes is written down."""
        hooks: list[Any] = []
        try:
            for name, module in model.named_modules():
                if PARAMETRISED in name.split("."):  # called while a layer is
                    continue
                # A model that has no other modules is looked into, unless it is one of PyTorch's.
                whole = module is model and not type(module).__module__.startswith("torch.nn.")
                is_layer = _is_layer(module) and not whole
                enter, leave = self.around_layer if is_layer else self.around_others
                hooks += [
                    module.register_forward_pre_hook(
                        functools.partial(enter, name), with_kwargs=True
                    ),
                    module.register_forward_hook(functools.partial(leave, name)),
                ]
            with self:
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def add(
        self, name: str, kind: str, values: Tensor, after: tuple[str, ...], given: Any, **more: Any
    ) -> None:
        """A new layer, of which all tensors in `given` come."""
        times = self.times[name] = self.times.get(name, 0) + 1
        if times > 1:
            name = f"{name} ({times})"
        # A copy, since what follows may change it in place.
        self.layers.append(Layer(name, kind, values.detach().clone(), after, **more))
        self.mark(given, (name,))

    def mark(self, given: Any, origins: tuple[str, ...]) -> None:
        for tensor in _tensors(given):
            self.origins[id(tensor)] = tensor, origins

    def pass_on(self, given: Any, origins: tuple[str, ...], *, reshaped: bool) -> None:
        """What leaves the numbers as they are. reshaped: whether it may have made a picture of a
        vector, which is one from the layer on that it comes from.
        """
        self.mark(given, origins)
        if not reshaped or len(origins) != 1 or not isinstance(given, Tensor) or given.ndim < 3:
            return
        index = [layer.name for layer in self.layers].index(origins[0])
        values = self.layers[index].values
        same = values.numel() == given.numel() and len(given) == self.count
        if values.ndim == 2 and same:
            self.layers[index] = self.layers[index]._replace(values=values.view(given.shape))

    def origins_of(self, *given: Any) -> tuple[str, ...]:
        found = [self.origins[id(each)][1] for each in _tensors(given) if id(each) in self.origins]
        return tuple(dict.fromkeys(name for names in found for name in names))

    def values_of(self, given: Any) -> Tensor | None:
        """The first of the tensors that has floats (N, …)."""
        for tensor in _tensors(given):
            if tensor.is_floating_point() and tensor.ndim and len(tensor) == self.count:
                return tensor
        return None

    # Modules --------------------------------------------------------------------------------

    @property
    def around_layer(self) -> tuple[Callable[..., None], Callable[..., None]]:
        def enter(name: str, module: nn.Module, args: Any, kwargs: Any) -> None:
            self.taken = self.origins_of(args, kwargs)

        def leave(name: str, module: nn.Module, args: Any, given: Any) -> None:
            after = self.taken or ()
            values = None if isinstance(module, PASSING) else self.values_of(given)
            if values is None or not after:
                self.pass_on(given, after, reshaped=isinstance(module, nn.Unflatten))
            else:
                kind = parametrize.type_before_parametrizations(module).__name__
                names = (*getattr(module, "__constants__", ()), "weight", "bias")
                found = {key: getattr(module, key, None) for key in names}
                self.add(name or kind, kind, values, after, given, **_parameters(found))
            self.taken = None

        return enter, leave

    @property
    def around_others(self) -> tuple[Callable[..., None], Callable[..., None]]:
        def enter(name: str, module: nn.Module, args: Any, kwargs: Any) -> None:
            self.inside.append(name)

        def leave(name: str, module: nn.Module, args: Any, given: Any) -> None:
            self.inside.pop()

        return enter, leave

    # Functions ------------------------------------------------------------------------------

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.taken is not None:  # a layer, which is written down when it is done
            return func(*args, **kwargs)
        after = self.origins_of(args, kwargs)  # before, for what is changed in place
        given = func(*args, **kwargs)
        name = _name_of(func)
        if not after or name.startswith("new_") or name.endswith("_like"):
            return given
        rearranged = name in REARRANGING or (name == "cat" and _joins_nothing(*args, **kwargs))
        if name == "getitem" and isinstance(given, Tensor) and given.numel() < args[0].numel():
            rearranged, name = False, "slice"
        values = None if rearranged else self.values_of(given)
        if name == "setitem":
            self.mark(args[0], after)
        elif values is None:
            self.pass_on(given, after, reshaped=name in RESHAPING)
        else:
            found = dict(zip(ARGUMENTS.get(name, ()), args, strict=False)) | kwargs
            if name == "matmul" and isinstance(args[1], Tensor) and args[1].ndim == 2:
                found["weight"] = None if self.origins_of(args[1]) else args[1].T
            where = self.inside[-1] if self.inside else ""
            path = f"{where}.{name}" if where else name
            self.add(path, name, values, after, given, **_parameters(found))
        return given


def _is_layer(module: nn.Module) -> bool:
    """Whether it has no children but those by which its weights are parametrised."""
    return all(name == PARAMETRISED for name, _ in module.named_children())


def _tensors(given: Any) -> Iterator[Tensor]:
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, list | tuple):
        for each in given:
            yield from _tensors(each)
    elif isinstance(given, Mapping):
        yield from _tensors(list(given.values()))


@functools.cache
def _name_of(func: Any) -> str:
    """`torch.nn.functional.relu` and `Tensor.relu_` → `relu`; of an attribute, `T`."""
    path = str(resolve_name(func) or getattr(func, "__name__", "function")).split(".")
    name = path[-2 if path[-1] == "__get__" else -1].strip("_")
    return OPERATORS.get(name, name)


def _joins_nothing(tensors: Any, *args: Any, **kwargs: Any) -> bool:
    """Whether one tensor alone of those that are joined holds any number."""
    return len([tensor for tensor in tensors if tensor.numel()]) < 2


def _parameters(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a `Layer` has of weights and settings, by their names."""
    weights = {
        key: found[key].detach() for key in ("weight", "bias") if isinstance(found.get(key), Tensor)
    }
    settings = {key: value for key, value in found.items() if _is_plain(value)}
    return {**weights, "settings": settings}


def _is_plain(value: object) -> bool:
    parts = value if isinstance(value, tuple) else (value,)
    return all(isinstance(part, bool | int | float | str) for part in parts)
