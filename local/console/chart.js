// A time-series chart in SVG. It draws lines over a range of time, marks both axes, and reads out
// the values under the pointer.

import { h, svg } from "./dom.js";
import { exact, value, isBinary, timeMark, clock, day } from "./formats.js";

const colours = 10;

export class Chart {
  /** A compact chart has fewer marks and no read-out of its own colour keys. */
  constructor({ height = 320, compact = false } = {}) {
    this.height = height;
    this.compact = compact;
    this.tip = h("div", { class: "tip", hidden: true });
    this.svg = svg("svg", { role: "img", height });
    this.element = h("figure", { class: "chart" }, this.svg, this.tip);
    this.data = null;
    this.hover = null;
    new ResizeObserver(() => this.draw()).observe(this.element);
    this.svg.addEventListener("pointermove", (e) => this.point(e));
    this.svg.addEventListener("pointerdown", (e) => this.point(e));
    this.svg.addEventListener("pointerleave", () => this.point(null));
  }

  /** Shows {from, to, period, unit, series: [{label, colour, points: [[second, value], …]}]}. */
  show(data) {
    this.data = data;
    this.draw();
  }

  draw() {
    const d = this.data;
    const width = this.svg.clientWidth || this.element.clientWidth - 28;
    if (!d || width <= 0) return;
    const bottom = this.compact ? 20 : 24;
    const scaleY = this.scaleY(d, this.height - bottom - 10);
    const left = this.left(scaleY, d.unit);
    const box = { left, right: width - (this.compact ? 4 : 10), top: 10, bottom: this.height - bottom };
    const x = (t) => box.left + ((t - d.from) / (d.to - d.from)) * (box.right - box.left);
    const y = (v) => box.bottom - ((v - scaleY.min) / (scaleY.max - scaleY.min)) * (box.bottom - box.top);
    this.frame = { box, x, y, width };
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.svg.setAttribute("aria-label", this.describe(d));
    this.svg.replaceChildren(
      ...this.marksY(scaleY, d.unit), ...this.marksX(d),
      ...d.series.flatMap((s) => this.line(s, d, s.colour % colours)),
      (this.cross = svg("g", {})),
    );
    this.readOut();
  }

  scaleY(d, pixels) {
    let min = Infinity;
    let max = -Infinity;
    for (const s of d.series) for (const [, v] of s.points) { min = Math.min(min, v); max = Math.max(max, v); }
    if (min > max) { min = 0; max = 1; }
    if (min >= 0 && (min < max * 0.6 || min === max)) min = 0;
    if (min === max) { max = min === 0 ? 1 : min + Math.abs(min) * 0.2; }
    if (max <= 0 && min < 0) max = 0;
    if (d.unit === "Percent" && min >= 0 && max <= 100 && max > 70) max = 100;
    const marks = Math.max(2, Math.round(pixels / (this.compact ? 44 : 58)));
    const step = roundStep((max - min) / marks, isBinary(d.unit));
    const from = Math.floor(min / step + 1e-9) * step;
    const to = Math.ceil(max / step - 1e-9) * step;
    return { min: from, max: to > from ? to : from + step, step };
  }

  left(scale, unit) {
    return Math.max(...ticks(scale, unit).map(([, label]) => label.length)) * 6.4 + 12;
  }

