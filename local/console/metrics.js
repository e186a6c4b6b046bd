// Metrics: a list to choose from, and either an overview of everything or a chart of what is chosen.

import { h, ask, dimensions, empty } from "./dom.js";
import { value, ago, many } from "./formats.js";
import { Chart } from "./chart.js";
import { Overview } from "./overview.js";
import { go } from "./app.js";

export const statistics = ["Average", "Minimum", "Maximum", "Sum", "SampleCount", "p50", "p90", "p99"];
const ranges = [[300, "5m"], [900, "15m"], [3600, "1h"], [10800, "3h"], [43200, "12h"], [86400, "1d"], [604800, "1w"]];
const periods = [[0, "Auto period"], [1, "1 s"], [5, "5 s"], [10, "10 s"], [30, "30 s"], [60, "1 min"], [300, "5 min"], [900, "15 min"], [3600, "1 h"], [21600, "6 h"], [86400, "1 d"]];
const most = 20;

/** A metric's key in links: its names, not the number that this server happens to give it. */
export const keyOf = (m) => JSON.stringify([m.namespace, m.name, ...m.dimensions.map((d) => [d.Name, d.Value])]);

/** Labels that tell metrics apart: only what differs between them. */
export function labels(metrics) {
  const values = (name) => new Set(metrics.map((m) => m.dimensions.find((d) => d.Name === name)?.Value));
  const sameName = new Set(metrics.map((m) => m.name)).size === 1;
  return metrics.map((m) => {
    const telling = m.dimensions.filter((d) => values(d.Name).size > 1).map((d) => d.Value);
    return [...(sameName && telling.length ? [] : [m.name]), ...telling].join(" · ");
  });
}

export class MetricsView {
  constructor() {
    this.metrics = [];
    this.opened = new Set();
    this.filter = "";
    this.chosen = [];
    this.stat = "Average";
    this.picked = 0; // range in seconds; 0 leaves it to the data
    this.period = 0;
    this.listed = 0;
    this.search = h("input", { type: "search", placeholder: "Search metrics and dimensions", "aria-label": "Search metrics", oninput: () => { this.filter = this.search.value; this.drawList(); this.drawMain(); this.load(); } });
    this.list = h("div", { class: "list" });
    this.main = h("section", { class: "body", "aria-label": "Charts" });
    this.element = h("div", { class: "split metrics" }, h("aside", { class: "side", "aria-label": "Metrics" }, h("div", { class: "search" }, this.search), this.list), this.main);
    this.chart = new Chart({ height: 340 });
    this.overview = new Overview((metrics) => this.choose(metrics.slice(0, most).map(keyOf)));
  }

  async open(query) {
    this.stat = statistics.includes(query.get("stat")) ? query.get("stat") : "Average";
    this.picked = ranges.find(([s]) => s === Number(query.get("range")))?.[0] ?? 0;
    this.period = periods.find(([s]) => s === Number(query.get("period")))?.[0] ?? 0;
    this.chosen = query.getAll("m").slice(0, most);
    await this.loadList();
    this.drawMain();
    await this.load();
  }

  /** What is shown: what was picked, else as much as a young server has. */
  get range() {
    const oldest = Date.now() / 1000 - 280;
    return this.picked || (this.metrics.length && this.metrics.every((m) => m.first > oldest) ? 300 : 900);
  }

  async refresh() {
    if (Date.now() - this.listed > 9000 || !this.metrics.length) await this.loadList();
    await this.load();
  }

  async loadList() {
    this.listed = Date.now();
    this.metrics = await ask("metrics");
    this.byKey = new Map(this.metrics.map((m) => [keyOf(m), m]));
    if (this.opened.size === 0) for (const key of this.chosen) this.opened.add(nameKey(this.byKey.get(key)));
    this.drawList();
    if (this.main.firstChild && this.drawn !== this.metrics.length + "/" + this.range) this.drawMain();
  }

  /** What the search leaves. */
  visible() {
    const words = this.filter.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return this.metrics;
    return this.metrics.filter((m) => {
      const text = (m.namespace + " " + m.name + " " + m.dimensions.map((d) => d.Name + "=" + d.Value).join(" ")).toLowerCase();
      return words.every((w) => text.includes(w));
    });
  }

