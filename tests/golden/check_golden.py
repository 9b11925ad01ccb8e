"""Checks every golden file against Hugging Face's transformers and peft, in float64; needs both packages installed.

The goldens are made with plain modules (modules.py) so that PyTorch alone can remake them; this script shows that those
modules compute what the public implementations do. It prints the largest relative error per group and fails above 1e-5.
"""

import argparse
import json
import pathlib
import re
import tempfile

import torch
import transformers
from peft import LoraConfig, get_peft_model

from safetensors_file import read_safetensors

HERE = pathlib.Path(__file__).parent
# The encoders agree to 1e-13; Llama only to float32, in which transformers computes RMS norms and rotary angles always.
TOLERANCE = 1e-5
DECODER_TARGETS = r".*self_attn\.(q|k|v|o)_proj"
TARGETS = {
    "bert": r".*attention\.(self\.(query|key|value)|output\.dense)",
    "roberta": r".*attention\.(self\.(query|key|value)|output\.dense)",
    "distilbert": r".*attention\.(q|k|v|out)_lin",
    "llama": DECODER_TARGETS,
    "llama3": DECODER_TARGETS,
    "qwen2": DECODER_TARGETS,
    "qwen3": DECODER_TARGETS,
    "gemma": DECODER_TARGETS,
    "gpt2": r".*attn\.c_(attn|proj)",
}
HEADS = {
    "bert": ["classifier"],
    "roberta": ["classifier"],
    "distilbert": ["pre_classifier", "classifier"],
    "llama": ["score"],
    "llama3": ["score"],
    "qwen2": ["score"],
    "qwen3": ["score"],
    "gemma": ["score"],
    "gpt2": ["score"],
}