  marksY(scale, unit) {
    const { box, y } = this.frame;
    return ticks(scale, unit).flatMap(([v, label]) => {
      const at = Math.round(y(v)) + 0.5;
      return [svg("line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at }),
        svg("text", { x: box.left - 8, y: at + 4, "text-anchor": "end" }, label)];
    });
  }

  marksX(d) {
    const { box, x, width } = this.frame;
    const room = Math.max(2, Math.floor((box.right - box.left) / (this.compact ? 72 : 76)));
    const zone = new Date(d.from * 1000).getTimezoneOffset() * 60;
    const timesOf = (step) => {
      const times = [];
      for (let t = Math.ceil((d.from - zone) / step) * step + zone; t <= d.to; t += step) times.push(t);
      return times;
    };
    let i = timeSteps.findIndex((s) => (d.to - d.from) / s <= room);
    if (i < 0) i = timeSteps.length - 1;
    while (i > 0 && timesOf(timeSteps[i]).length < 2) i--; // one mark alone does not tell how long anything is
    const step = timeSteps[i];
    const marks = [svg("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom + 0.5, y2: box.bottom + 0.5 })];
    for (const t of timesOf(step)) {
      const at = x(t);
      const label = timeMark(t * 1000, step * 1000);
      marks.push(svg("line", { class: "axis", x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4 }),
        svg("text", { class: "time", x: Math.min(at, width - label.length * 3.2), y: box.bottom + 16, "text-anchor": "middle" }, label));
    }
    return marks;
  }

  /** A line is broken where data are missing; a point alone is a dot. */
  line(series, d, colour) {
    const { box, x, y } = this.frame;
    const runs = runsOf(series.points, d.period);
    const parts = [];
    let path = "";
    let area = "";
    for (const run of runs) {
      if (run.length === 1) {
        parts.push(svg("circle", { class: `point s${colour}`, cx: x(run[0][0]), cy: y(run[0][1]), r: 2.4 }));
        continue;
      }
      const line = run.map(([t, v]) => `${x(t).toFixed(1)},${y(v).toFixed(1)}`).join("L");
      path += "M" + line;
      area += `M${x(run[0][0]).toFixed(1)},${box.bottom}L${line}L${x(run[run.length - 1][0]).toFixed(1)},${box.bottom}Z`;
    }
    if (path) parts.unshift(svg("path", { class: `line s${colour}`, d: path }));
    if (path && d.series.length === 1) parts.unshift(svg("path", { class: `fill s${colour}`, d: area }));
    return parts;
  }

  point(event) {
    if (!event || !this.frame || !this.data) {
      this.hover = null;
    } else {
      const { box } = this.frame;
      const at = event.clientX - this.svg.getBoundingClientRect().left;
      const share = (at - box.left) / (box.right - box.left);
      this.hover = share < -0.02 || share > 1.02 ? null : this.data.from + share * (this.data.to - this.data.from);
    }
    this.readOut();
  }

  /** Shows the values nearest to where the pointer is. */
  readOut() {
    const near = this.hover === null ? null : nearest(this.data.series, this.hover);
    this.tip.hidden = !near;
    this.cross.replaceChildren();
    if (!near) return;
    const { box, x, y } = this.frame;
    const rows = this.data.series.map((s) => ({ s, v: at(s.points, near, this.data.period / 2) })).filter((r) => r.v !== undefined);
    rows.sort((a, b) => b.v - a.v);
    this.cross.append(svg("line", { class: "cross", x1: x(near), x2: x(near), y1: box.top, y2: box.bottom }),
      ...rows.map((r) => svg("circle", { class: `point s${r.s.colour % colours}`, cx: x(near), cy: y(r.v), r: 3.4 })));
    this.tip.replaceChildren(
      h("p", {}, `${day(near * 1000)}, ${clock(near * 1000)}`),
      h("ul", {}, rows.slice(0, 12).map((r) => h("li", {}, h("span", { class: `swatch s${r.s.colour % colours}` }), h("span", {}, r.s.label), h("b", {}, value(r.v, this.data.unit)))),
        rows.length > 12 && h("li", {}, `and ${rows.length - 12} more`)));
    const inside = this.svg.offsetLeft || 14;
    const place = x(near) + inside;
    const wide = this.tip.offsetWidth;
    const goesRight = place + wide + 18 < this.element.clientWidth;
    this.tip.style.left = Math.max(4, goesRight ? place + 12 : place - wide - 12) + "px";
    this.tip.style.top = "14px";
  }

  describe(d) {
    const points = d.series.reduce((n, s) => n + s.points.length, 0);
    return `${d.series.length} line${d.series.length === 1 ? "" : "s"}, ${points} points, ${clock(d.from * 1000)} to ${clock(d.to * 1000)}`;
  }
}

const timeSteps = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800];

function roundStep(rough, binary) {
  if (binary && rough >= 1) {
    const unit = 1024 ** Math.floor(Math.log(rough) / Math.log(1024));
    return unit * ([1, 2, 5, 10, 20, 50, 100, 200, 256, 512, 1024].find((s) => s * unit >= rough) || 1024);
  }
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 2.5, 5, 10].find((s) => s * power >= rough * 0.999);
}

/** Takes the noise of addition off a mark. */
const tidy = (v, step) => Math.round(v / step) * step;

/** The marks of a value axis with their labels: in full where the short forms would all read the same. */
function ticks(scale, unit) {
  const marks = [];
  for (let v = scale.min; v <= scale.max + scale.step / 2; v += scale.step) marks.push(tidy(v, scale.step));
  const labels = marks.map((v) => value(v, unit));
  const alike = new Set(labels).size < labels.length;
  return marks.map((v, i) => [v, alike ? exact(v, unit) : labels[i]]);
}

function runsOf(points, period) {
  const gaps = points.slice(1).map((p, i) => p[0] - points[i][0]).sort((a, b) => a - b);
  const usual = gaps.length ? gaps[gaps.length >> 1] : period;
  const most = Math.max(usual, period) * 2.6;
  const runs = [];
  let run = [];
  for (const p of points) {
    if (run.length && p[0] - run[run.length - 1][0] > most) { runs.push(run); run = []; }
    run.push(p);
  }
  if (run.length) runs.push(run);
  return runs;
}

function nearest(series, t) {
  let best = null;
  for (const s of series) for (const [at] of s.points) if (best === null || Math.abs(at - t) < Math.abs(best - t)) best = at;
  return best;
}

function at(points, t, slack) {
  let best;
  let distance = Infinity;
  for (const [when, v] of points) {
    const d = Math.abs(when - t);
    if (d <= slack && d < distance) { distance = d; best = v; }
  }
  return best;
}
