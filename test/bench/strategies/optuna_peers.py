"""Optuna's samplers on a table or a function that JSON on stdin names; one line of JSON on stdout per search."""
import json
import math
import sys
import time
import warnings

import optuna

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def hartmann(x, a, p):
    return -sum(
        alpha * math.exp(-sum(a[i][j] * (value - p[i][j]) ** 2 for j, value in enumerate(x)))
        for i, alpha in enumerate([1, 1.2, 3, 3.2])
    )


def branin(x):
    b, c = 5.1 / (4 * math.pi**2), 5 / math.pi
    return (x[1] - b * x[0] ** 2 + c * x[0] - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10


def ackley(x):
    root = math.sqrt(sum(value**2 for value in x) / len(x))
    waves = sum(math.cos(2 * math.pi * value) for value in x) / len(x)
    return 20 + math.e - 20 * math.exp(-0.2 * root) - math.exp(waves)


def camel(x):
    return (4 - 2.1 * x[0] ** 2 + x[0] ** 4 / 3) * x[0] ** 2 + x[0] * x[1] + (-4 + 4 * x[1] ** 2) * x[1] ** 2


def levy(x):
    w = [1 + (value - 1) / 4 for value in x]
    middle = sum((each - 1) ** 2 * (1 + 10 * math.sin(math.pi * each + 1) ** 2) for each in w[:-1])
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return math.sin(math.pi * w[0]) ** 2 + middle + last


def rastrigin(x):
    return 10 * len(x) + sum(value**2 - 10 * math.cos(2 * math.pi * value) for value in x)


def suggested(trial, i, domain):
    if domain["kind"] == "categorical":
        return trial.suggest_categorical(f"d{i}", domain["options"])
    suggest = trial.suggest_float if domain["kind"] == "real" else trial.suggest_int
    return suggest(f"d{i}", domain["min"], domain["max"])


task = json.load(sys.stdin)
values = task.get("values")
several = values is not None and len(next(iter(values.values()))) > 1
samplers = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
    "cma-es": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
}


def play(name, seed):
    trials = []

    def objective(trial):
        if values is None:
            x = [suggested(trial, i, domain) for i, domain in enumerate(task["domains"])]
            trials.append(x)
            return -globals()[task["function"]](x, *task["constants"])
        genotype = [
            trial.suggest_int(f"d{i}", 0, decision["options"] - 1)
            if decision["ordered"]
            else trial.suggest_categorical(f"d{i}", list(range(decision["options"])))
            for i, decision in enumerate(task["decisions"])
        ]
        trials.append(genotype)
        found = values[",".join(map(str, genotype))]
        return tuple(found) if several else found[0]

    directions = ["maximize"] * (len(next(iter(values.values()))) if values else 1)
    began = time.process_time()
    study = optuna.create_study(directions=directions, sampler=samplers[name](seed))
    study.optimize(objective, n_trials=task["trials"])
    milliseconds = 1000 * (time.process_time() - began) / task["trials"]
    last = {"value": study.trials[-1].value} if values is None else {}
    return {"version": optuna.__version__, "sampler": name, "seed": seed, "genotypes": trials, "milliseconds": milliseconds, **last}


for name, seed in task["runs"]:
    print(json.dumps(play(name, seed)), flush=True)
