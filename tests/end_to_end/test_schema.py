"""The JSON Schema that `fiducial schema` prints: the stored one is current, every recipe fits it, and it
refuses what the program refuses."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from checks import check, finish

PROGRAM = os.environ.get("FIDUCIAL", os.path.abspath("build/fiducial"))
RECIPES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "experiments")
FIRST_LINE = "# yaml-language-server: $schema=schema.json"


class Loader(yaml.SafeLoader):
    """YAML 1.2's numbers, as editors and the program read them: 5e-3 is one."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"), list("-+.0123456789"))

GOOD = {
    "an inherited file": "base: other.yaml",
    "options of a kind": "experiment: x\nmodel: {position: {kind: rope, base: 500}}",
    "options of the default kind": "experiment: x\nmodel: {position: {base: 500}}",
    "a reference": 'experiment: x\nmodel: {hidden: "${model.width}"}',
    "a range": "experiment: x\nsweep: {seed: {from: 1, to: 3, points: 3}}",
    "zip, include and exclude": "experiment: x\nsweep:\n  zip: {seed: [1, 2], model.width: [8, 16]}\n"
                                "  include: [{model.position: nope}]\n"
                                "  exclude: [{seed: 1, model.width: 8}]",
    "a swept kind with options": "experiment: x\nsweep: {model.position: [rope, {kind: alibi}]}",
    "all analyses": "experiment: x\nanalysis: all",
    "nothing in place of a group, a sweep and a text": "experiment: x\nmodel:\nsweep:\ndescription: ~",
    "an inherited key taken away": "base: other.yaml\nseed: ~\nmodel: {width: ~, position: ~}",
    "an inherited option taken away": "base: other.yaml\nmodel: {position: {kind: rope, base: ~}}",
    "an inherited group taken away": "base: other.yaml\nmodel: ~\ntrain: {optimizer: ~, groups: ~}",
    "an inherited list and axis taken away": "base: other.yaml\nanalysis: ~\nsweep: {seed: ~, zip: ~}",
    "an inherited kind's text taken away": "base: other.yaml\ndata: {triggers: ~}",
    "a number with an exponent": "experiment: x\ntrain: {optimizer: {learning_rate: 5e-3}}",
}
BAD = {
    "no name": "seed: 1",
    "an unknown key": "experiment: x\nmodel: {widht: 8}",
    "a key at the wrong place": "experiment: x\nwidth: 8",
    "a wrong type": "experiment: x\nmodel: {width: wide}",
    "a number in quotes": 'experiment: x\nmodel: {width: "8"}',
    "out of range": "experiment: x\ntrain: {batch: 0}",
    "a fraction for a whole number": "experiment: x\ntrain: {batch: 1.5}",
    "an unknown kind": "experiment: x\nmodel: {position: ropes}",
    "an option of another kind": "experiment: x\nmodel: {position: {kind: alibi, base: 5}}",
    "an unknown choice": "experiment: x\nsnapshots: {early: sometimes}",
    "an unknown analysis": "experiment: x\nanalysis: [sink]",
    "an unknown swept key": "experiment: x\nsweep: {model.widht: [8]}",
    "a swept value of the wrong type": "experiment: x\nsweep: {model.width: [8, wide]}",
    "a scalar instead of a list": "experiment: x\nsweep: {model.width: 8}",
    "a range of words": "experiment: x\nsweep: {model.position: {from: 1, to: 2, points: 2}}",
    "a range without its end": "experiment: x\nsweep: {seed: {from: 1, points: 2}}",
    "a swept name": "experiment: x\nsweep: {experiment: [a, b]}",
    "nothing where a number must be": "experiment: x\nmodel: {width: ~}",
    "nothing where a kind must be": "experiment: x\nmodel: {position: ~}",
    "nothing where an option's number must be": "experiment: x\nmodel: {position: {kind: rope, base: ~}}",
    "nothing where an axis must be": "experiment: x\nsweep: {seed: ~}",
    "nothing in a list": "base: other.yaml\nmodel: {position: [rope, ~]}",
    "an unknown key in include": "experiment: x\nsweep: {include: [{sed: 1}]}",
}


def refused_by_program(text):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "other.yaml"), "w", encoding="utf-8") as file:
            file.write("experiment: other\n")
        path = os.path.join(folder, "experiment.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        done = subprocess.run([PROGRAM, "show", path], capture_output=True, text=True, timeout=60,
                              check=False)
        return done.returncode == 2


def check_cases(validator):
    for what, text in GOOD.items():
        off = [error.message for error in validator.iter_errors(yaml.load(text, Loader))]
        check(f"schema: {what}", not off and not refused_by_program(text),
              f"schema says {off[:1]}; program refuses: {refused_by_program(text)}")
    for what, text in BAD.items():
        fits = validator.is_valid(yaml.load(text, Loader))
        check(f"schema: refuses {what}", not fits and refused_by_program(text),
              f"schema refuses: {not fits}; program refuses: {refused_by_program(text)}")


def check_recipes(validator):
    recipes = sorted(glob.glob(os.path.join(RECIPES, "*.yaml")))
    check("schema: there are recipes", len(recipes) >= 2, f"{len(recipes)}")
    for path in recipes:
        name = os.path.basename(path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        first = text.split("\n", 1)[0]
        check(f"schema: {name} points to it", first == FIRST_LINE, f"{first!r}, not {FIRST_LINE!r}")
        off = [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
               for error in validator.iter_errors(yaml.load(text, Loader))]
        check(f"schema: {name} fits", not off, "; ".join(off))


def check_shown(recipes):
    """Every recipe can be run: show opens its data and builds its models, and counts what it will cost."""
    for path in recipes:
        done = subprocess.run([PROGRAM, "show", path], capture_output=True, text=True, timeout=60,
                              check=False)
        runs = re.search(r"^# (\d+) runs?, results in ", done.stdout, re.M)
        check(f"schema: {os.path.basename(path)} can be shown", done.returncode == 0 and runs,
              f"exit status {done.returncode}: {done.stderr}")


def main():
    printed = subprocess.run([PROGRAM, "schema"], capture_output=True, text=True, timeout=60,
                             check=True).stdout
    schema = json.loads(printed)
    with open(os.path.join(RECIPES, "schema.json"), encoding="utf-8") as file:
        check("schema: experiments/schema.json is current", file.read() == printed,
              "make it anew: fiducial schema > experiments/schema.json")
    try:
        import jsonschema
    except ImportError:
        print("skipped: python3-jsonschema is not installed")
        finish()
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        check("schema: is a schema itself", True)
    except jsonschema.SchemaError as error:
        check("schema: is a schema itself", False, error.message)
    validator = jsonschema.Draft202012Validator(schema)
    check_cases(validator)
    check_recipes(validator)
    check_shown(sorted(glob.glob(os.path.join(RECIPES, "*.yaml"))))
    finish()


main()
