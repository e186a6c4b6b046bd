// Parameters: what lies in Parameter Store, such as the configurations that the wizard has stored there.

import { h, ask, empty } from "./dom.js";
import { clock, day, many, size } from "./formats.js";

export class ParametersView {
  constructor() {
    this.element = h("div", { class: "page" });
    this.unfolded = new Set();
  }

  async open() { await this.refresh(); }

  async refresh() {
    const list = await ask("parameters");
    const seen = JSON.stringify(list);
    if (seen === this.seen) return; // whoever is selecting text goes on
    this.seen = seen;
    const bar = h("div", { class: "bar" }, h("h1", {}, "Parameters", h("small", {}, list.length ? many(list.length, "parameter") + " of SSM Parameter Store" : "SSM Parameter Store")));
    if (list.length) this.element.replaceChildren(bar, ...list.map((p) => this.parameter(p)));
    else this.element.replaceChildren(bar, h("div", { class: "card" }, empty("No parameters yet", "Store one with the AWS CLI, or with the wizard.",
      `aws --endpoint-url ${location.origin} ssm put-parameter --name AmazonCloudWatch-linux --type String --value file://config.json`)));
  }

  parameter(p) {
    const fold = (event) => { if (event.target.open) this.unfolded.add(p.name); else this.unfolded.delete(p.name); };
    const value = p.value === null
      ? h("p", { class: "muted" }, "A SecureString is not shown here. The service encrypts it; this store keeps it in the clear.")
      : h("details", { open: this.unfolded.has(p.name), ontoggle: fold }, h("summary", {}, "Value"), h("pre", {}, p.value));
    return h("article", { class: "card agent parameter" },
      h("header", {}, h("h2", {}, p.name), h("span", {}, `${day(p.modified)}, ${clock(p.modified)}`)),
      p.description && h("p", { class: "ua" }, p.description),
      h("div", { class: "chips" }, [p.type, "version " + p.version, p.tier, size(p.bytes)].map((text) => h("span", { class: "chip" }, text))),
      value);
  }
}
