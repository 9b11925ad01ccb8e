"""Hugging Face's sequence classifiers as plain modules: same parameter names, same forward pass, dropout off.

Every model takes a config (the dictionary of config.json) and offers
  hidden_states(ids, mask)     [B, T], [B, T] -> last hidden states [B, T, C]
  classify(pooled)             [B, C] -> logits [B, L]
  pooling                      what the family's head reads: "first" or "last"
  targets()                    names of its attention projections, in order
and a decoder also
  next_logits(hidden)          [B, T, C] -> logits of the next token [B, T, V], None unless its output layer is tied
"""

import math

import torch
from torch import nn
from torch.nn import functional


def container(**modules):
    """A module that only gives its children a name."""
    result = nn.Module()
    for name, module in modules.items():
        setattr(result, name, module)
    return result


def gelu_tanh(x):
    """The approximation of GELU by tanh, Hugging Face's gelu_new and gelu_pytorch_tanh."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x.pow(3))))


class Conv1D(nn.Module):
    """A linear layer as OpenAI's GPT-2 stores it: weight [in, out]."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


def layer_sizes(layer):
    """Inputs and outputs of a linear layer, however it is stored."""
    rows, columns = layer.weight.shape
    return (rows, columns) if isinstance(layer, Conv1D) else (columns, rows)


