"""Makes golden.safetensors beside every tiny model (run make_models.py first), in float64; README.md lists the tensors.

With --tinystories FOLDER it makes tinystories/golden.safetensors from that model instead.
"""

import argparse
import json
import math
import pathlib

import numpy
import torch
from torch import nn
from torch.nn import functional

import modules
from safetensors_file import read_safetensors, write_safetensors

HERE = pathlib.Path(__file__).parent
RANK, ALPHA = 4, 8
BATCHES, B, T, STEPS = 5, 4, 12, 50
# Picked for good conditioning: perturbing all weights by 3e-7 moves no trajectory tensor by more than 3e-5 (under other
# seeds up to 8e-3, when some gradient passes so near zero that Adam's sign of it is rounding noise).
SEEDS = {
    "bert": 104, "distilbert": 108, "roberta": 124, "llama": 114, "llama3": 111, "qwen2": 101, "qwen3": 115, "gpt2": 101,
    "gemma": 101,
}
LORA_RATE, HEAD_RATE, WEIGHT_DECAY, CLIP_NORM, BETA = 1e-2, 3e-2, 0.01, 1.0, 0.85


class LoraLinear(nn.Module):
    """base(x) + scale * (x A^T) B^T around a frozen linear layer."""

    def __init__(self, base, a, b):
        super().__init__()
        self.base = base
        self.a = nn.Parameter(a)
        self.b = nn.Parameter(b)

    def forward(self, x):
        return self.base(x) + ALPHA / RANK * (x @ self.a.T @ self.b.T)


def load_model(folder, dtype):
    config = json.loads((folder / "config.json").read_text())
    model = getattr(modules, config["architectures"][0])(config)
    weights = read_safetensors(folder / "model.safetensors")
    model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    return model.to(dtype).requires_grad_(False), config


def adapt(model, initial, with_b):
    """Wraps every target; returns the trainable LoRA tensors {module: (a, b)} and head tensors {name: parameter}."""
    dtype = next(model.parameters()).dtype
    lora = {}
    for target in model.targets():
        a, b = (torch.tensor(initial[f"lora.{target}.{part}"], dtype=dtype) for part in "ab")
        parent, child = target.rsplit(".", 1)
        layer = LoraLinear(model.get_submodule(target), a, b if with_b else torch.zeros_like(b))
        setattr(model.get_submodule(parent), child, layer)
        lora[target] = (layer.a, layer.b)
    head = {name: model.get_parameter(name).requires_grad_(True) for name in model.head}
    return lora, head


def initial_adapter(model, generator):
    """A as kaiming-uniform with slope sqrt(5), that is U(-1, 1) / sqrt(in); B small but not zero."""
    initial = {}
    for target in model.targets():
        in_features, out_features = modules.layer_sizes(model.get_submodule(target))
        uniform = torch.rand(RANK, in_features, generator=generator) * 2 - 1
        normal = torch.randn(out_features, RANK, generator=generator)
        initial[f"lora.{target}.a"] = (uniform / math.sqrt(in_features)).numpy()
        initial[f"lora.{target}.b"] = (0.05 * normal).numpy()
    return initial


def make_batches(config, generator):
    """Ids without special tokens, padded at the right; row 0 of every batch is full, the shortest row has 3 tokens.

    The last two batches hold the first two's texts with other labels, so that no loss reaches zero: at the bottom of a
    fitted loss gradients are rounding noise, and a comparison of sensitivities would compare nothing else.
    """
    pad = config["pad_token_id"]
    ids = torch.randint(3, config["vocab_size"], (BATCHES, B, T), generator=generator)
    lengths = torch.randint(3, T, (BATCHES, B), generator=generator)
    lengths[:, 0], lengths[:, 1] = T, 3
    labels = torch.randint(0, len(config["id2label"]), (BATCHES, B), generator=generator)
    ids[3:], lengths[3:] = ids[:2], lengths[:2]
    labels[3:] = (labels[:2] + 1) % len(config["id2label"])
    mask = (torch.arange(T) < lengths[:, :, None]).long()
    return torch.where(mask.bool(), ids, torch.tensor(pad)), mask, labels


def logits(model, ids, mask, pooling):
    return model.classify(modules.pool(model.hidden_states(ids, mask), mask, pooling))


def loss_of(model, batch):
    ids, mask, labels = batch
    return functional.cross_entropy(logits(model, ids, mask, model.pooling), labels)


