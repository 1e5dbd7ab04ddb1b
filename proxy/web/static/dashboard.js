// The dashboard: one stream of news, and the counts every few seconds. It says when it hears nothing, and goes on by
// itself once the daemon is back.

import { askJson, follow, key, KeyNeeded } from "./api.js";
import { showLine, showLines } from "./dashboardlog.js";
import { showCharts, showTotals } from "./dashboardcharts.js";
import { showDaemon } from "./dashboardnow.js";
import { showRequest, showRequests } from "./dashboardrequests.js";
import { askForKey } from "./keydialog.js";

const COUNTS_EVERY = 5000; // milliseconds
const STALE_AFTER = 6000; // without news: a status comes every two seconds
const PAUSES = [1, 2, 4, 8, 10]; // seconds between tries, the last one for ever

const connection = document.getElementById("connection");
const choices = ["range", "model", "dialect"].map((id) => document.getElementById(id));

let heard = 0;
let stream = null;

/** Look, until the stream ends; throws why it could not be followed. */
async function look() {
  stream = new AbortController();
  heard = Date.now();
  const [status, requests, lines] = await Promise.all(["status", "requests", "log"].map((name) => askJson(`/admin/${name}`)));
  showDaemon(status);
  showRequests(requests.requests);
  showLines(lines.lines);
  await counts();
  for await (const [name, value] of follow(`/admin/events?requests=${requests.last}&lines=${lines.last}`, stream)) {
    heard = Date.now();
    say("Live", "good");
    if (name === "status") showDaemon(value);
    else if (name === "request") showRequest(value);
    else if (name === "log") showLine(value);
    else if (name === "end") return "The daemon is shutting down";
  }
  return "The daemon has ended the stream";
}

async function counts() {
  const query = new URLSearchParams(choices.map((choice) => [choice.id, choice.value]));
  const told = await askJson(`/admin/metrics?${query}`);
  showCharts(told);
  showTotals(told);
}

async function goOn() {
  for (let tries = 0; ; tries += 1) {
    const begun = Date.now();
    let why;
    try {
      why = await look();
    } catch (error) {
      if (error instanceof KeyNeeded) {
        key.forget();
        await askForKey(error.message);
        tries = -1;
        continue;
      }
      // A failed fetch has no words for people.
      why = error instanceof TypeError || error.name === "AbortError" ? "The daemon does not answer" : error.message;
    } finally {
      stream.abort();
      stream = null;
    }
    if (Date.now() - begun > STALE_AFTER) tries = 0;
    await countDown(why, PAUSES[Math.min(tries, PAUSES.length - 1)]);
  }
}

async function countDown(why, seconds) {
  document.body.classList.add("stale");
  for (let left = seconds; left > 0; left -= 1) {
    say(`${why}. What is shown is ${age()} old; trying again in ${left} s`, "bad");
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  say(`${why}. Trying again…`, "bad busy");
}

function say(text, kind) {
  if (kind === "good") document.body.classList.remove("stale");
  // Said again only when it is news, for those who have it read to them.
  if (connection.textContent !== text) connection.textContent = text;
  connection.className = kind;
}

function age() {
  return `${Math.max(0, Math.round((Date.now() - heard) / 1000))} s`;
}

function watch() {
  if (stream && Date.now() - heard > STALE_AFTER) stream.abort();
}

async function countAgain() {
  try {
    if (stream && !document.hidden) await counts();
  } catch {
    // The stream tells what is the matter.
  }
}

for (const choice of choices) choice.addEventListener("change", countAgain);
setInterval(countAgain, COUNTS_EVERY);
setInterval(watch, 1000);
goOn();
