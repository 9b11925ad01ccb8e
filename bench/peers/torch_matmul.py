"""A product of two square float32 matrices in PyTorch, on the CPU or a CUDA GPU (TF32 off).

python3 bench/peers/torch_matmul.py [--size 1024] [--device cuda] [--threads 2]; OPENBLAS_CORETYPE names the core type whose kernels OpenBLAS uses.
"""

import argparse

import repetitions

parser = argparse.ArgumentParser()
parser.add_argument("--size", type=int, default=1024)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repetitions", type=int, default=5)
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--wait", action="store_true")
options = parser.parse_args()
repetitions.set_threads(options.threads)

import torch  # noqa: E402

torch.set_num_threads(options.threads)
torch.backends.cuda.matmul.allow_tf32 = False
torch.manual_seed(0)
a, b = (torch.randn(options.size, options.size, device=options.device) for _ in range(2))


def run(times):
    with torch.no_grad():
        for _ in range(times):
            c = a @ b
    # Waits for a GPU.
    c[0, 0].item()


facts = {**repetitions.torch_facts(torch, options.device), "size": options.size}
repetitions.repeat(facts, run, options.repetitions, options.wait)
