// What is so now: notices, the tiles, running requests, processes.

import { element, number, row, td } from "./elements.js";
import { count, megabytes, percent, seconds } from "./words.js";

const NUMBERS = ["Served", "Memory", "Age", "For"];

const place = (id) => document.getElementById(id);

export function showDaemon(daemon) {
  place("notices").replaceChildren(...notices(daemon));
  place("tiles").replaceChildren(...tiles(daemon));
  place("queue").textContent = `${daemon.waiting} waiting of ${daemon.limits.max_queue}`;
  place("loaded").textContent = daemon.loaded.length ? `loaded: ${daemon.loaded.map(stay).join(", ")}` : "no model loaded";
  place("running").replaceChildren(running(daemon.requests));
  place("processes").replaceChildren(processes(daemon.processes));
}

function notices(daemon) {
  const said = Object.values(daemon.missing).map((sentence) => element("p", { class: "notice bad" }, `Chats are not answered: ${sentence}.`));
  if (daemon.simulated) said.unshift(element("p", { class: "notice warn" }, "Simulated answers: no Claude model is asked; this is the demo."));
  return said;
}

function tiles(daemon) {
  const { ram, cpu, gpu } = daemon.host;
  const conversations = daemon.processes.filter((process) => process.conversation).length;
  return [
    tile(daemon.running, `running, ${daemon.waiting} waiting`),
    tile(`${daemon.processes.length} / ${daemon.limits.max_processes}`, "processes"),
    tile(`${conversations} / ${daemon.limits.max_conversations}`, "conversations held"),
    tile(percent(ram.percent_used), `RAM, ${ram.used_gb.toFixed(1)} of ${ram.total_gb.toFixed(1)} GB`),
    tile(percent(cpu.percent), `CPU, ${cpu.count} cores`),
    ...(gpu.available ? gpu.gpus.map(graphics) : [tile("–", `GPU: ${gpu.error ?? "none"}`)]),
    tile(seconds(daemon.uptime_seconds), `up, version ${daemon.version}`),
  ];
}

function graphics(gpu) {
  return tile(percent(gpu.utilization_percent), `GPU ${gpu.index}, ${megabytes(gpu.memory_used_mb)} of ${megabytes(gpu.memory_total_mb)}`);
}

function tile(value, text) {
  return element("div", { class: "tile" }, element("strong", {}, value), element("span", {}, text));
}

function running(requests) {
  if (!requests.length) return element("p", { class: "soft" }, "Nothing runs.");
  return table(["Request", "Model", "Caller", "For"], requests.map((request) => row(
    td(`${request.method} ${request.path}`), td(request.model || "–"), td(request.caller || request.client), number(seconds(request.seconds)),
  )));
}

function processes(all) {
  if (!all.length) return element("p", { class: "soft" }, "There is none.");
  return table(["Pid", "State", "Conversation", "Served", "Memory", "Age"], all.map((process) => row(
    td(process.pid ?? "–"),
    td(`${process.state}${process.waits_for_results ? ", waits for results" : ""}`),
    td(process.conversation ?? "–"),
    number(count(process.requests)),
    number(megabytes(process.memory_mb)),
    number(seconds(process.age_seconds)),
  )));
}

function table(names, rows) {
  return element("table", {}, element("thead", {}, element("tr", {}, ...names.map((name) => element("th", NUMBERS.includes(name) ? { class: "number" } : {}, name)))), element("tbody", {}, ...rows));
}

function stay({ model, stays_seconds: left }) {
  return left === null ? `${model} for good` : `${model} ${seconds(left)}`;
}