def forward_golden(model, ids, mask):
    golden = {"hidden_states": model.hidden_states(ids, mask)}
    for pooling in ("first", "mean", "last"):
        golden[f"logits.{pooling}"] = logits(model, ids, mask, pooling)
    following = model.next_logits(golden["hidden_states"]) if hasattr(model, "next_logits") else None
    if following is not None:
        golden["logits.next"] = following
    return golden


def gradient_golden(folder, dtype, initial, batch):
    """Loss and gradients with A and B as given, dropout off, mean cross-entropy of one batch."""
    model, _ = load_model(folder, dtype)
    lora, head = adapt(model, initial, with_b=True)
    ids, mask, labels = batch
    adapted = logits(model, ids, mask, model.pooling)
    loss = functional.cross_entropy(adapted, labels)
    loss.backward()
    golden = {"adapted.logits": adapted, "adapted.loss": loss.reshape(1)}
    for target, (a, b) in lora.items():
        golden[f"gradient.{target}.a"] = a.grad
        golden[f"gradient.{target}.b"] = b.grad
    golden.update({f"gradient.{name}": parameter.grad for name, parameter in head.items()})
    return golden


def trajectory_golden(folder, dtype, initial, batches):
    """50 AdamW steps from B = 0, and the sensitivity averages |w g| over them."""
    model, _ = load_model(folder, dtype)
    lora, head = adapt(model, initial, with_b=False)
    scalars = {f"{target}.{part}": p for target, pair in lora.items() for part, p in zip("ab", pair)}
    trained = [*scalars.values(), *head.values()]
    optimizer = torch.optim.AdamW(
        [{"params": [*scalars.values()]}, {"params": [*head.values()], "lr": HEAD_RATE}],
        lr=LORA_RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=WEIGHT_DECAY,
    )
    mean = {name: torch.zeros_like(p) for name, p in scalars.items()}
    uncertainty = {name: torch.zeros_like(p) for name, p in scalars.items()}
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, [part[step % BATCHES] for part in batches])
        loss.backward()
        for name, p in scalars.items():
            now = (p.detach() * p.grad).abs()
            mean[name] = BETA * mean[name] + (1 - BETA) * now
            uncertainty[name] = BETA * uncertainty[name] + (1 - BETA) * (now - mean[name]).abs()
        norms.append(nn.utils.clip_grad_norm_(trained, CLIP_NORM).reshape(1))
        losses.append(loss.detach().reshape(1))
        optimizer.step()
    golden = {"trajectory.losses": torch.cat(losses), "trajectory.norms": torch.cat(norms)}
    golden.update({f"trajectory.final.{name}": p for name, p in {**scalars, **head}.items()})
    golden.update({f"trajectory.mean.{name}": value for name, value in mean.items()})
    golden.update({f"trajectory.uncertainty.{name}": value for name, value in uncertainty.items()})
    score = {name: mean[name] * uncertainty[name] for name in mean}
    for target in lora:
        golden[f"trajectory.scores.{target}"] = score[f"{target}.a"].mean(1) + score[f"{target}.b"].mean(0)
    return golden


def family_golden(folder, seed, dtype):
    """All goldens of one family, computed in `dtype`; inputs as stored."""
    generator = torch.Generator().manual_seed(seed)
    model, config = load_model(folder, dtype)
    batches = make_batches(config, generator)
    initial = initial_adapter(model, generator)
    names = ("input_ids", "attention_mask", "labels")
    first = [part[0] for part in batches]
    golden = {name: part.numpy().astype("uint32") for name, part in zip(names, first)}
    golden.update({f"batches.{name}": part.numpy().astype("uint32") for name, part in zip(names, batches)})
    golden.update(initial)
    results = {
        **forward_golden(model, *first[:2]),
        **gradient_golden(folder, dtype, initial, first),
        **trajectory_golden(folder, dtype, initial, batches),
    }
    golden.update({name: tensor.detach().numpy() for name, tensor in results.items()})
    return golden, model


OPTIMIZER_SETTINGS = {
    "steps": str(STEPS),
    "weight_decay": str(WEIGHT_DECAY),
    "betas": "0.9,0.999",
    "eps": "1e-08",
    "clip_norm": str(CLIP_NORM),
}


def family_settings(model):
    return {
        "pooling": model.pooling,
        "rank": str(RANK),
        "alpha": str(ALPHA),
        "learning_rate": str(LORA_RATE),
        "head_learning_rate": str(HEAD_RATE),
        "sensitivity_beta": str(BETA),
        **OPTIMIZER_SETTINGS,
    }