def split_heads(x, heads):
    """[B, T, heads * D] -> [B, heads, T, D]."""
    B, T, width = x.shape
    return x.view(B, T, heads, width // heads).transpose(1, 2)


def attend(query, key, value, allowed):
    """Softmax attention: [B, H, T, D] x 3, allowed [B, 1, T or 1, T] of bool -> [B, T, H * D]."""
    scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
    context = torch.softmax(scores, -1) @ value
    B, H, T, D = context.shape
    return context.transpose(1, 2).reshape(B, T, H * D)


def causal_mask(mask):
    """[B, T] -> [B, 1, T, T] of bool: a token sees the real tokens up to itself."""
    T = mask.shape[1]
    return torch.ones(T, T, dtype=torch.bool).tril() & mask.bool()[:, None, None, :]


def pool(hidden, mask, pooling):
    """[B, T, C], [B, T] -> [B, C]: the first token, the last real one, or the mean of the real ones."""
    if pooling == "first":
        return hidden[:, 0]
    if pooling == "last":
        return hidden[torch.arange(len(hidden)), mask.sum(1) - 1]
    weights = mask.to(hidden.dtype)[:, :, None]
    return (hidden * weights).sum(1) / weights.sum(1)


class BertEncoder(nn.Module):
    """Embeddings and layers that BERT and RoBERTa share."""

    def __init__(self, config):
        super().__init__()
        C, eps = config["hidden_size"], config["layer_norm_eps"]
        self.heads = config["num_attention_heads"]
        self.embeddings = container(
            word_embeddings=nn.Embedding(config["vocab_size"], C),
            position_embeddings=nn.Embedding(config["max_position_embeddings"], C),
            token_type_embeddings=nn.Embedding(config["type_vocab_size"], C),
            LayerNorm=nn.LayerNorm(C, eps),
        )
        layers = [self.layer(C, config["intermediate_size"], eps) for _ in range(config["num_hidden_layers"])]
        self.encoder = container(layer=nn.ModuleList(layers))

    @staticmethod
    def layer(C, F, eps):
        projections = container(query=nn.Linear(C, C), key=nn.Linear(C, C), value=nn.Linear(C, C))
        output = container(dense=nn.Linear(C, C), LayerNorm=nn.LayerNorm(C, eps))
        return container(
            attention=container(self=projections, output=output),
            intermediate=container(dense=nn.Linear(C, F)),
            output=container(dense=nn.Linear(F, C), LayerNorm=nn.LayerNorm(C, eps)),
        )

    def forward(self, ids, positions, mask):
        embeddings = self.embeddings
        x = embeddings.word_embeddings(ids)
        x = x + embeddings.token_type_embeddings(torch.zeros_like(ids))
        x = embeddings.LayerNorm(x + embeddings.position_embeddings(positions))
        allowed = mask.bool()[:, None, None, :]
        for layer in self.encoder.layer:
            projections = getattr(layer.attention, "self")
            query, key, value = (
                split_heads(project(x), self.heads)
                for project in (projections.query, projections.key, projections.value)
            )
            output = layer.attention.output
            x = output.LayerNorm(output.dense(attend(query, key, value, allowed)) + x)
            inner = functional.gelu(layer.intermediate.dense(x))
            x = layer.output.LayerNorm(layer.output.dense(inner) + x)
        return x


class BertForSequenceClassification(nn.Module):
    pooling = "first"
    head = ["classifier.weight", "classifier.bias"]

    def __init__(self, config):
        super().__init__()
        C = config["hidden_size"]
        self.bert = BertEncoder(config)
        self.bert.pooler = container(dense=nn.Linear(C, C))
        self.classifier = nn.Linear(C, len(config["id2label"]))

    def hidden_states(self, ids, mask):
        return self.bert(ids, torch.arange(ids.shape[1]).expand_as(ids), mask)

    def classify(self, pooled):
        return self.classifier(torch.tanh(self.bert.pooler.dense(pooled)))

    def targets(self):
        return bert_targets("bert", self.bert)


class RobertaForSequenceClassification(nn.Module):
    pooling = "first"
    head = [f"classifier.{layer}.{part}" for layer in ("dense", "out_proj") for part in ("weight", "bias")]

    def __init__(self, config):
        super().__init__()
        C = config["hidden_size"]
        self.padding = config["pad_token_id"]
        self.roberta = BertEncoder(config)
        self.classifier = container(dense=nn.Linear(C, C), out_proj=nn.Linear(C, len(config["id2label"])))

    def hidden_states(self, ids, mask):
        # Positions count the tokens that are not padding, by their ids; padding keeps the padding position.
        real = (ids != self.padding).long()
        return self.roberta(ids, real.cumsum(1) * real + self.padding, mask)

    def classify(self, pooled):
        return self.classifier.out_proj(torch.tanh(self.classifier.dense(pooled)))

    def targets(self):
        return bert_targets("roberta", self.roberta)


def bert_targets(prefix, encoder):
    parts = ("self.query", "self.key", "self.value", "output.dense")
    layers = range(len(encoder.encoder.layer))
    return [f"{prefix}.encoder.layer.{i}.attention.{part}" for i in layers for part in parts]


class DistilBertForSequenceClassification(nn.Module):
    pooling = "first"
    head = [f"{layer}.{part}" for layer in ("pre_classifier", "classifier") for part in ("weight", "bias")]
    EPS = 1e-12

    def __init__(self, config):
        super().__init__()
        C, F = config["dim"], config["hidden_dim"]
        self.heads = config["n_heads"]
        self.distilbert = container(
            embeddings=container(
                word_embeddings=nn.Embedding(config["vocab_size"], C),
                position_embeddings=nn.Embedding(config["max_position_embeddings"], C),
                LayerNorm=nn.LayerNorm(C, self.EPS),
            ),
            transformer=container(
                layer=nn.ModuleList([self.layer(C, F) for _ in range(config["n_layers"])])
            ),
        )
        self.pre_classifier = nn.Linear(C, C)
        self.classifier = nn.Linear(C, len(config["id2label"]))

    @classmethod
    def layer(cls, C, F):
        parts = ("q_lin", "k_lin", "v_lin", "out_lin")
        return container(
            attention=container(**{part: nn.Linear(C, C) for part in parts}),
            sa_layer_norm=nn.LayerNorm(C, cls.EPS),
            ffn=container(lin1=nn.Linear(C, F), lin2=nn.Linear(F, C)),
            output_layer_norm=nn.LayerNorm(C, cls.EPS),
        )

    def hidden_states(self, ids, mask):
        embeddings = self.distilbert.embeddings
        x = embeddings.word_embeddings(ids) + embeddings.position_embeddings(torch.arange(ids.shape[1]))
        x = embeddings.LayerNorm(x)
        allowed = mask.bool()[:, None, None, :]
        for layer in self.distilbert.transformer.layer:
            attention = layer.attention
            query, key, value = (
                split_heads(project(x), self.heads)
                for project in (attention.q_lin, attention.k_lin, attention.v_lin)
            )
            x = layer.sa_layer_norm(attention.out_lin(attend(query, key, value, allowed)) + x)
            x = layer.output_layer_norm(layer.ffn.lin2(functional.gelu(layer.ffn.lin1(x))) + x)
        return x

    def classify(self, pooled):
        return self.classifier(torch.relu(self.pre_classifier(pooled)))

    def targets(self):
        parts = ("q_lin", "k_lin", "v_lin", "out_lin")
        layers = range(len(self.distilbert.transformer.layer))
        return [f"distilbert.transformer.layer.{i}.attention.{part}" for i in layers for part in parts]


class RmsNorm(nn.Module):
    """With a gain of `weight` + `offset`."""

    def __init__(self, C, eps, offset=0):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C))
        self.eps = eps
        self.offset = offset

    def forward(self, x):
        return (self.offset + self.weight) * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)


