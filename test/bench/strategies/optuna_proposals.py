"""Processor time of a trial of one of Optuna's samplers, on the space of proposals.ts; JSON on stdin and stdout."""
import json
import random
import sys
import time
import warnings

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)

task = json.load(sys.stdin)
if task["space"] == "mixed":
    distributions = {
        **{f"r{i}": FloatDistribution(0, 1) for i in range(4)},
        **{f"i{i}": IntDistribution(0, 9) for i in range(3)},
        **{f"c{i}": CategoricalDistribution(list(range(4))) for i in range(3)},
    }
else:
    distributions = {f"c{i}": CategoricalDistribution(list(range(5))) for i in range(10)}


def objectives(values):
    if task["space"] == "mixed":
        shares = [value if i < 4 else value / (9 if i < 7 else 3) for i, value in enumerate(values)]
    else:
        shares = [value / 4 for value in values]
    near = lambda centre: -sum((share - (centre * (i + 1)) % 1) ** 2 for i, share in enumerate(shares))
    return [near(0.37), near(0.71)][: task["objectives"]]


samplers = {
    "gp": optuna.samplers.GPSampler,
    "tpe": optuna.samplers.TPESampler,
    "nsga2": optuna.samplers.NSGAIISampler,
}
study = optuna.create_study(directions=["maximize"] * task["objectives"], sampler=samplers[task["strategy"]](seed=1))
draw = random.Random(1)
for _ in range(task["told"]):
    if task["space"] == "mixed":
        values = [draw.random() for _ in range(4)] + [draw.randint(0, 9) for _ in range(3)] + [draw.randint(0, 3) for _ in range(3)]
    else:
        values = [draw.randint(0, 4) for _ in range(10)]
    params = dict(zip(distributions, values))
    study.add_trial(optuna.create_trial(params=params, distributions=distributions, values=objectives(values)))


def objective(trial):
    values = [trial._suggest(name, distribution) for name, distribution in distributions.items()]
    return tuple(objectives(values))


# The first one loads modules.
study.optimize(objective, n_trials=1)
began = time.process_time()
study.optimize(objective, n_trials=task["measured"])
milliseconds = 1000 * (time.process_time() - began) / task["measured"]
print(json.dumps({"version": optuna.__version__, "milliseconds": milliseconds}))
