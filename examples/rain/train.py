#!/usr/bin/env python3
"""Trains the models of the rain example and writes models/*.onnx and lineage.json.

    python3 examples/rain/train.py [weather.csv] [--out DIR] [--tune]

Needs PyTorch 1.13 (Debian: python3-torch) and numpy; no onnx package. Two runs on one machine write the same bytes:
seeds are fixed, every step is full-batch, and training is in float64, rounded to float32 only on export, so that the
last bits of a different BLAS are unlikely to show. --tune prints the sweep on 2014 that the settings below were
chosen by, and writes nothing.

Every model is the same small network. Input `features`, float32 [rows, 4]: day_of_year, temp_min and temp_max (deg C),
wind (m/s), raw. Output `probability`, float32 [rows, 1]: that it rains that day. Season and scaling are in the graph.
"""
import argparse
import copy
import csv
import datetime
import io
import itertools
import json
import math
import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).resolve().parent
WEATHER = HERE.parent.parent / "node_modules" / "vega-datasets" / "data" / "weather.csv"
FEATURES = ["day_of_year", "temp_min", "temp_max", "wind"]
BOTH = ["Seattle", "New York"]
SEED = 0
# Opset 11 keeps the sizes of Split an attribute: later ones add a Constant node.
OPSET = 11

# Chosen by --tune, which sees 2012 to 2014 only; see README.md.
BASE = {"hidden": 16, "epochs": 60, "learningRate": 0.01, "weightDecay": 1e-3}
TUNED = {"epochs": 100, "learningRate": 0.003, "weightDecay": 0.0}
# Not tuned: they are in the lineage to be told apart, not to be good.
PRUNED = {"sparsity": 0.5, "epochs": 40, "learningRate": 0.003, "weightDecay": 0.0}
DISTILLED = {"hidden": 8, "epochs": 150, "learningRate": 0.01, "weightDecay": 1e-3, "teacher": "rain@1"}


def read_weather(path):
    """Rows of weather.csv as (location, date, [features], rains), in the file's order: city by city, day by day."""
    if not path.is_file():
        sys.exit(f"{path} is missing: run `npm ci` first, or name the file: train.py path/to/weather.csv")
    rows = []
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            day = datetime.date.fromisoformat(row["date"])
            features = [day.timetuple().tm_yday] + [float(row[name]) for name in FEATURES[1:]]
            rows.append((row["location"], day, features, float(row["precipitation"]) > 0))
    return rows


def span(first_year, last_year=None):
    return f"{first_year}-01-01", f"{last_year or first_year}-12-31"


def choose(rows, locations, dates):
    """Features [rows, 4] and labels [rows, 1], both float64, of the days from dates[0] to dates[1], both included."""
    first, last = (datetime.date.fromisoformat(text) for text in dates)
    chosen = [row for row in rows if row[0] in locations and first <= row[1] <= last]
    features = torch.tensor([row[2] for row in chosen], dtype=torch.float64)
    labels = torch.tensor([[float(row[3])] for row in chosen], dtype=torch.float64)
    return features, labels


class Rain(torch.nn.Module):
    """Season and scaled weather [rows, 5] -> hidden -> hidden -> probability [rows, 1]."""

    def __init__(self, mean, std, hidden):
        super().__init__()
        self.register_buffer("season_rate", torch.tensor([2 * math.pi / 365.25], dtype=torch.float64))
        self.register_buffer("input_mean", mean)
        self.register_buffer("input_std", std)
        self.hidden1 = torch.nn.Linear(5, hidden)
        self.hidden2 = torch.nn.Linear(hidden, hidden)
        self.output = torch.nn.Linear(hidden, 1)
        self.double()

    def logit(self, features):
        day, weather = features.split([1, 3], dim=1)
        angle = day * self.season_rate
        scaled = (weather - self.input_mean) / self.input_std
        inputs = torch.cat([torch.sin(angle), torch.cos(angle), scaled], dim=1)
        return self.output(torch.tanh(self.hidden2(torch.tanh(self.hidden1(inputs)))))

    def forward(self, features):
        return torch.sigmoid(self.logit(features))


