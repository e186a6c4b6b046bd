// Making elements. Text is always set as text: nothing from a log line or a metric's name is ever
// read as HTML.

/** Makes an element: h("a", {class: "x", href: "#", onclick: f}, "text", child, …). */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** Makes an SVG element. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

/** Says that there is nothing, and what to do about it. */
export function empty(title, text, code) {
  return h("div", { class: "empty" }, h("h2", {}, title), text && h("p", {}, text), code && h("code", {}, code));
}

/** Dimensions as name=value pairs. */
export function dimensions(list) {
  if (!list.length) return h("span", { class: "dims muted" }, "no dimensions");
  return h("span", { class: "dims" }, list.map((d) => h("span", {}, h("b", {}, d.Name + " "), d.Value)));
}

/** Asks the server. An answer that is not a success becomes an Error with its sentence. */
export async function ask(path, query = {}, signal) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) search.append(name, one);
  }
  const response = await fetch("/api/" + path + "?" + search, { signal, headers: { accept: "application/json" } });
  const body = await response.json().catch(() => ({ error: response.statusText }));
  if (!response.ok) throw new Error(body.error || response.statusText);
  return body;
}
