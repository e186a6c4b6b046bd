// Agents: what the server has seen of each client that calls its APIs.

import { h, ask, empty } from "./dom.js";
import { ago, count, many, size, clock, day } from "./formats.js";

export class AgentsView {
  constructor() { this.element = h("div", { class: "page" }); }

  async open() { await this.refresh(); }

  async refresh() {
    const health = await ask("agents");
    const bar = h("div", { class: "bar" }, h("h1", {}, "Agents", h("small", {}, `Every client of the APIs since ${day(health.since)}, ${clock(health.since)}`)));
    if (!health.clients.length) {
      this.element.replaceChildren(bar, h("div", { class: "card" }, empty("Nobody has called yet", "Agents, SDKs and the AWS CLI show up here with their first request.")));
      return;
    }
    this.element.replaceChildren(bar, ...health.clients.map((c) => this.client(c, health.now)), ...this.refusals(health.refusals));
  }

  client(c, now) {
    const quiet = (now - c.lastSeen) / 1000;
    const [state, says] = quiet < 120 ? ["good", "reporting"] : quiet < 900 ? ["warn", "quiet"] : ["", "silent"];
    const facts = [
      ["Metric data", c.data ? count(c.data) : "–"], ["Last PutMetricData", ago(c.lastPutMetricData, now)],
      ["Log events", c.events ? count(c.events) : "–"], ["Last PutLogEvents", ago(c.lastPutLogEvents, now)],
      ["Requests", count(sum(c.requests))], ["Received", size(c.bytes)]];
    return h("article", { class: "card agent" },
      h("header", {}, h("span", { class: "dot " + state, title: says }), h("h2", {}, shortName(c.userAgent)), h("span", {}, `${c.host} · ${says} · ${ago(c.lastSeen, now)}`)),
      h("p", { class: "ua" }, c.userAgent || "no User-Agent"),
      h("dl", { class: "facts" }, facts.map(([term, text]) => h("div", {}, h("dt", {}, term), h("dd", {}, text)))),
      h("div", { class: "chips" },
        entries(c.errors).map(([code, n]) => h("span", { class: "chip bad" }, `${code} × ${count(n)}`)),
        entries(c.rejected).map(([why, n]) => h("span", { class: "chip warn" }, `${many(n, "event")} ${why}`)),
        entries(c.requests).map(([op, n]) => h("span", { class: "chip" }, `${op} ${count(n)}`))));
  }

  refusals(list) {
    if (!list.length) return [];
    return [h("h2", { class: "section" }, "Refused lately"), h("div", { class: "card table" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Time", "Operation", "Code", "What was wrong"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, list.slice(0, 50).map((r) => h("tr", {}, h("td", { class: "num" }, clock(r.at)), h("td", {}, r.operation), h("td", {}, r.code), h("td", {}, r.message)))))) ];
  }
}

const entries = (map) => Object.entries(map).sort((a, b) => b[1] - a[1]);
const sum = (map) => Object.values(map).reduce((a, b) => a + b, 0);

/** The part of a User-Agent that says who it is: an SDK names its application last. */
function shortName(agent) {
  const app = agent.match(/\bapp\/(\S+)/);
  if (app) return app[1];
  const first = agent.split(" ")[0] || "unnamed client";
  const names = { "aws-cli": "AWS CLI", Boto3: "AWS SDK for Python", Botocore: "AWS SDK for Python", "aws-sdk-go-v2": "AWS SDK for Go" };
  const [name, version] = first.split("/");
  return [names[name] ?? name, version].filter(Boolean).join(" ");
}
