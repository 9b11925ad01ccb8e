"""Makes causal.safetensors beside every tiny decoder (run make_golden.py first), in float64; README.md lists the tensors.

Every document goes through the model alone: what this program packs into rows has to come to the same.
"""

import torch
from torch.nn import functional

import make_golden
from safetensors_file import read_safetensors, write_safetensors

FAMILIES = ("llama", "llama3", "qwen2", "qwen3", "gemma", "gpt2")
LENGTHS = (12, 7, 5, 3, 9, 4)  # they fill three rows of 12, and a third of a fourth
SEED = 17


def output_table(model, config, generator):
    """The table of the output layer, and whether it is the checkpoint's own."""
    hidden = torch.eye(config.get("hidden_size") or config["n_embd"], dtype=torch.float64)
    tied = model.next_logits(hidden)
    if tied is not None:
        return tied.T, True
    table = 0.1 * torch.randn(config["vocab_size"], len(hidden), generator=generator)
    return table.double(), False


def family_golden(family):
    folder = make_golden.HERE / family
    generator = torch.Generator().manual_seed(SEED)
    model, config = make_golden.load_model(folder, torch.float64)
    table, tied = output_table(model, config, generator)
    initial = read_safetensors(folder / "golden.safetensors")
    lora, _ = make_golden.adapt(model, initial, with_b=True)
    ids = torch.randint(3, config["vocab_size"], (sum(LENGTHS),), generator=generator)
    # Of the first document its end alone is learned, as of a conversation the reply.
    learned = torch.ones(len(ids), dtype=torch.int64)
    learned[: LENGTHS[0] // 2] = 0
    losses = []
    start = 0
    for length in LENGTHS:
        own = ids[start : start + length]
        wanted = learned[start + 1 : start + length].bool()
        start += length
        hidden = model.hidden_states(own[None], torch.ones(1, length, dtype=torch.int64))[0]
        logits = hidden[:-1] @ table.T
        losses.append(functional.cross_entropy(logits, own[1:], reduction="none")[wanted])
    losses = torch.cat(losses)
    loss = losses.mean()
    loss.backward()
    results = {"losses": losses, "loss": loss.reshape(1)}
    for target, (a, b) in lora.items():
        results[f"gradient.{target}.a"] = a.grad
        results[f"gradient.{target}.b"] = b.grad
    golden = {
        "ids": ids.numpy().astype("uint32"),
        "lengths": torch.tensor(LENGTHS).numpy().astype("uint32"),
        "learned": learned.numpy().astype("uint32"),
        **{name: tensor.detach().numpy() for name, tensor in results.items()},
    }
    if not tied:
        golden["lm_head.weight"] = table.numpy().astype("float32")
    return golden


def main():
    torch.set_num_threads(1)
    for family in FAMILIES:
        golden = family_golden(family)
        write_safetensors(make_golden.HERE / family / "causal.safetensors", golden, {})
        print(family, f"{golden['loss'][0]:.6f}")


if __name__ == "__main__":
    main()
