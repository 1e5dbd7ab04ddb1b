// What was counted: charts over time, and the sums of each model.

import { chart } from "./chart.js";
import { element, number, row, td } from "./elements.js";
import { count, dollars, milliseconds, percent, time } from "./words.js";

const place = (id) => document.getElementById(id);

export function showCharts({ points, step_seconds: step }) {
  const times = points.map((point) => point.at);
  const each = (read) => points.map(read);
  const draw = (id, format, lines) => chart(place(`chart-${id}`), { times, step, format, lines });
  draw("requests", count, [
    { name: "requests", values: each((point) => point.requests), bars: true },
    { name: "errors", values: each((point) => failures(point.errors)), bars: true, bad: true },
  ]);
  draw("latency", milliseconds, [
    { name: "first token, median", values: each((point) => point.first_token_ms.p50) },
    { name: "first token, 95 of 100", values: each((point) => point.first_token_ms.p95) },
    { name: "whole, median", values: each((point) => point.total_ms.p50) },
  ]);
  draw("tokens", count, [
    { name: "out", values: each((point) => point.output_tokens / step) },
    { name: "in", values: each((point) => point.prompt_tokens / step) },
  ]);
  draw("cost", dollars, [{ name: "dollars", values: each((point) => point.dollars), bars: true }]);
  draw("load", count, levels(points, ["running", "waiting", "processes"]));
  draw("host", percent, levels(points, hostLevels(points)));
}

export function showTotals({ totals, since }) {
  place("since").textContent = `since ${time(since)}`;
  offer(place("model"), totals.map((each) => each.model));
  offer(place("dialect"), totals.map((each) => each.dialect));
  if (!totals.length) {
    place("totals").replaceChildren(element("p", { class: "soft" }, "No model was asked yet."));
    return;
  }
  const names = ["Model", "Dialect", "Requests", "Errors", "Tokens in", "Tokens out", "Cost", "First token", "Whole"];
  const head = names.map((name, index) => element("th", index > 1 && name !== "Errors" ? { class: "number" } : {}, name));
  place("totals").replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...totals.map(sum))));
}

function sum(each) {
  const errors = Object.entries(each.errors).map(([kind, times]) => `${kind.replaceAll("_", " ")} ${times} ×`);
  return row(
    td(each.model || "none"),
    td(each.dialect),
    number(count(each.requests)),
    td(errors.join(", ") || "–", errors.length ? { class: "bad" } : {}),
    number(count(each.prompt_tokens)),
    number(count(each.output_tokens)),
    number(dollars(each.dollars)),
    number(milliseconds(each.first_token_ms.p50)),
    number(milliseconds(each.total_ms.p50)),
  );
}

function failures(errors) {
  return Object.values(errors).reduce((all, some) => all + some, 0);
}

function levels(points, names) {
  return names.map((name) => ({ name: named(name), values: points.map((point) => point.levels[name] ?? null) }));
}

function hostLevels(points) {
  return [...new Set(points.flatMap((point) => Object.keys(point.levels)))].filter((name) => name.endsWith("_percent")).sort();
}

function named(level) {
  return level.replace("_percent", "").replace("ram", "RAM").replace("cpu", "CPU").replace(/^gpu(\d+)/, "GPU $1").replaceAll("_", " ");
}

function offer(select, names) {
  const known = new Set([...select.options].map((option) => option.value));
  for (const name of new Set(names)) if (name && !known.has(name)) select.append(element("option", { value: name }, name));
}
