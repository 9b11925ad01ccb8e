"""The LoRA step of bench/programs/lora_step.ts in PyTorch, eager, float32, on the CPU or a CUDA GPU (TF32 off).

python3 bench/peers/torch_lora_step.py --layers 6 --width 384 --heads 12 --feed-forward 1536 --batch 16 [--device cuda] [--threads 2]
"""

import argparse
import math

import repetitions

parser = argparse.ArgumentParser()
for size, default in {
    "layers": 6, "width": 384, "heads": 12, "feed-forward": 1536, "batch": 16, "tokens": 128,
    "rank": 8, "labels": 20, "vocabulary": 30522, "positions": 512, "threads": 2, "repetitions": 5,
}.items():
    parser.add_argument(f"--{size}", type=int, default=default)
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--wait", action="store_true")
options = parser.parse_args()
repetitions.set_threads(options.threads)

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

torch.set_num_threads(options.threads)
torch.backends.cuda.matmul.allow_tf32 = False
torch.manual_seed(0)
C, H, T, B = options.width, options.heads, options.tokens, options.batch


class LoraLinear(nn.Module):
    """y = x·Wᵀ + bias + 2·(x·Aᵀ)·Bᵀ"""

    def __init__(self):
        super().__init__()
        self.base = nn.Linear(C, C)
        self.a = nn.Parameter(torch.randn(options.rank, C) * 0.05)
        self.b = nn.Parameter(torch.zeros(C, options.rank))

    def forward(self, x):
        return self.base(x) + 2 * F.linear(F.linear(x, self.a), self.b)


class Layer(nn.Module):
    """A post-norm transformer layer as BERT's."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = LoraLinear(), nn.Linear(C, C), LoraLinear()
        self.mixed = nn.Linear(C, C)
        self.inner = nn.Linear(C, options.feed_forward)
        self.outer = nn.Linear(options.feed_forward, C)
        self.attention_norm, self.output_norm = nn.LayerNorm(C, 1e-12), nn.LayerNorm(C, 1e-12)

    def forward(self, x, mask):
        heads = [p(x).view(B, T, H, C // H).transpose(1, 2) for p in (self.query, self.key, self.value)]
        scores = heads[0] @ heads[1].transpose(-1, -2) / math.sqrt(C // H) + mask
        attended = (scores.softmax(-1) @ heads[2]).transpose(1, 2).reshape(B, T, C)
        y = self.attention_norm(self.mixed(attended) + x)
        return self.output_norm(self.outer(F.gelu(self.inner(y))) + y)


class Classifier(nn.Module):
    """Embeddings, layers, BERT's pooler on the first token, head."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(options.vocabulary, C)
        self.positions = nn.Embedding(options.positions, C)
        self.types = nn.Embedding(2, C)
        self.norm = nn.LayerNorm(C, 1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(options.layers))
        self.pooler = nn.Linear(C, C)
        self.head = nn.Linear(C, options.labels)

    def forward(self, ids, mask):
        places = torch.arange(T, device=ids.device)
        x = self.words(ids) + self.types(torch.zeros_like(ids)) + self.positions(places)
        x = self.norm(x)
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(torch.tanh(self.pooler(x[:, 0])))


model = Classifier()
for name, parameter in model.named_parameters():
    parameter.requires_grad = name.endswith((".a", ".b")) or name.startswith("head.")
    if parameter.dim() > 1 and not parameter.requires_grad:
        nn.init.normal_(parameter, std=0.02)
model.to(options.device)
trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01)
ids = torch.randint(options.vocabulary, (B, T), device=options.device)
labels = torch.randint(options.labels, (B,), device=options.device)
mask = torch.zeros(B, 1, 1, T, device=options.device)
last = {}


def run(times):
    for _ in range(times):
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(ids, mask), labels)
        loss.backward()
        optimizer.step()
    # Waits for a GPU.
    last["loss"] = loss.item()


facts = {**repetitions.torch_facts(torch, options.device), "B": B, "T": T}
repetitions.repeat(facts, run, options.repetitions, options.wait, lambda: last)
