"""Whether the files of a finished run are what the README's "Files of a run" promises, seen through h5py
and xarray. check_run(folder) returns what is off, as sentences."""
import glob
import hashlib
import os
import re

import h5py
import numpy as np
import xarray
import yaml

LOGS = ("step", "loss", "learning_rate", "gradient_norm", "tokens_per_second")
ROOT_ATTRIBUTES = ("experiment_yaml", "program_version", "git_revision", "threads", "seed",
                   "host_cpu", "start_time", "end_time")


def text_of(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def resolved(run):
    """The run's own resolved YAML, from inside its file."""
    return yaml.safe_load(text_of(run.attrs["experiment_yaml"]))


def kind_of(choice):
    return choice["kind"] if isinstance(choice, dict) else choice


def position_of(config):
    return kind_of(config["model"]["position"])


def expected_parameters(config, vocabulary):
    """Name to shape of every parameter, from the documented names alone."""
    model = config["model"]
    width, hidden, heads = model["width"], model["hidden"], model["heads"]
    attention, size = model["attention"], model["width"] // model["heads"]
    groups = model["kv_heads"] or heads
    shapes = {"token_embedding": (vocabulary, width), "unembedding": (vocabulary, width),
              "final_norm": (width,)}
    if position_of(config) == "absolute":
        shapes["position_embedding"] = (model["context"], width)
    for layer in range(model["layers"]):
        prefix = f"layers/{layer}/"
        for name, rows in (("query", width), ("key", groups * size), ("value", groups * size),
                           ("output", width)):
            shapes[prefix + "attention/" + name] = (rows, width)
        if attention["gate"] != "none":
            rows = heads if attention["gate"] == "head" else width
            shapes[prefix + "attention/gate"] = (rows, width)
        if kind_of(attention["query_key_norm"]) == "rms":
            shapes[prefix + "attention/query_norm"] = shapes[prefix + "attention/key_norm"] = (size,)
        shapes[prefix + "mlp/gate"] = shapes[prefix + "mlp/up"] = (hidden, width)
        shapes[prefix + "mlp/down"] = (width, hidden)
        shapes[prefix + "attention_norm"] = shapes[prefix + "mlp_norm"] = (width,)
    return shapes


def datasets_of(group):
    names = []
    group.visititems(
        lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


def parameters_hash(group, index=None):
    """SHA-256 over every parameter's bytes in ascending order of name."""
    total = hashlib.sha256()
    for name in sorted(datasets_of(group), key=lambda name: name.encode()):
        values = group[name][...] if index is None else group[name][index]
        total.update(np.ascontiguousarray(values, dtype=np.float32).tobytes())
    return total.hexdigest()


def check_parameters(folder, run, steps):
    """run.h5 stacks the snapshots by virtual datasets; hashes agree; no two steps are the same."""
    off, seen = [], {}
    vocabulary = run["parameters/token_embedding"].shape[1]
    shapes = expected_parameters(resolved(run), vocabulary)
    found = set(datasets_of(run["parameters"]))
    if found != set(shapes):
        off.append(f"run.h5: parameters differ from the documented ones: {found ^ set(shapes)}")
    for name in sorted(found & set(shapes)):
        data = run["parameters/" + name]
        if data.shape != (len(steps), *shapes[name]) or data.dtype != np.float32:
            off.append(f"run.h5: {name} is {data.dtype} {data.shape}, not float32 "
                       f"{(len(steps), *shapes[name])}")
        if not data.is_virtual:
            off.append(f"run.h5: {name} is no virtual dataset")
    for index, step in enumerate(steps):
        path = f"{folder}/snapshots/step-{step:08d}.h5"
        with h5py.File(path, "r") as snapshot:
            digest = parameters_hash(snapshot["parameters"])
            stored = text_of(snapshot.attrs["parameters_sha256"])
            if int(snapshot.attrs["step"]) != step:
                off.append(f"{path}: attribute step is {snapshot.attrs['step']}")
        if stored != digest:
            off.append(f"{path}: its hash is {digest}, its attribute says {stored}")
        if parameters_hash(run["parameters"], index) != digest:
            off.append(f"run.h5: step {step} differs from its snapshot")
        if digest in seen:
            off.append(f"steps {seen[digest]} and {step} hold the same parameters")
        seen[digest] = step
    return off


def expected_steps(config):
    """The saved steps, from the YAML alone."""
    last, plan = config["train"]["steps"], config["snapshots"]
    saved = {0, last}
    for step in range(1, last + 1):
        early = step <= plan["until"]
        if early and plan["early"] == "every-step":
            saved.add(step)
        elif early and plan["early"] == "powers-of-two":
            if step & (step - 1) == 0:
                saved.add(step)
        elif plan["every"] and step % plan["every"] == 0:
            saved.add(step)
    return sorted(saved)


def check_run_file(folder, run):
    off = [f"run.h5: no attribute {name}" for name in ROOT_ATTRIBUTES if name not in run.attrs]
    config = resolved(run)
    stored = text_of(run.attrs.get("yaml_sha256", run.attrs.get("experiment_yaml_sha256", "")))
    digest = hashlib.sha256(text_of(run.attrs["experiment_yaml"]).encode()).hexdigest()
    if stored != digest:
        off.append(f"run.h5: the YAML's hash is {digest}, its attribute says {stored}")
    steps = run["step"][...]
    if steps.tolist() != expected_steps(config):
        off.append(f"run.h5: /step is {steps.tolist()}, expected {expected_steps(config)}")
    files = sorted(os.path.basename(path) for path in glob.glob(folder + "/snapshots/*"))
    if files != [f"step-{step:08d}.h5" for step in steps]:
        off.append(f"snapshots/ holds {files}")
    for name in LOGS:
        if "log/" + name not in run:
            off.append(f"run.h5: no /log/{name}")
        elif run["log/" + name].shape != (config["train"]["steps"],):
            off.append(f"run.h5: /log/{name} is {run['log/' + name].shape}")
        elif not np.isfinite(run["log/" + name][...]).all():
            off.append(f"run.h5: /log/{name} holds values that are not finite")
    samples, length = config["probe"]["samples"], config["probe"]["length"]
    for name in ("inputs", "targets"):
        data = run["probe/" + name]
        if data.shape != (samples, length) or data.dtype != np.int32:
            off.append(f"run.h5: /probe/{name} is {data.dtype} {data.shape}")
    return off + check_parameters(folder, run, steps.tolist())


def check_variable(name, variable):
    off = []
    if variable.attrs.get("CLASS", b"") == b"DIMENSION_SCALE":
        return off
    for axis in range(variable.ndim):
        if len(variable.dims[axis]) != 1:
            off.append(f"analysis.h5: {name}: dimension {axis} has no scale")
        elif variable.dims[axis][0].shape[0] != variable.shape[axis]:
            off.append(f"analysis.h5: {name}: dimension {axis} and its scale differ in length")
    for attribute in ("long_name", "units", "source"):
        if not text_of(variable.attrs.get(attribute, "")):
            off.append(f"analysis.h5: {name}: no attribute {attribute}")
    if variable.dtype.kind == "f" and np.isinf(variable[...]).any():
        off.append(f"analysis.h5: {name} holds infinite values")
    return off


def check_analysis(folder, steps):
    path, off = folder + "/analysis.h5", []
    with h5py.File(path, "r") as analysis:
        if not np.array_equal(analysis["step"][...], steps):
            off.append("analysis.h5: /step differs from run.h5")
        for name, item in analysis.items():
            if isinstance(item, h5py.Dataset):
                off += check_variable(name, item)
        names = set(analysis)
    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        missing = {"step", "layer", "head", "position"} - set(dataset.dims)
        if missing:
            off.append(f"analysis.h5: xarray does not see the dimensions {sorted(missing)}")
        for name in names & set(dataset.data_vars):
            unnamed = [d for d in dataset[name].dims if re.match("phony_dim|dim_", str(d))]
            if unnamed:
                off.append(f"analysis.h5: xarray names {name}'s dimensions {unnamed}")
    return off


def check_run(folder):
    with h5py.File(folder + "/run.h5", "r") as run:
        off = check_run_file(folder, run)
        steps = run["step"][...]
    if not os.path.exists(folder + "/checkpoint.h5"):
        off.append("no checkpoint.h5")
    leftovers = glob.glob(folder + "/**/*.tmp", recursive=True)
    if leftovers:
        off.append(f"temporary files are left: {leftovers}")
    return off + check_analysis(folder, steps)