def float32_error(golden, single):
    """Largest relative error of the same computation in float32: what a correct float32 engine may show."""
    def error(name):
        return numpy.abs(golden[name] - single[name]).max() / (numpy.abs(golden[name]).max() + 1e-30)

    results = [name for name in golden if golden[name].dtype == numpy.float64]
    for group in ("hidden_states", "logits", "adapted", "gradient", "trajectory.losses", "trajectory.norms",
                  "trajectory.final", "trajectory.mean", "trajectory.uncertainty", "trajectory.scores"):
        name = max((name for name in results if name.startswith(group)), key=error)
        print(f"  {group:24} {error(name):.1e}  {name}")


def make_family(family, seed):
    folder = HERE / family
    golden, model = family_golden(folder, seed, torch.float64)
    write_safetensors(folder / "golden.safetensors", golden, family_settings(model))
    losses = golden["trajectory.losses"]
    print(f"{family}: loss {losses[:5].mean():.4f} -> {losses[-5:].mean():.4f}; error of the same in float32:")
    float32_error(golden, family_golden(folder, seed, torch.float32)[0])


def make_regression():
    """Softmax regression trained by PyTorch's AdamW and clipping: small enough to check optimizers alone."""
    generator = torch.Generator().manual_seed(1)
    initial = {
        "x": (3 * torch.randn(6, 5, generator=generator)).numpy(),
        "labels": torch.randint(0, 3, (6,), generator=generator).numpy().astype("uint32"),
        "weight": torch.randn(3, 5, generator=generator).numpy(),
        "bias": torch.randn(3, generator=generator).numpy(),
    }
    x, labels = torch.tensor(initial["x"]).double(), torch.tensor(initial["labels"].astype("int64"))
    trained = [nn.Parameter(torch.tensor(initial[name]).double()) for name in ("weight", "bias")]
    optimizer = torch.optim.AdamW(trained, lr=HEAD_RATE, weight_decay=WEIGHT_DECAY)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = functional.cross_entropy(functional.linear(x, *trained), labels)
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(trained, CLIP_NORM).reshape(1))
        losses.append(loss.detach().reshape(1))
        optimizer.step()
    results = {
        "losses": torch.cat(losses),
        "norms": torch.cat(norms),
        "final.weight": trained[0],
        "final.bias": trained[1],
    }
    golden = {**initial, **{name: tensor.detach().numpy() for name, tensor in results.items()}}
    folder = HERE / "regression"
    folder.mkdir(exist_ok=True)
    settings = {"learning_rate": str(HEAD_RATE), **OPTIMIZER_SETTINGS}
    write_safetensors(folder / "golden.safetensors", golden, settings)


def make_tinystories(source):
    """Causal logits of a real model at a few positions, and its last hidden states; its weights stay where they are."""
    config = json.loads((source / "config.json").read_text())
    weights = read_safetensors(source / "model.safetensors")
    model = modules.LlamaDecoder(config)
    table = torch.tensor(weights.pop("lm_head.weight"))
    state = {name.removeprefix("model."): torch.tensor(array) for name, array in weights.items()}
    model.load_state_dict({**state, "embed_tokens.weight": table})
    model.to(torch.float64)
    ids = torch.randint(3, config["vocab_size"], (2, 16), generator=torch.Generator().manual_seed(1))
    ids[:, 0] = config["bos_token_id"]
    positions = [0, 7, 15]
    with torch.no_grad():
        hidden = model(ids, torch.ones_like(ids))
        picked = (hidden @ table.double().T)[:, positions]
    folder = HERE / "tinystories"
    folder.mkdir(exist_ok=True)
    golden = {
        "input_ids": ids.numpy().astype("uint32"),
        "positions": numpy.array(positions, "uint32"),
        "logits": picked.numpy().astype("float32"),
        "hidden_states": hidden.numpy().astype("float32"),
    }
    write_safetensors(folder / "golden.safetensors", golden, {"model": "raincandy-u/TinyStories-656K"})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tinystories", type=pathlib.Path, metavar="FOLDER")
    source = parser.parse_args().tinystories
    torch.set_num_threads(1)
    if source:
        make_tinystories(source)
        return
    for family, seed in SEEDS.items():
        make_family(family, seed)
    make_regression()


if __name__ == "__main__":
    main()
