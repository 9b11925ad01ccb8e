"""Makes the tiny seeded models: <family>/config.json and <family>/model.safetensors, in Hugging Face layout."""

import json
import math
import pathlib

import torch

import modules
from safetensors_file import write_safetensors

HERE = pathlib.Path(__file__).parent


def without(config, *keys):
    return {key: value for key, value in config.items() if key not in keys}


LABELS = {"0": "low", "1": "middle", "2": "high"}
SHARED = {
    "id2label": LABELS,
    "label2id": {name: int(index) for index, name in LABELS.items()},
    "torch_dtype": "float32",
    "vocab_size": 64,
    "max_position_embeddings": 40,
    "initializer_range": 0.02,
}
ENCODER = {
    **SHARED,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "position_embedding_type": "absolute",
}
LLAMA = {
    **SHARED,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "mlp_bias": False,
    "tie_word_embeddings": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
CONFIGS = {
    "bert": {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        **ENCODER,
        "layer_norm_eps": 1e-12,
        "type_vocab_size": 2,
        "pad_token_id": 0,
    },
    "distilbert": {
        "architectures": ["DistilBertForSequenceClassification"],
        "model_type": "distilbert",
        **SHARED,
        "dim": 32,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 64,
        "activation": "gelu",
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "seq_classif_dropout": 0.2,
        "qa_dropout": 0.1,
        "sinusoidal_pos_embds": False,
        "tie_weights_": True,
        "pad_token_id": 0,
    },
    "roberta": {
        "architectures": ["RobertaForSequenceClassification"],
        "model_type": "roberta",
        **ENCODER,
        "layer_norm_eps": 1e-5,
        "type_vocab_size": 1,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
    },
    "llama": {
        "architectures": ["LlamaForSequenceClassification"],
        "model_type": "llama",
        **LLAMA,
    },
    "llama3": {
        "architectures": ["LlamaForSequenceClassification"],
        "model_type": "llama",
        **LLAMA,
        "rope_theta": 100.0,
        # Of the four pairs one turns as before, one is between, two turn at an eighth.
        "rope_scaling": {
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
            "rope_type": "llama3",
        },
        "tie_word_embeddings": True,
    },
    "qwen2": {
        "architectures": ["Qwen2ForSequenceClassification"],
        "model_type": "qwen2",
        **without(LLAMA, "attention_bias", "mlp_bias"),
        "sliding_window": 32,
        "use_sliding_window": False,
        "max_window_layers": 2,
        "tie_word_embeddings": True,
    },
    "qwen3": {
        "architectures": ["Qwen3ForSequenceClassification"],
        "model_type": "qwen3",
        **without(LLAMA, "mlp_bias"),
        "head_dim": 12,
        "sliding_window": None,
        "use_sliding_window": False,
        "max_window_layers": 2,
        "tie_word_embeddings": True,
    },
    "gpt2": {
        "architectures": ["GPT2ForSequenceClassification"],
        "model_type": "gpt2",
        **without(SHARED, "max_position_embeddings"),
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_inner": None,
        "n_positions": 40,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "attn_pdrop": 0.1,
        "embd_pdrop": 0.1,
        "resid_pdrop": 0.1,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    },
    "gemma": {
        "architectures": ["GemmaForSequenceClassification"],
        "model_type": "gemma",
        **without(LLAMA, "mlp_bias", "rope_scaling"),
        "head_dim": 12,
        "hidden_act": "gelu",
        "hidden_activation": "gelu_pytorch_tanh",
        "tie_word_embeddings": True,
    },
}


def initialize(model, seed):
    """Fills every parameter from a seed, large enough that attention is far from uniform and no bias or gain is idle."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 2 and any(part in name for part in ("embed", "wte", "wpe")):
            parameter.data = 0.5 * noise
        elif parameter.dim() == 2:
            in_features = modules.layer_sizes(model.get_submodule(name.removesuffix(".weight")))[0]
            parameter.data = 1.2 / math.sqrt(in_features) * noise
        elif name.endswith("weight"):
            offset = getattr(model.get_submodule(name.removesuffix(".weight")), "offset", 0)
            parameter.data = 1 - offset + 0.1 * noise
        else:
            parameter.data = 0.1 * noise


def main():
    for seed, (family, config) in enumerate(CONFIGS.items(), start=1):
        model = getattr(modules, config["architectures"][0])(config)
        initialize(model, seed)
        folder = HERE / family
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        tensors = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
        write_safetensors(folder / "model.safetensors", tensors, {"format": "pt"})


if __name__ == "__main__":
    main()
