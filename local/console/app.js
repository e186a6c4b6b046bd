// The page's frame: which view the address names, and the beat that keeps it fresh.

import { h, empty } from "./dom.js";
import { clock } from "./formats.js";
import { MetricsView } from "./metrics.js";
import { LogsView } from "./logs.js";
import { AgentsView } from "./agents.js";
import { ParametersView } from "./parameters.js";

const views = { metrics: MetricsView, logs: LogsView, agents: AgentsView, parameters: ParametersView };
const place = document.getElementById("view");
const pulse = document.getElementById("pulse");
const beat = 5000;

let current = null;

/** Reads "#/logs?group=g&stream=s". */
function address() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { name: path in views ? path : "metrics", query: new URLSearchParams(query || "") };
}

/** Changes the address; a link to it shows the same. */
export function go(name, query, replace) {
  const hash = "#/" + name + ([...query].length ? "?" + query : "");
  if (replace) history.replaceState(null, "", hash);
  else location.hash = hash;
}

async function route() {
  const { name, query } = address();
  if (!current || current.name !== name) {
    current?.view.leave?.();
    const view = new views[name]();
    current = { name, view };
    place.replaceChildren(view.element);
    document.title = name[0].toUpperCase() + name.slice(1) + " · CloudWatch on this machine";
    for (const a of document.querySelectorAll("[data-tab]")) {
      if (a.dataset.tab === name) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    }
  }
  await tell(() => current.view.open(query));
}

/** Runs what asks the server, and shows by the pulse whether it answers. */
async function tell(work) {
  try {
    await work();
    pulse.className = "pulse good";
    pulse.lastChild.textContent = "updated " + clock(Date.now());
  } catch (e) {
    if (e.name === "AbortError") return;
    pulse.className = "pulse bad";
    pulse.lastChild.textContent = e instanceof TypeError ? "not answering" : e.message;
    if (!(e instanceof TypeError) && current?.view.failed) current.view.failed(e);
  }
}

function refresh() {
  if (!document.hidden && current?.view.refresh) tell(() => current.view.refresh());
}

window.addEventListener("hashchange", route);
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, beat);
if (!window.EventSource) place.replaceChildren(h("div", {}, empty("This browser is too old", "Live tail needs server-sent events.")));
else route();