def read_settings(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return json.loads(file.read(length))["__metadata__"]


class Golden:
    def __init__(self, family):
        path = HERE / family / "golden.safetensors"
        self.settings = read_settings(path)
        self.tensors = {name: torch.tensor(array.astype("float64")) for name, array in read_safetensors(path).items()}
        self.errors = {}
        self.compared = set()

    def ids(self, name):
        return self.tensors[name].long()

    def compare(self, group, name, actual):
        expected = self.tensors[name]
        assert actual.shape == expected.shape, (name, actual.shape, expected.shape)
        error = ((actual.double() - expected).abs().max() / (expected.abs().max() + 1e-30)).item()
        self.errors[group] = max(error, self.errors.get(group, 0.0))
        self.compared.add(name)


def load(family):
    """The classifier with float64 weights and buffers, dropout off."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        HERE / family, attn_implementation="eager", dtype=torch.float64
    )
    return model.eval()


def adapt(family, golden, with_b):
    """peft's own LoRA with the golden's A (and B or zeros); returns model, {golden name: parameter}."""
    rank, alpha = int(golden.settings["rank"]), int(golden.settings["alpha"])
    config = LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=TARGETS[family], init_lora_weights=True,
        fan_in_fan_out=family == "gpt2",
    )
    model = get_peft_model(load(family), config).double().eval()
    trained = {}
    for name, parameter in model.named_parameters():
        plain = name.removeprefix("base_model.model.")
        match = re.fullmatch(r"(.*)\.lora_([AB])\.default\.weight", plain)
        if match:
            key = f"{match[1]}.{match[2].lower()}"
            if match[2] == "A" or with_b:
                parameter.data.copy_(golden.tensors[f"lora.{key}"])
            assert match[2] == "A" or with_b or not parameter.any()
            trained[key] = parameter
        elif plain.split(".")[0] in HEADS[family]:
            parameter.requires_grad_(True)
            trained[plain] = parameter
        assert parameter.requires_grad == (match is not None or plain in trained), name
    return model, trained


def check_forward(family, golden):
    model = load(family)
    ids, mask = golden.ids("input_ids"), golden.ids("attention_mask")
    with torch.no_grad():
        hidden = model.base_model(ids, attention_mask=mask).last_hidden_state
        golden.compare("hidden_states", "hidden_states", hidden)
        logits = model(ids, attention_mask=mask).logits
        golden.compare("logits", f"logits.{golden.settings['pooling']}", logits)
        if "logits.next" in golden.tensors:
            # The class's output layer is tied to the embeddings, which the checkpoint of the classifier holds.
            language_model = transformers.AutoModelForCausalLM.from_pretrained(
                HERE / family, attn_implementation="eager", dtype=torch.float64
            ).eval()
            golden.compare("logits", "logits.next", language_model(ids, attention_mask=mask).logits)


def check_gradients(family, golden):
    model, trained = adapt(family, golden, with_b=True)
    result = model(
        golden.ids("input_ids"), attention_mask=golden.ids("attention_mask"), labels=golden.ids("labels")
    )
    result.loss.backward()
    golden.compare("adapted", "adapted.logits", result.logits)
    golden.compare("adapted", "adapted.loss", result.loss.reshape(1))
    for name, parameter in trained.items():
        golden.compare("gradient", f"gradient.{name}", parameter.grad)


def check_trajectory(family, golden):
    model, trained = adapt(family, golden, with_b=False)
    number = {name: float(text) for name, text in golden.settings.items() if name not in ("pooling", "betas")}
    lora = {name: p for name, p in trained.items() if f"trajectory.mean.{name}" in golden.tensors}
    head = [p for name, p in trained.items() if name not in lora]
    optimizer = torch.optim.AdamW(
        [{"params": [*lora.values()], "lr": number["learning_rate"]},
         {"params": head, "lr": number["head_learning_rate"]}],
        betas=tuple(float(text) for text in golden.settings["betas"].split(",")),
        eps=number["eps"], weight_decay=number["weight_decay"],
    )
    beta = number["sensitivity_beta"]
    mean = {name: torch.zeros_like(p) for name, p in lora.items()}
    uncertainty = {name: torch.zeros_like(p) for name, p in lora.items()}
    losses, norms = [], []
    for step in range(int(number["steps"])):
        batch = step % len(golden.tensors["batches.labels"])
        ids, mask, labels = (golden.ids(f"batches.{part}")[batch] for part in ("input_ids", "attention_mask", "labels"))
        optimizer.zero_grad()
        loss = model(ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        for name, p in lora.items():
            now = (p.detach() * p.grad).abs()
            mean[name] = beta * mean[name] + (1 - beta) * now
            uncertainty[name] = beta * uncertainty[name] + (1 - beta) * (now - mean[name]).abs()
        norms.append(torch.nn.utils.clip_grad_norm_([*trained.values()], number["clip_norm"]).reshape(1))
        losses.append(loss.detach().reshape(1))
        optimizer.step()
    golden.compare("trajectory.losses", "trajectory.losses", torch.cat(losses))
    golden.compare("trajectory.norms", "trajectory.norms", torch.cat(norms))
    for name, p in trained.items():
        golden.compare("trajectory.final", f"trajectory.final.{name}", p.detach())
    for name in lora:
        golden.compare("trajectory.mean", f"trajectory.mean.{name}", mean[name])
        golden.compare("trajectory.uncertainty", f"trajectory.uncertainty.{name}", uncertainty[name])


def check_tinystories(source, golden):
    # The file holds only lm_head.weight; transformers ties the embedding to it when both names are there.
    from safetensors.torch import load_file, save_file

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "config.json").write_text((source / "config.json").read_text())
        weights = load_file(source / "model.safetensors")
        weights["model.embed_tokens.weight"] = weights.pop("lm_head.weight")
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, attn_implementation="eager", dtype=torch.float64
        ).eval()
    with torch.no_grad():
        result = model(golden.ids("input_ids"), output_hidden_states=True)
    golden.compare("logits", "logits", result.logits[:, golden.ids("positions")])
    golden.compare("hidden_states", "hidden_states", result.hidden_states[-1])


def report(name, golden):
    print(f"{name}: {len(golden.compared)} tensors compared")
    for group, error in golden.errors.items():
        print(f"  {group:24} {error:.1e}")
        assert error <= TOLERANCE, f"{name}: {group} is off by {error:.1e}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tinystories", type=pathlib.Path, metavar="FOLDER")
    source = parser.parse_args().tinystories
    torch.set_num_threads(1)
    for family in TARGETS:
        golden = Golden(family)
        check_forward(family, golden)
        check_gradients(family, golden)
        check_trajectory(family, golden)
        report(family, golden)
    if source:
        golden = Golden("tinystories")
        check_tinystories(source, golden)
        report("tinystories", golden)


if __name__ == "__main__":
    main()