  drawList() {
    const visible = this.visible();
    if (!visible.length) {
      this.list.replaceChildren(empty(this.metrics.length ? "Nothing matches" : "No metrics yet", this.metrics.length ? "Search looks at namespaces, names and dimensions." : "They appear with the first PutMetricData."));
      return;
    }
    const scroll = this.list.scrollTop;
    this.list.replaceChildren(...[...groupBy(visible, (m) => m.namespace)].map(([namespace, metrics]) =>
      h("section", {}, h("h2", { class: "namespace" }, namespace, h("span", { class: "num" }, String(metrics.length))),
        [...groupBy(metrics, (m) => m.name)].sort(byFirst).map(([name, list]) => this.drawName(name, list)))));
    this.list.scrollTop = scroll;
  }

  drawName(name, list) {
    const key = nameKey(list[0]);
    const open = this.opened.has(key) || (this.filter !== "" && list.length <= 8);
    const toggle = () => { if (this.opened.has(key)) this.opened.delete(key); else this.opened.add(key); this.drawList(); };
    return h("div", { class: "name" },
      h("button", { type: "button", "aria-expanded": String(open), onclick: toggle }, h("span", {}, name), h("span", { class: "num" }, String(list.length))),
      open && list.slice(0, 200).map((m) => h("label", { class: "pick" },
        h("input", { type: "checkbox", checked: this.chosen.includes(keyOf(m)), onchange: () => this.toggle(keyOf(m)) }), dimensions(m.dimensions))),
      open && list.length > 200 && h("p", { class: "pick muted" }, `and ${list.length - 200} more: search for one`));
  }

  toggle(key) {
    this.choose(this.chosen.includes(key) ? this.chosen.filter((k) => k !== key) : [...this.chosen, key].slice(-most));
  }

  choose(keys) {
    this.chosen = keys;
    this.settle();
  }

  /** Puts what is shown into the address, which shows it. */
  settle() {
    const query = new URLSearchParams();
    if (this.stat !== "Average") query.set("stat", this.stat);
    if (this.picked) query.set("range", this.picked);
    if (this.period) query.set("period", this.period);
    for (const key of this.chosen) query.append("m", key);
    go("metrics", query);
  }

  drawMain() {
    this.drawn = this.metrics.length + "/" + this.range;
    const picked = this.chosen.map((k) => this.byKey.get(k));
    const known = picked.filter(Boolean);
    const title = this.chosen.length === 0 ? "Everything, at a glance" : new Set(known.map((m) => m.name)).size === 1 ? known[0].name : many(this.chosen.length, "metric");
    const subtitle = this.chosen.length === 0 ? many(this.metrics.length, "metric") : [...new Set(known.map((m) => m.namespace))].join(", ");
    const heading = h("h1", {}, title, h("small", {}, subtitle));
    const back = this.chosen.length > 0 && h("button", { type: "button", class: "button", onclick: () => this.choose([]) }, "← Overview");
    const bar = h("div", { class: "bar" }, back, heading, this.select("Statistic", statistics.map((s) => [s, s]), this.stat, (v) => { this.stat = v; }),
      this.chosen.length > 0 && this.select("Period", periods, this.period, (v) => { this.period = Number(v); }),
      h("div", { class: "ranges", role: "group", "aria-label": "Range" }, ranges.map(([s, name]) => h("button", { type: "button", "aria-pressed": String(s === this.range), onclick: () => { this.picked = s; this.settle(); } }, name))));
    if (!this.metrics.length) {
      this.main.replaceChildren(bar, h("div", { class: "card" }, empty("Waiting for the first metric", "Point an agent or the AWS CLI at this address, with any credentials.", `aws --endpoint-url ${location.origin} cloudwatch put-metric-data --namespace Demo --metric-name visits --value 1`)));
    } else if (!this.chosen.length) {
      this.main.replaceChildren(bar, this.overview.element);
      this.overview.arrange(this.visible());
    } else if (!known.length) {
      this.table = null;
      this.main.replaceChildren(bar, h("div", { class: "card" }, empty("There is no such metric", "The link may be old, or the metric of another server. It shows up here with its first datum.", this.chosen.map(nameOf).join("\n"))));
    } else {
      this.table = h("div", {});
      this.main.replaceChildren(bar, h("div", { class: "card" }, this.chart.element, this.table));
    }
  }

  select(label, options, chosen, set) {
    return h("select", { "aria-label": label, onchange: (e) => { set(e.target.value); this.settle(); } }, options.map(([v, name]) => h("option", { value: v, selected: v === chosen }, name)));
  }

