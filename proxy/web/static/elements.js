// Elements out of names, attributes and children. Text stays text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/** A row of a table; what is no element yet becomes the text of a cell, in a column of numbers where it is one. */
export function row(...cells) {
  return element("tr", {}, ...cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : td(cell))));
}

export function td(content, attributes = {}) {
  return element("td", attributes, content ?? "–");
}

export function number(content) {
  return td(content, { class: "number" });
}

/** Pairs of a name and what it is; those without a value are left out. */
export function facts(pairs) {
  const told = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", { class: "facts" }, ...told.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}
