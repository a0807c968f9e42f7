"""A device that is not there: what is computed on it is right, and mixing it with the CPU is not.

Tensors "on" it say that they are on a device of torch's that nobody here uses ("lazy"), but hold
numbers, which the CPU computes with. As on a GPU an operator refuses tensors of both places,
single numbers excepted, and numpy gets at none of them: code that forgets a device fails here too.
Sparse tensors and torch's recurrent layers do not work.
"""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

ELSEWHERE = torch.device("lazy")
_COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class Elsewhere(torch.Tensor):
    """A tensor on the device that is not there; `here` are its numbers."""

    here: torch.Tensor

    @staticmethod
    def __new__(cls, here):
        made = torch.Tensor._make_wrapper_subclass(
            cls, here.size(), strides=here.stride(), dtype=here.dtype, device=ELSEWHERE
        )
        made.here = here
        return made

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


class Device(TorchDispatchMode):
    """While it is on, tensors can be moved to ELSEWHERE, and be made there."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


def _run(function, args, kwargs):
    tensors = [t for t in tree_flatten((args, kwargs))[0] if isinstance(t, torch.Tensor)]
    there = [t for t in tensors if isinstance(t, Elsewhere)]
    here = [t for t in tensors if not isinstance(t, Elsewhere) and t.ndim]
    if there and here and function not in _COPIES:
        raise RuntimeError(f"{function} was given tensors of two devices")
    targets = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.device)]

    def plain(value):
        if isinstance(value, Elsewhere):
            return value.here
        return torch.device("cpu") if isinstance(value, torch.device) else value

    args, kwargs = tree_map(plain, (args, kwargs))
    result = function(*args, **kwargs)
    if function is torch.ops.aten.copy_.default:
        return tensors[0]
    if not (ELSEWHERE in targets if targets else there):
        return result
    known = {id(t.here): t for t in there}  # in-place operators give what they were given

    def placed(value):
        if not isinstance(value, torch.Tensor):
            return value
        return known[id(value)] if id(value) in known else Elsewhere(value)

    return tree_map(placed, result)