def scaling(data):
    """Mean and standard deviation of the three weather columns."""
    weather = data[0][:, 1:]
    return weather.mean(0), weather.std(0)


def fresh(mean, std, hidden, seed=SEED):
    torch.manual_seed(seed)
    return Rain(mean, std, hidden)


def fit(model, data, settings, targets=None, masks=None):
    """Trains a copy, full-batch Adam on log loss; `masks` keeps pruned weights at zero. Returns the copy."""
    model = copy.deepcopy(model)
    features, labels = data
    loss_of = torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(
        model.parameters(), lr=settings["learningRate"], weight_decay=settings["weightDecay"]
    )
    for _ in range(settings["epochs"]):
        optimizer.zero_grad()
        loss_of(model.logit(features), labels if targets is None else targets).backward()
        optimizer.step()
        for name, mask in (masks or {}).items():
            model.get_parameter(name).data.mul_(mask)
    return model


def prune(model, data, settings):
    """Zeroes the smallest share of all weights (biases stay), then trains what is left. Returns the pruned copy."""
    model = copy.deepcopy(model)
    weights = {name: value for name, value in model.named_parameters() if name.endswith("weight")}
    sizes = torch.cat([value.detach().abs().flatten() for value in weights.values()]).sort().values
    least = sizes[int(settings["sparsity"] * len(sizes))]
    masks = {name: (value.detach().abs() >= least).double() for name, value in weights.items()}
    for name, mask in masks.items():
        weights[name].data.mul_(mask)
    return fit(model, data, settings, masks=masks)


def log_loss(model, data):
    with torch.no_grad():
        return torch.nn.BCEWithLogitsLoss()(model.logit(data[0]), data[1]).item()


def onnx_bytes(model):
    """The model as ONNX: weights are raw_data initializers named as in the module, none sits in a Constant node."""
    stream = io.BytesIO()
    torch.onnx.export(
        copy.deepcopy(model).float().eval(),
        torch.zeros(2, 4),
        stream,
        input_names=["features"],
        output_names=["probability"],
        dynamic_axes={"features": {0: "rows"}, "probability": {0: "rows"}},
        opset_version=OPSET,
        do_constant_folding=False,
    )
    return stream.getvalue()


def tune(rows):
    """Prints held-out log loss on 2014 of models that saw 2012 and 2013, mean over seeds."""
    train, seattle_train = choose(rows, BOTH, span(2012, 2013)), choose(rows, ["Seattle"], span(2012, 2013))
    seattle, new_york = choose(rows, ["Seattle"], span(2014)), choose(rows, ["New York"], span(2014))
    seeds = range(8)

    print("base: hidden, weight decay, epochs -> mean log loss of Seattle and New York 2014")
    for hidden, decay, epochs in itertools.product([8, 16], [0.0, 1e-3, 1e-2], [30, 60, 100, 200, 400]):
        settings = {"epochs": epochs, "learningRate": BASE["learningRate"], "weightDecay": decay}
        models = [fit(fresh(*scaling(train), hidden, seed), train, settings) for seed in seeds]
        losses = [(log_loss(model, seattle) + log_loss(model, new_york)) / 2 for model in models]
        print(f"  {hidden:3d} {decay:6.3f} {epochs:4d}  {np.mean(losses):.4f}")

    print("fine-tuning of the chosen base on Seattle: rate, weight decay, epochs -> log loss of Seattle 2014")
    bases = [fit(fresh(*scaling(train), BASE["hidden"], seed), train, BASE) for seed in seeds]
    print(f"  none{'':18s}{np.mean([log_loss(base, seattle) for base in bases]):.4f}")
    for rate, decay, epochs in itertools.product([1e-3, 3e-3, 1e-2], [0.0, 1e-3], [25, 50, 100, 150, 200]):
        settings = {"epochs": epochs, "learningRate": rate, "weightDecay": decay}
        losses = [log_loss(fit(base, seattle_train, settings), seattle) for base in bases]
        print(f"  {rate:6.3f} {decay:6.3f} {epochs:4d}  {np.mean(losses):.4f}")