def rotary_frequencies(config, D):
    """Angle per position of each pair of a head of size D, [D / 2], scaled as rope_scaling says."""
    frequencies = config["rope_theta"] ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    scaling = config.get("rope_scaling")
    if scaling is None:
        return frequencies
    assert scaling["rope_type"] == "llama3"
    # Llama 3.1: slow pairs turn `factor` times slower, fast ones as before, those between in proportion.
    turns = scaling["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    kept = ((turns - low) / (high - low)).clamp(0, 1)
    return frequencies * (kept + (1 - kept) / scaling["factor"])


def rotate(x, frequencies):
    """Rotary positions on [B, H, T, D], halves paired as Hugging Face pairs them."""
    angles = torch.arange(x.shape[2], dtype=x.dtype)[:, None] * frequencies.to(x.dtype)
    first, second = x.chunk(2, -1)
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)


class LlamaDecoder(nn.Module):
    """Llama's decoder, and with other settings Qwen2's (biases), Qwen3's (norms of the heads) and Gemma's."""

    def __init__(self, config, projection_bias=False, head_norms=False, gemma=False):
        super().__init__()
        C, F, eps = config["hidden_size"], config["intermediate_size"], config["rms_norm_eps"]
        self.embedding_scale = math.sqrt(C) if gemma else 1
        self.activate = gelu_tanh if gemma else functional.silu
        offset = 1 if gemma else 0
        self.heads, self.key_heads = config["num_attention_heads"], config["num_key_value_heads"]
        D = config.get("head_dim") or C // self.heads
        self.frequencies = rotary_frequencies(config, D)
        self.embed_tokens = nn.Embedding(config["vocab_size"], C)
        sizes = C, self.heads * D, self.key_heads * D, F
        norms = {name: D for name in ("q_norm", "k_norm") if head_norms}
        layers = [self.layer(*sizes, eps, offset, projection_bias, norms) for _ in range(config["num_hidden_layers"])]
        self.layers = nn.ModuleList(layers)
        self.norm = RmsNorm(C, eps, offset)

    @staticmethod
    def layer(C, queries, keys, F, eps, offset, projection_bias, norms):
        def linear(inputs, outputs, bias=False):
            return nn.Linear(inputs, outputs, bias=bias)

        return container(
            input_layernorm=RmsNorm(C, eps, offset),
            self_attn=container(
                q_proj=linear(C, queries, projection_bias),
                k_proj=linear(C, keys, projection_bias),
                v_proj=linear(C, keys, projection_bias),
                o_proj=linear(queries, C),
                **{name: RmsNorm(D, eps) for name, D in norms.items()},
            ),
            post_attention_layernorm=RmsNorm(C, eps, offset),
            mlp=container(gate_proj=linear(C, F), up_proj=linear(C, F), down_proj=linear(F, C)),
        )

    def forward(self, ids, mask):
        allowed = causal_mask(mask)
        x = self.embedding_scale * self.embed_tokens(ids)
        for layer in self.layers:
            attention, normalized = layer.self_attn, layer.input_layernorm(x)
            query = split_heads(attention.q_proj(normalized), self.heads)
            key = split_heads(attention.k_proj(normalized), self.key_heads)
            value = split_heads(attention.v_proj(normalized), self.key_heads)
            if hasattr(attention, "q_norm"):
                query, key = attention.q_norm(query), attention.k_norm(key)
            query, key = rotate(query, self.frequencies), rotate(key, self.frequencies)
            group = self.heads // self.key_heads
            key, value = (part.repeat_interleave(group, dim=1) for part in (key, value))
            x = x + attention.o_proj(attend(query, key, value, allowed))
            mlp, normalized = layer.mlp, layer.post_attention_layernorm(x)
            gate = self.activate(mlp.gate_proj(normalized))
            x = x + mlp.down_proj(gate * mlp.up_proj(normalized))
        return self.norm(x)


