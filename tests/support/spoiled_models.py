"""Spoil a bundle's model and see what becomes of it.

    python spoiled_models.py BUNDLE COUNT SEED -> JSON

Each spoiled file is checked here as `open_bundle` checks it, and if it passes is run in a fork, as
`Recommender` runs it but for the trial: what crashes the fork must be refused by the trial, and
what does not must answer in form, or be refused with one sentence.
"""

import json
import os
import random
import resource
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np

from pocketrec.bundle.contract import check_contract
from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.folder import open_bundle
from pocketrec.bundle.golden import check_golden
from pocketrec.bundle.query import Query
from pocketrec.bundle.trial import SECONDS, try_out
from pocketrec.errors import BundleError
from pocketrec.tflite.inspect import inspect
from pocketrec.tflite.serialize import parse, serialize

WILD = (0, -1, 1, 2, 3, 26, 65_536, 10**6, 2**31 - 1)
"""Numbers that sizes and indices are set to."""


def cut(content, draw):
    return content[: draw.randrange(len(content))]


def change_bytes(content, draw):
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        place = draw.randrange(len(changed))
        changed[place] = draw.choice(
            (changed[place] ^ 1 << draw.randrange(8), draw.randrange(256), 0, 255)
        )
    return bytes(changed)


def change_graph(content, draw):
    """A file that a converter could have written, and ours did not."""
    while True:
        model = parse(content)
        for _ in range(draw.choice((1, 1, 2, 3))):
            draw.choice((rewire, resize, retype, refill, rename, reset))(model, draw)
        with suppress(Exception):  # not every wild number can be written
            return serialize(model, len(content))


def rewire(model, draw):
    graph = draw.choice(model.subgraphs)
    operator = draw.choice(graph.operators)
    name = draw.choice(("inputs", "outputs"))
    indices = np.array(getattr(operator, name))
    index = draw.choice((draw.randrange(len(graph.tensors)), *WILD))
    indices[draw.randrange(len(indices))] = index
    setattr(operator, name, indices)


def resize(model, draw):
    tensor = draw.choice(draw.choice(model.subgraphs).tensors)
    if tensor.shape is not None and len(tensor.shape):
        shape = np.array(tensor.shape)
        shape[draw.randrange(len(shape))] = draw.choice(WILD)
        tensor.shape = shape


def retype(model, draw):
    draw.choice(draw.choice(model.subgraphs).tensors).type = draw.randrange(20)


def refill(model, draw):
    tensor = draw.choice(draw.choice(model.subgraphs).tensors)
    buffer = model.buffers[tensor.buffer]
    if draw.random() < 0.3:
        tensor.buffer = draw.randrange(len(model.buffers))
    elif buffer.data is not None and len(buffer.data) >= 4:
        data = np.array(buffer.data, np.uint8)
        if draw.random() < 0.4:
            buffer.data = data[: draw.randrange(len(data))]
        else:
            numbers = data[: len(data) // 4 * 4].view(np.int32)
            numbers[draw.randrange(len(numbers))] = draw.choice(WILD)
            buffer.data = data


def rename(model, draw):
    operator = draw.choice(draw.choice(model.subgraphs).operators)
    operator.opcodeIndex = draw.randrange(len(model.operatorCodes))


def reset(model, draw):
    graph = draw.choice(model.subgraphs)
    options = draw.choice(graph.operators).builtinOptions
    values = {} if options is None else vars(options)
    if names := [name for name, value in values.items() if isinstance(value, int)]:
        setattr(options, draw.choice(names), draw.choice((0, 1, 2, 3, 5)))
    scales = draw.choice(graph.tensors).quantization
    if scales is not None and scales.scale is not None:
        wild = draw.choice((np.nan, np.inf, 0, -1, 1e30))
        scales.scale = np.full(draw.randrange(len(scales.scale) + 1), wild, np.float32)


HOW = {"cut short": cut, "changed bytes": change_bytes, "changed graphs": change_graph}


def run(content, bundle) -> None:
    """What a process does with the model; BundleError is an answer too."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30,) * 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    device = DeviceModel(content, bundle.spec)
    check_golden(bundle.manifest, device)
    for history in ([], [1], list(range(1, bundle.spec.shapes.items + 1))):
        query = Query(np.array(history, np.int32))
        ids, scores = device.recommend(query, k=bundle.spec.shapes.results)
        if ids.dtype != np.int32 or scores.dtype != np.float32 or len(ids) != len(scores):
            os._exit(4)
        if device.steps:
            listed = Query(ids[:3])
            device.step(device.states(listed)[0], listed, k=bundle.spec.shapes.results)


def outcome(content, bundle) -> str:
    try:
        check_contract(inspect(content), bundle.spec, len(bundle.items))
    except BundleError:
        return "refused unloaded"
    if not (child := os.fork()):
        try:
            run(content, bundle)
        except BundleError:
            os._exit(3)
        except MemoryError:
            os._exit(5)
        except BaseException as error:
            sys.stdout.write(f"{error!r}\n")
            sys.stdout.flush()
            os._exit(6)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code in (0, 3):
        return "answers in form" if code == 0 else "refused by the runtime or its answers"
    if code == 6:
        return "a traceback"
    try:
        try_out(content, bundle.manifest)
    except BundleError:
        return "crashed a fork, refused by the trial"
    return f"not refused, although a fork ended with {code}"


def main():
    bundle, count = open_bundle(Path(sys.argv[1])), int(sys.argv[2])
    draw = random.Random(int(sys.argv[3]))
    outcomes = {how: Counter() for how in HOW}
    for number in range(count):
        how = list(HOW)[min(number % 5, 2)]  # of graphs most
        outcomes[how][outcome(HOW[how](bundle.model, draw), bundle)] += 1
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main()