def node(name, version, model, parents, locations, dates, rows):
    """One entry of lineage.json's `models`. Metrics are what could be known when the model was made."""
    data = choose(rows, locations, dates)
    metrics = {"log-loss-training": round(log_loss(model, data), 4)}
    if dates[1] < "2014-01-01":
        for location in BOTH:
            name_of = f"log-loss-{location.lower().replace(' ', '-')}-2014"
            metrics[name_of] = round(log_loss(model, choose(rows, [location], span(2014))), 4)
    return {
        "name": name,
        "version": version,
        "file": f"models/{name}-{version}.onnx",
        "parents": parents,
        "metrics": metrics,
        "trainingData": {"locations": locations, "from": dates[0], "to": dates[1], "rows": len(data[0])},
        "features": FEATURES,
        "label": "rains",
        "task": "classification",
    }


# The scenario, for the replay; README.md says why it is so. Rows are counted from 1 within their part.
REPLAY = {
    "deployed": "rain@3",
    "windowRows": 364,
    "paneRows": 28,
    "debounce": {"drifted": 2, "of": 3},
    "traffic": [
        {"location": "Seattle", "from": "2014-07-01", "to": "2015-12-31"},
        {"location": "New York", "from": "2015-01-01", "to": "2015-12-31"},
    ],
    "slices": {
        "labelled": {"traffic": 1, "until": "trigger", "split": "stratified halves, seed 0"},
        "control": {"location": "Seattle", "from": "2015-01-01", "to": "2015-12-31"},
        "untouched": {"traffic": 1, "after": "trigger", "rows": "all"},
    },
}


def train(rows):
    """All models in the order of the lineage, each with its manifest entry."""
    both, years = choose(rows, BOTH, span(2012, 2013)), span(2012, 2013)
    seattle, longer = choose(rows, ["Seattle"], years), choose(rows, ["Seattle"], span(2012, 2014))
    # Every model scales by the base's training data: a blend of two weights means nothing under two scalings.
    mean, std = scaling(both)

    base = fit(fresh(mean, std, BASE["hidden"]), both, BASE)
    second = fit(base, seattle, TUNED)
    third = fit(second, longer, TUNED)
    pruned = prune(second, seattle, PRUNED)
    with torch.no_grad():
        taught = base(both[0])
    distilled = fit(fresh(mean, std, DISTILLED["hidden"]), both, DISTILLED, targets=taught)

    def derived(ref, transformation, parameters):
        return [{"ref": ref, "transformation": transformation, "parameters": parameters}]

    fine_tuned = derived("rain@1", "fine-tuning", TUNED)
    fine_tuned_again = derived("rain@2", "fine-tuning", TUNED)
    made_sparse = derived("rain@2", "pruning", PRUNED)
    made_small = derived("rain@1", "distillation", DISTILLED)
    return [
        (base, node("rain", "1", base, [], BOTH, years, rows)),
        (second, node("rain", "2", second, fine_tuned, ["Seattle"], years, rows)),
        (third, node("rain", "3", third, fine_tuned_again, ["Seattle"], span(2012, 2014), rows)),
        (pruned, node("rain-pruned", "1", pruned, made_sparse, ["Seattle"], years, rows)),
        (distilled, node("rain-distilled", "1", distilled, made_small, BOTH, years, rows)),
    ]


def main():
    parser = argparse.ArgumentParser(description="Trains the models of the rain example.")
    parser.add_argument("weather", nargs="?", type=pathlib.Path, default=WEATHER, help="weather.csv of vega-datasets")
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="folder for models/ and lineage.json")
    parser.add_argument("--tune", action="store_true", help="print the sweep on 2014 and write nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rows = read_weather(options.weather)
    if options.tune:
        tune(rows)
        return
    trained = train(rows)
    (options.out / "models").mkdir(parents=True, exist_ok=True)
    for model, entry in trained:
        content = onnx_bytes(model)
        (options.out / entry["file"]).write_bytes(content)
        print(f"{entry['file']}: {len(content)} bytes, {entry['metrics']}")
    manifest = {"models": [entry for _, entry in trained], "replay": REPLAY}
    (options.out / "lineage.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
