// Logs: groups, their streams, and events with search and live tail.

import { h, ask, empty } from "./dom.js";
import { size, clock, day, ago, many } from "./formats.js";
import { go } from "./app.js";

const mostLines = 3000;

export class LogsView {
  constructor() {
    this.groups = [];
    this.streams = [];
    this.live = true;
    this.find = h("input", { type: "search", placeholder: "Find a log group", "aria-label": "Find a log group", oninput: () => this.drawList() });
    this.list = h("div", { class: "list" });
    this.main = h("section", { class: "log", "aria-label": "Log events" });
    this.element = h("div", { class: "split logs" }, h("aside", { class: "side", "aria-label": "Log groups" }, h("div", { class: "search" }, this.find), this.list), this.main);
    this.lines = h("div", { class: "lines", tabindex: "0", role: "log", "aria-label": "Events", onscroll: () => this.followed() });
    this.jump = h("button", { type: "button", class: "button jump", hidden: true, onclick: () => this.toEnd() }, "↓ Newest");
    this.liveButton = h("button", { type: "button", class: "button", "aria-pressed": "true", onclick: () => this.setLive(!this.tail) }, h("span", { class: "dot" }), "Live");
    this.query = h("input", { type: "search", class: "query", placeholder: 'Search: "404" -robots ?error ?warn', "aria-label": "Search events", onchange: () => this.settle() });
  }

  async open(query) {
    this.group = query.get("group") || "";
    this.stream = query.get("stream") || "";
    this.q = query.get("q") || "";
    await this.loadList();
    if (!this.group && this.groups.length) {
      this.group = this.groups[0].name;
      this.streams = await ask("streams", { group: this.group });
      this.drawList();
    }
    await this.openEvents();
  }

  leave() { this.stopTail(); }

  async refresh() {
    await this.loadList();
    if (!this.group && this.groups.length) await this.open(new URLSearchParams());
    else if (this.absent && this.isThere()) await this.openEvents();
  }

  async loadList() {
    this.groups = await ask("groups");
    this.streams = this.groups.some((g) => g.name === this.group) ? await ask("streams", { group: this.group }) : [];
    this.drawList();
  }

  drawList() {
    const text = this.find.value.toLowerCase();
    const visible = this.groups.filter((g) => g.name.toLowerCase().includes(text));
    if (!visible.length) {
      this.list.replaceChildren(empty(this.groups.length ? "Nothing matches" : "No log groups yet", this.groups.length ? "" : "They appear with the first CreateLogGroup."));
      return;
    }
    const now = Date.now();
    const scroll = this.list.scrollTop;
    this.list.replaceChildren(...visible.map((g) => h("div", { class: "group" },
      h("a", { href: link(g.name), "aria-current": g.name === this.group && !this.stream ? "true" : null }, g.name,
        h("small", {}, [size(g.bytes), g.retention ? many(g.retention, "day") : "never expires", g.class === "STANDARD" ? "" : g.class.toLowerCase().replace("_", " ")].filter(Boolean).join(" · "))),
      g.name === this.group && h("div", { class: "streams" }, this.streams.slice(0, 300).map((s) =>
        h("a", { class: "stream", href: link(g.name, s.name), "aria-current": s.name === this.stream ? "true" : null }, s.name, h("small", {}, s.last ? "last event " + ago(s.last, now) : "no events")))))));
    this.list.scrollTop = scroll;
  }

  settle() {
    const query = new URLSearchParams({ group: this.group });
    if (this.stream) query.set("stream", this.stream);
    if (this.query.value) query.set("q", this.query.value);
    go("logs", query);
  }

  /** Shows the newest events and follows what comes. */
  async openEvents() {
    this.absent = false;
    this.stopTail();
    if (!this.group) {
      this.main.replaceChildren(h("div", { class: "card" }, empty("Waiting for the first log group", "Point an agent or the AWS CLI at this address, with any credentials.", `aws --endpoint-url ${location.origin} logs create-log-group --log-group-name demo`)));
      return;
    }
    this.query.value = this.q;
    const title = h("h1", {}, this.stream || "All streams", h("small", {}, this.group));
    this.main.replaceChildren(h("div", { class: "bar" }, title, this.query, this.liveButton), h("div", { class: "card events" }, this.lines, this.jump));
    const asked = this.asked();
    const page = await ask("events", { group: this.group, stream: this.stream, q: this.q });
    if (asked !== this.asked()) return;
    this.terms = searchTerms(this.q);
    this.older = page.older;
    this.last = page.last;
    this.lines.replaceChildren(...this.withDays(page.events), ...(page.events.length ? [] : [this.nothing()]));
    this.drawOlder();
    this.toEnd();
    if (this.live) this.startTail();
  }

  /** Tells whether the list has the group and the stream that the address names. */
  isThere() {
    return this.groups.some((g) => g.name === this.group) && (!this.stream || this.streams.some((s) => s.name === this.stream));
  }

  asked() { return [this.group, this.stream, this.q].join("\n"); }

