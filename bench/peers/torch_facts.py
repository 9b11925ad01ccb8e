"""Tells by one line of JSON what PyTorch is here: version, threads, BLAS with its core type."""

import argparse
import json

import repetitions

parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
repetitions.set_threads(options.threads)

import torch  # noqa: E402

torch.set_num_threads(options.threads)
print(json.dumps(repetitions.torch_facts(torch, "cpu")))