  /** Asks for what is on the screen. */
  async load() {
    if (!this.metrics.length) return;
    const to = Math.floor(Date.now() / 1000) + 1;
    if (!this.chosen.length) {
      await this.overview.load({ from: to - this.range, to, stat: this.stat });
      return;
    }
    const metrics = this.chosen.map((k) => this.byKey.get(k)).filter(Boolean);
    if (!metrics.length) return;
    const period = this.period || autoPeriod(this.range, metrics, 240);
    const asked = this.chosen.join();
    const answer = await ask("series", { metric: metrics.map((m) => m.id), stat: this.stat, period, from: to - this.range, to });
    if (asked !== this.chosen.join() || !this.table) return; // something else has been chosen meanwhile
    const units = new Set(metrics.map((m) => m.unit));
    const unit = this.stat === "SampleCount" ? "Count" : units.size === 1 ? metrics[0].unit : "None";
    const names = labels(metrics);
    const series = answer.series.map((s, i) => ({ label: names[i], colour: i, points: s.points, hidden: s.hidden, metric: metrics[i] }));
    this.chart.show({ from: answer.from, to: answer.to, period: answer.period, unit, series });
    this.drawLegend(series, units.size > 1, period);
  }

  drawLegend(series, mixed, period) {
    const cell = (n, s) => h("td", {}, n === undefined ? "–" : value(n, this.stat === "SampleCount" ? "Count" : s.metric.unit));
    const rows = series.map((s) => {
      const v = s.points.map((p) => p[1]);
      return h("tr", {}, h("td", {}, h("div", { class: "key" }, h("span", { class: `swatch s${s.colour % 10}` }), h("span", {}, s.metric.name, h("small", {}, dimensions(s.metric.dimensions))))),
        cell(v.at(-1), s), cell(v.length ? Math.min(...v) : undefined, s), cell(v.length ? Math.max(...v) : undefined, s), cell(v.length ? v.reduce((a, b) => a + b, 0) / v.length : undefined, s),
        h("td", {}, h("button", { type: "button", class: "close", "aria-label": "Remove " + s.label, onclick: () => this.toggle(keyOf(s.metric)) }, "×")));
    });
    const notes = [`${this.stat} over ${periods.find(([p]) => p === period)?.[1] ?? period + " s"}.`];
    if (mixed) notes.push("These metrics have different units: the axis shows bare numbers.");
    if (series.some((s) => s.hidden)) notes.push("Some data cannot show this statistic: statistic sets hide their values, and negative values have no percentiles.");
    const unknown = this.chosen.length - series.length;
    if (unknown) notes.push(unknown === 1 ? "One more metric is in the link, but not on this server." : `${unknown} more metrics are in the link, but not on this server.`);
    if (series.every((s) => !s.points.length)) notes.push("No data in this range; the newest is from " + ago(Math.max(0, ...series.map((s) => s.metric.last)) * 1000, Date.now()) + ".");
    this.table.replaceChildren(h("table", { class: "legend" }, h("thead", {}, h("tr", {}, ["Metric", "Last", "Min", "Max", "Mean", ""].map((t) => h("th", { scope: "col" }, t)))), h("tbody", {}, rows)), h("p", { class: "note" }, notes.join(" ")));
  }
}

/** The shortest period that keeps a line within so many points; standard resolution has minutes. */
export function autoPeriod(range, metrics, points) {
  const floor = metrics.every((m) => m.resolution >= 60) || range > 10800 ? 60 : 1;
  return periods.map(([s]) => s).find((s) => s >= floor && range / s <= points) || 86400;
}

/** A key as one reads it, for a metric that is not there. */
function nameOf(key) {
  try {
    const [namespace, name, ...pairs] = JSON.parse(key);
    return [namespace, name, ...pairs.map(([k, v]) => k + "=" + v)].join(" ");
  } catch {
    return key; // not one of ours
  }
}

function nameKey(m) { return m ? m.namespace + "\n" + m.name : ""; }

const byFirst = (a, b) => a[0].localeCompare(b[0]);

export function groupBy(list, key) {
  const groups = new Map();
  for (const item of list) {
    const k = key(item);
    if (!groups.has(k)) groups.set(k, []);
    groups.get(k).push(item);
  }
  return groups;
}
