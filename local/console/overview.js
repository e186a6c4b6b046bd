// The overview: a small chart for each metric name, with a line for each of its dimensions.

import { h, ask, empty } from "./dom.js";
import { count, many, value } from "./formats.js";
import { Chart } from "./chart.js";
import { autoPeriod, groupBy, keyOf, labels } from "./metrics.js";

const mostCards = 36;
const mostLines = 5;

export class Overview {
  constructor(choose) {
    this.choose = choose;
    this.cards = new Map();
    this.order = "";
    this.element = h("div", {});
  }

  /** Lays out cards for these metrics; those that stay keep their charts. */
  arrange(metrics) {
    const names = [...groupBy(metrics, (m) => m.namespace + "\n" + m.name)].sort((a, b) => a[0].localeCompare(b[0]));
    const shown = names.slice(0, mostCards);
    for (const [key, list] of shown) {
      if (!this.cards.has(key)) this.cards.set(key, this.card(list[0].name));
      const card = this.cards.get(key);
      card.metrics = list;
      card.element.href = "#/metrics?" + new URLSearchParams(list.slice(0, 20).map((m) => ["m", keyOf(m)]));
    }
    this.shown = shown.map(([key]) => this.cards.get(key));
    const order = shown.map(([key]) => key).join("\n\n") + names.length;
    if (order === this.order) return;
    this.order = order;
    if (!shown.length) {
      this.element.replaceChildren(h("div", { class: "card" }, empty("Nothing matches", "Search looks at namespaces, names and dimensions.")));
      return;
    }
    this.element.replaceChildren(...[...groupBy(this.shown, (c) => c.metrics[0].namespace)].flatMap(([namespace, cards]) => [
      h("h2", { class: "grid-title" }, namespace), h("div", { class: "grid-cards" }, cards.map((c) => c.element))]),
    names.length > mostCards && h("p", { class: "note" }, `${many(names.length - mostCards, "more name")} in the list; search narrows both.`) || "");
  }

  card(name) {
    const card = { chart: new Chart({ height: 132, compact: true }), metrics: [] };
    card.latest = h("b", {});
    card.footer = h("footer", {});
    card.element = h("a", { class: "card mini", href: "#/metrics", onclick: (e) => { if (!e.metaKey && !e.ctrlKey) { e.preventDefault(); this.choose(card.metrics); } } },
      h("header", {}, h("h3", {}, name), card.latest), card.chart.element, card.footer);
    return card;
  }

  async load({ from, to, stat }) {
    const cards = this.shown ?? [];
    const wanted = cards.flatMap((c) => c.metrics.slice(0, mostLines));
    if (!wanted.length) return;
    const period = autoPeriod(to - from, wanted, 90);
    const answer = await ask("series", { metric: wanted.map((m) => m.id), stat, period, from, to });
    const points = new Map(answer.series.map((s) => [s.id, s.points]));
    for (const card of cards) {
      const unit = stat === "SampleCount" ? "Count" : card.metrics[0].unit;
      const lines = card.metrics.slice(0, mostLines);
      const names = labels(lines);
      const series = lines.map((m, i) => ({ label: names[i], colour: i, points: points.get(m.id) ?? [] }));
      card.chart.show({ from: answer.from, to: answer.to, period: answer.period, unit, series });
      const last = series.map((s) => s.points.at(-1)?.[1]).filter((v) => v !== undefined);
      card.latest.textContent = last.length === 1 ? value(last[0], unit) : "";
      const n = card.metrics.length;
      card.footer.textContent = n === 1 ? card.metrics[0].dimensions.map((d) => d.Value).join(" · ") || "no dimensions" : `${count(n)} series` + (n > mostLines ? `, ${mostLines} shown` : "");
    }
  }
}
