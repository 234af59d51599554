"""What the program sets for itself as it starts: seen in `fiducial doctor`, left alone where the user has set it,
and without effect on any bit."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from checks import Bench, check, finish

TINY = """
    experiment: tiny
    model: {layers: 1, width: 8, heads: 1, hidden: 8, context: 16}
    train: {steps: 8, batch: 4}
    snapshots: {until: 8, every: 20}
    probe: {samples: 2}
    analysis: [sinks]
"""
OURS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OPENBLAS_CORETYPE", "FIDUCIAL_SETTINGS")


def environment(**settings):
    return {**{name: value for name, value in os.environ.items() if name not in OURS}, **settings}


def doctor(bench, **settings):
    done = subprocess.run([bench.program, "doctor"], env=environment(**settings), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60)
    check(f"doctor with {settings or 'nothing'} set: exit status", done.returncode == 0, done.returncode)
    return {line[2:15].strip(): line[16:] for line in done.stdout.splitlines()}


def check_settings(bench):
    lines = doctor(bench)
    check("the threads' waiting is set", lines["waiting"] == "30000 rounds (set at start)", lines)
    core = lines["OpenBLAS core"].split()[0]
    lines = doctor(bench, GOMP_SPINCOUNT="5")
    check("GOMP_SPINCOUNT is left alone", lines["waiting"] == "5 rounds (from GOMP_SPINCOUNT)", lines)
    lines = doctor(bench, OMP_WAIT_POLICY="passive")
    check("OMP_WAIT_POLICY is left alone", lines["waiting"] == "passive (from OMP_WAIT_POLICY)", lines)
    lines = doctor(bench, OPENBLAS_CORETYPE=core)
    check("OPENBLAS_CORETYPE is left alone",
          lines["OpenBLAS core"] == f"{core} (from OPENBLAS_CORETYPE)", lines)


def check_name(bench):
    """Executed again, the program keeps its words, its process and its name."""
    process = subprocess.Popen([bench.program, "status", bench.yaml, "--watch", "--output",
                                os.path.join(bench.folder, "none")], env=environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        first = process.stdout.readline()
        with open(f"/proc/{process.pid}/comm", encoding="ascii") as file:
            name = file.read().strip()
        check("the process keeps its name", name == os.path.basename(bench.program)[:15], name)
        check("the process keeps its words", "run" in first, first)
    finally:
        process.kill()
        process.communicate()


def check_bits(bench):
    contents = []
    for spins in ("1", "1000000"):
        subprocess.run(bench.command("train", f"spins-{spins}", "--threads", "2"), check=True,
                       env=environment(GOMP_SPINCOUNT=spins), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        with open(os.path.join(bench.folder, f"spins-{spins}", "seed=1", "snapshots",
                               "step-00000008.h5"), "rb") as file:
            contents.append(file.read())
    check("waiting changes no bit", contents[0] == contents[1], "the last snapshots differ")


def main():
    with Bench(TINY) as bench:
        check_settings(bench)
        check_name(bench)
        check_bits(bench)
    finish()


main()
