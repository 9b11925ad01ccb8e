"""The measuring protocol of bench/harness/repetitions.ts for programs in Python."""

import json
import os
import re
import sys
import time

LONG_ENOUGH = 0.5
WARM = 2


def set_threads(threads):
    """Before torch is imported: OpenBLAS and OpenMP read their number of threads once."""
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)


def torch_facts(torch, device):
    """What decides PyTorch's speed here."""
    facts = {"pytorch": torch.__version__, "threads": torch.get_num_threads()}
    if device == "cuda":
        facts["gpu"] = torch.cuda.get_device_name()
        facts["tf32"] = torch.backends.cuda.matmul.allow_tf32
    else:
        facts["blas"] = blas_name(torch)
    return facts


def blas_name(torch):
    """OpenBLAS with the core type whose kernels it chose, as it says itself; else what PyTorch was built with."""
    import ctypes

    with open("/proc/self/maps") as maps:
        found = re.search(r"\S*/libopenblas\S*", maps.read())
    if not found:
        return "MKL" if torch.backends.mkl.is_available() else "unknown"
    library = ctypes.CDLL(found.group())
    library.openblas_get_corename.restype = ctypes.c_char_p
    core = library.openblas_get_corename().decode()
    return f"OpenBLAS, core type {core}, {library.openblas_get_num_threads()} threads"


def repeat(facts, run, repetitions, wait, figures=dict):
    """Measures run(times), which does the work so often and waits until it is done."""

    def seconds_of(times):
        start = time.perf_counter()
        run(times)
        return time.perf_counter() - start

    times = 1
    taken = seconds_of(times)
    if taken < WARM:
        taken = seconds_of(times)
    while taken < LONG_ENOUGH:
        times = int(times * min(10, 1.2 * LONG_ENOUGH / taken)) + 1
        taken = seconds_of(times)
    print(json.dumps({"facts": facts}), flush=True)
    done = 0
    while sys.stdin.readline() if wait else done < repetitions:
        print(json.dumps({"seconds": seconds_of(times) / times, **figures()}), flush=True)
        done += 1