  failed(error) {
    this.absent = !this.isThere();
    this.stopTail();
    this.lines.replaceChildren(empty("This cannot be shown", error.message));
  }

  nothing() {
    return this.q ? empty("Nothing matches", "Words must all occur, as written; “quotes” keep a phrase, -word excludes, ?word ?other takes either.") : empty("No events yet", "New ones appear here as they arrive.");
  }

  drawOlder() {
    this.lines.querySelector(".older")?.remove();
    if (!this.older) return;
    this.lines.prepend(h("button", { type: "button", class: "button older", onclick: () => this.loadOlder() }, "Older events"));
  }

  async loadOlder() {
    const page = await ask("events", { group: this.group, stream: this.stream, q: this.q, before: this.older });
    const height = this.lines.scrollHeight;
    this.older = page.older;
    this.lines.querySelector(".older")?.remove();
    this.lines.querySelector(".empty")?.remove();
    this.lines.prepend(...this.withDays(page.events));
    this.drawOlder();
    this.lines.scrollTop += this.lines.scrollHeight - height;
  }

  /** Events with a heading wherever a day begins. */
  withDays(events) {
    const out = [];
    let last = "";
    for (const e of events) {
      const d = day(e.at);
      if (d !== last) out.push(h("p", { class: "day" }, d));
      last = d;
      out.push(this.event(e));
    }
    return out;
  }

  event(e, isNew) {
    return h("div", { class: isNew ? "event new" : "event", "data-day": day(e.at), "data-at": e.at },
      h("time", { datetime: new Date(e.at).toISOString(), title: `${new Date(e.at).toISOString()}\ningested ${new Date(e.ingested).toISOString()}` }, clock(e.at, true)),
      h("p", { class: "message" }, !this.stream && this.streams.length > 1 && h("span", { class: "from" }, e.stream), ...marked(e.message, this.terms ?? []), e.cut > 0 && h("span", { class: "muted" }, ` … ${size(e.cut)} more`)));
  }

  setLive(on) {
    this.live = on;
    if (on) this.openEvents().catch((e) => this.failed(e));
    else this.stopTail();
  }

  startTail() {
    const query = new URLSearchParams({ group: this.group, stream: this.stream, q: this.q, after: this.last });
    this.tail = new EventSource("/api/tail?" + query);
    this.tail.onmessage = (m) => this.arrive(JSON.parse(m.data));
    this.tail.onerror = () => this.showLive();
    this.showLive();
  }

  stopTail() {
    this.tail?.close();
    this.tail = null;
    this.showLive();
  }

  /** The button is green only while new events would really be seen. */
  showLive() {
    this.liveButton.setAttribute("aria-pressed", String(Boolean(this.tail) && this.tail.readyState !== EventSource.CLOSED));
    this.liveButton.disabled = Boolean(this.absent);
  }

  arrive(events) {
    const atEnd = this.atEnd();
    this.lines.querySelector(".empty")?.remove();
    for (const e of events) this.insert(e);
    const rows = this.lines.querySelectorAll(".event");
    if (atEnd) for (let i = 0; i < rows.length - mostLines; i++) rows[i].remove();
    if (atEnd) this.toEnd();
    else this.jump.hidden = false;
  }

  /** Puts a new event where its time belongs: some come late. */
  insert(e) {
    let before = this.lines.lastElementChild;
    while (before && !(before.matches(".event") && Number(before.dataset.at) <= e.at)) before = before.previousElementSibling;
    if (!before && this.older) return; // older than all that is shown: it comes with the older ones
    const next = before ? before.nextElementSibling : this.lines.firstElementChild;
    const heading = day(e.at);
    const row = this.event(e, true);
    if (before?.dataset.day === heading) before.after(row);
    else if (next?.matches(".day") && next.textContent === heading) next.after(row);
    else if (next) next.before(h("p", { class: "day" }, heading), row);
    else this.lines.append(h("p", { class: "day" }, heading), row);
  }

  atEnd() { return this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < 60; }

  toEnd() {
    this.lines.scrollTop = this.lines.scrollHeight;
    this.jump.hidden = true;
  }

  followed() { if (this.atEnd()) this.jump.hidden = true; }
}

function link(group, stream) {
  const query = new URLSearchParams({ group });
  if (stream) query.set("stream", stream);
  return "#/logs?" + query;
}

/** The words of a search that a matching line contains. */
function searchTerms(q) {
  const terms = [];
  for (const [, sign, quoted, word] of q.matchAll(/([-?]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)) {
    const term = quoted !== undefined ? quoted.replace(/\\(["\\])/g, "$1") : word;
    if (sign !== "-" && term) terms.push(term);
  }
  return terms;
}

/** A message with its matches marked. */
function marked(message, terms) {
  if (!terms.length) return [message];
  const pattern = new RegExp(terms.map((t) => t.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "g");
  const out = [];
  let from = 0;
  for (const m of message.matchAll(pattern)) {
    out.push(message.slice(from, m.index), h("mark", {}, m[0]));
    from = m.index + m[0].length;
  }
  out.push(message.slice(from));
  return out;
}
