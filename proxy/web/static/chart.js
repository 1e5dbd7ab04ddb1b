// Charts over time, in SVG. A chart is drawn anew whenever there are new points; colours are classes of the style sheet.
//
//   chart(figure, { times, step, lines: [{ name, values, bars?, bad? }], format })
//
// times are Unix seconds in steps of `step`, a value may be null for none. With the pointer or the arrow keys one reads
// the values of a time in the line beneath.

import { drawn, element } from "./elements.js";
import { minute } from "./words.js";

const HEIGHT = 170;
const LEFT = 52;
const BOTTOM = 20;
const TOP = 8;
const SHORTEST = 300; // seconds: a daemon that has just started has a chart of some width

const shown = new WeakMap();

export function chart(figure, { times, step, lines, format }) {
  prepare(figure, lines);
  const width = Math.max(200, figure.clientWidth);
  const end = times.at(-1) + step;
  const start = Math.min(times[0], end - SHORTEST);
  const highest = rounded(Math.max(0, ...lines.flatMap((line) => line.values.filter((value) => value !== null))));
  const x = (time) => LEFT + ((time - start) / (end - start)) * (width - LEFT);
  const y = (value) => TOP + (1 - value / highest) * (HEIGHT - TOP - BOTTOM);
  const picture = drawn(
    "svg",
    { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": summary(lines, format) },
    ...grid(highest, width, y, format),
    ...hours(start, end, width, x),
    ...lines.map((line, index) => plotted(line, colour(line, index), times, step, x, y)),
    drawn("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" }),
  );
  const state = { width, times, step, lines, format, x, start, end, at: shown.get(figure)?.at ?? null };
  shown.set(figure, state);
  figure.querySelector(".picture").replaceChildren(picture);
  read(figure);
}

/** What a figure needs once: a place for the picture, the names of its lines, and what reads it. */
function prepare(figure, lines) {
  const names = lines.map((line, index) => element("span", { class: `key ${colour(line, index)}` }, line.name));
  if (!figure.querySelector(".picture")) {
    figure.tabIndex = 0;
    figure.append(element("div", { class: "picture" }), element("p", { class: "legend" }), element("p", { class: "reading soft" }));
    figure.querySelector(".busy")?.remove();
    figure.addEventListener("pointermove", (event) => point(figure, event));
    figure.addEventListener("pointerleave", () => move(figure, null));
    figure.addEventListener("keydown", (event) => step(figure, event));
  }
  figure.querySelector(".legend").replaceChildren(...names);
}

function colour(line, index) {
  return line.bad ? "series-bad" : `series-${index + 1}`;
}

function plotted(line, name, times, step, x, y) {
  const points = times.map((time, index) => [time, line.values[index]]).filter(([, value]) => value !== null);
  if (line.bars) {
    const bars = points.filter(([, value]) => value > 0).map(([time, value]) => {
      const [left, right] = [x(time), x(time + step)];
      return `M${left.toFixed(1)} ${y(0)}V${y(value).toFixed(1)}H${Math.max(right - 0.3, left + 0.8).toFixed(1)}V${y(0)}Z`;
    });
    return drawn("path", { class: `bars ${name}`, d: bars.join("") });
  }
  let last = -Infinity;
  const path = points.map(([time, value]) => {
    // What has no neighbour is a dot: a line of no length, with round ends.
    const begins = time - last > step;
    last = time;
    const place = `${x(time + step / 2).toFixed(1)} ${y(value).toFixed(1)}`;
    return begins ? `M${place}h0` : `L${place}`;
  });
  return drawn("path", { class: `line ${name}`, d: path.join("") });
}

function grid(highest, width, y, format) {
  return [0, 0.5, 1].flatMap((share) => [
    drawn("line", { class: "grid", x1: LEFT, x2: width, y1: y(share * highest), y2: y(share * highest) }),
    drawn("text", { class: "tick", x: LEFT - 6, y: y(share * highest) + 4, "text-anchor": "end" }, format(share * highest)),
  ]);
}

function hours(start, end, width, x) {
  const steps = [60, 120, 300, 600, 900, 3600, 10800, 21600];
  const step = steps.find((seconds) => ((end - start) / seconds) * 46 < width - LEFT) ?? steps.at(-1);
  const marks = [];
  for (let time = Math.ceil(start / step) * step; time < end; time += step) {
    if (x(time) < LEFT + 12 || x(time) > width - 16) continue;
    marks.push(drawn("text", { class: "tick", x: x(time), y: HEIGHT - 4, "text-anchor": "middle" }, minute(time)));
  }
  return marks;
}

function point(figure, event) {
  const { start, end, width } = shown.get(figure);
  const box = figure.querySelector("svg").getBoundingClientRect();
  const along = ((event.clientX - box.left) / box.width) * width - LEFT;
  move(figure, start + (along / (width - LEFT)) * (end - start));
}

function step(figure, event) {
  const { at, times, step: length } = shown.get(figure);
  const by = { ArrowLeft: -length, ArrowRight: length }[event.key];
  if (by) {
    event.preventDefault();
    move(figure, Math.min(times.at(-1), Math.max(times[0], (at ?? times.at(-1)) + by)));
  } else if (event.key === "Escape") move(figure, null);
}

function move(figure, at) {
  shown.get(figure).at = at;
  read(figure);
}

function read(figure) {
  const { at, times, lines, format, x, step: length } = shown.get(figure);
  const cursor = figure.querySelector(".cursor");
  const index = at === null ? -1 : times.findLastIndex((time) => time <= at);
  cursor.setAttribute("visibility", index < 0 ? "hidden" : "visible");
  const reading = figure.querySelector(".reading");
  if (index < 0) {
    reading.textContent = summary(lines, format);
    return;
  }
  const place = x(times[index] + length / 2);
  cursor.setAttribute("x1", place);
  cursor.setAttribute("x2", place);
  const values = lines.map((line) => `${line.name} ${line.values[index] === null ? "–" : format(line.values[index])}`);
  reading.textContent = `${minute(times[index])}: ${values.join(", ")}`;
}

function summary(lines, format) {
  const told = lines.map((line) => {
    const values = line.values.filter((value) => value !== null);
    return values.length ? `${line.name} at most ${format(Math.max(...values))}` : `${line.name} none`;
  });
  return told.join(", ");
}

/** The next round number above: 1, 2 or 5 with zeros. */
function rounded(value) {
  if (!value) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((round) => round >= value * 0.999);
}
