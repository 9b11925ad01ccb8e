"""Checks what exportPeft() and mergeAdapter() write with PyTorch alone: python3 check_adapters.py FOLDER, the folder that export_adapters.ts wrote.

Each adapter is added to its base as its config says, W0 + alpha / r * B A with the module's own alpha and r, in float64 and in the plain PyTorch
modules of tests/golden; it prints how far the logits (of a language model the loss), and those of the merged model, are from the engine's, and fails
above 1e-5.
"""

import argparse
import json
import pathlib
import sys

import torch

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE.parent / "golden"
sys.path.insert(0, str(GOLDEN))

import modules  # noqa: E402
from make_golden import load_model  # noqa: E402
from safetensors_file import read_safetensors  # noqa: E402

PREFIX = "base_model.model."
FIRST = {"bert", "distilbert", "roberta"}  # their heads read the first token, the others' the last real one
TOLERANCE = 1e-5


def adapt(model, folder):
    """Adds the adapter in a folder to the weights of a model, and puts the tensors that it saves in place."""
    config = json.loads((folder / "adapter_config.json").read_text())
    stored = {
        name[len(PREFIX) :]: torch.tensor(array, dtype=torch.float64)
        for name, array in read_safetensors(folder / "adapter_model.safetensors").items()
    }
    weights = model.state_dict()
    for name, tensor in stored.items():
        module = name.replace(".lora_A.weight", "")
        if module != name:
            b = stored[f"{module}.lora_B.weight"]
            r = config["rank_pattern"].get(module, config["r"])
            assert (r, b.shape[1]) == (len(tensor), len(tensor)), module
            delta = config["alpha_pattern"].get(module, config["lora_alpha"]) / r * (b @ tensor)
            transposed = isinstance(model.get_submodule(module), modules.Conv1D)
            weights[f"{module}.weight"] += delta.T if transposed else delta
        elif ".lora_B." not in name:
            weights[name].copy_(tensor)


def difference(model, pooling, expected):
    ids, mask = (torch.tensor(expected[name]).long() for name in ("input_ids", "attention_mask"))
    with torch.no_grad():
        hidden = model.hidden_states(ids, mask)
        if "labels" in expected:
            logits, labels = model.next_logits(hidden)[:, :-1], torch.tensor(expected["labels"]).long()[:, 1:]
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
            return (loss - torch.tensor(expected["loss"])).abs().item()
        logits = model.classify(modules.pool(hidden, mask, pooling))
    return (logits - torch.tensor(expected["logits"])).abs().max().item()


def load_merged(folder, model):
    """Puts a merged model's tensors in place of a model's own; a language model's file has no classifier."""
    weights = model.state_dict()
    merged = read_safetensors(folder / "model.safetensors")
    assert weights.keys() - merged.keys() <= {"score.weight"}, weights.keys() - merged.keys()
    model.load_state_dict({**weights, **{name: torch.tensor(array) for name, array in merged.items()}})
    return model


def check(folder):
    family = folder.name.split("-")[0]
    pooling = "first" if family in FIRST else "last"
    expected = read_safetensors(folder / "expected.safetensors")
    model, _ = load_model(GOLDEN / family, torch.float64)
    plain = difference(model, pooling, expected)
    adapt(model, folder)
    adapted = difference(model, pooling, expected)
    merged = difference(load_merged(folder / "merged", model), pooling, expected)
    print(f"{folder.name}: logits or losses differ by {adapted:.1e}, merged by mergeAdapter {merged:.1e} (base {plain:.1e})")
    assert plain > 1e-2 and all(found <= TOLERANCE for found in (adapted, merged))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folders = sorted(parser.parse_args().folder.iterdir())
    assert folders, "nothing to check"
    for folder in folders:
        check(folder)


if __name__ == "__main__":
    main()
