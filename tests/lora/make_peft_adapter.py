"""Makes peft_adapter: an adapter that PEFT wrote for the tiny Llama, with patterns of ranks and alphas, and its weight updates.

delta.safetensors holds `<module>`, the update that PEFT adds to the weight of that module, [out, in].
"""

import pathlib

import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "peft_adapter"


def main():
    torch.manual_seed(1)
    base = transformers.AutoModelForSequenceClassification.from_pretrained(HERE.parent / "golden" / "llama")
    base.name_or_path = "tests/golden/llama"
    config = LoraConfig(
        task_type="SEQ_CLS",
        r=3,
        lora_alpha=5,
        target_modules=["q_proj", "k_proj", "down_proj"],
        rank_pattern={"k_proj": 2, r"layers\.1\.mlp\.down_proj": 5},
        alpha_pattern={r"model.layers.[0-9]+.self_attn.k_proj": 7, "proj": 100},
        use_rslora=True,
    )
    model = get_peft_model(base, config)
    deltas = {}
    for name, module in model.base_model.model.named_modules():
        if hasattr(module, "lora_B"):
            torch.nn.init.normal_(module.lora_B["default"].weight)
            deltas[name] = module.get_delta_weight("default").detach().contiguous()
            print(name, tuple(module.lora_A["default"].weight.shape), module.scaling["default"])
    model.save_pretrained(FOLDER)
    (FOLDER / "README.md").unlink()
    save_file(deltas, FOLDER / "delta.safetensors")


if __name__ == "__main__":
    main()