class LlamaForSequenceClassification(nn.Module):
    pooling = "last"
    head = ["score.weight"]
    decoder = {}

    def __init__(self, config):
        super().__init__()
        self.model = LlamaDecoder(config, **self.decoder)
        self.score = nn.Linear(config["hidden_size"], len(config["id2label"]), bias=False)
        self.tied = config["tie_word_embeddings"]

    def hidden_states(self, ids, mask):
        return self.model(ids, mask)

    def next_logits(self, hidden):
        return hidden @ self.model.embed_tokens.weight.T if self.tied else None

    def classify(self, pooled):
        return self.score(pooled)

    def targets(self):
        parts = ("q_proj", "k_proj", "v_proj", "o_proj")
        return [f"model.layers.{i}.self_attn.{part}" for i in range(len(self.model.layers)) for part in parts]


class Qwen2ForSequenceClassification(LlamaForSequenceClassification):
    decoder = {"projection_bias": True}


class Qwen3ForSequenceClassification(LlamaForSequenceClassification):
    decoder = {"head_norms": True}


class GemmaForSequenceClassification(LlamaForSequenceClassification):
    decoder = {"gemma": True}


class GPT2ForSequenceClassification(nn.Module):
    pooling = "last"
    head = ["score.weight"]

    def __init__(self, config):
        super().__init__()
        C, eps = config["n_embd"], config["layer_norm_epsilon"]
        self.heads = config["n_head"]
        self.transformer = container(
            wte=nn.Embedding(config["vocab_size"], C),
            wpe=nn.Embedding(config["n_positions"], C),
            h=nn.ModuleList([self.layer(C, config["n_inner"] or 4 * C, eps) for _ in range(config["n_layer"])]),
            ln_f=nn.LayerNorm(C, eps),
        )
        self.score = nn.Linear(C, len(config["id2label"]), bias=False)

    @staticmethod
    def layer(C, F, eps):
        return container(
            ln_1=nn.LayerNorm(C, eps),
            attn=container(c_attn=Conv1D(C, 3 * C), c_proj=Conv1D(C, C)),
            ln_2=nn.LayerNorm(C, eps),
            mlp=container(c_fc=Conv1D(C, F), c_proj=Conv1D(F, C)),
        )

    def hidden_states(self, ids, mask):
        model = self.transformer
        allowed = causal_mask(mask)
        x = model.wte(ids) + model.wpe(torch.arange(ids.shape[1]))
        for layer in model.h:
            query, key, value = (
                split_heads(part, self.heads) for part in layer.attn.c_attn(layer.ln_1(x)).chunk(3, -1)
            )
            x = x + layer.attn.c_proj(attend(query, key, value, allowed))
            x = x + layer.mlp.c_proj(gelu_tanh(layer.mlp.c_fc(layer.ln_2(x))))
        return model.ln_f(x)

    def next_logits(self, hidden):
        return hidden @ self.transformer.wte.weight.T

    def classify(self, pooled):
        return self.score(pooled)

    def targets(self):
        layers = range(len(self.transformer.h))
        return [f"transformer.h.{i}.attn.{part}" for i in layers for part in ("c_attn", "c_proj")]
