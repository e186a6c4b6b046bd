// How numbers, sizes and times are written.

const binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const bytesOf = { Bytes: 1, Kilobytes: 1024, Megabytes: 1024 ** 2, Gigabytes: 1024 ** 3, Terabytes: 1024 ** 4 };
const secondsOf = { Seconds: 1, Milliseconds: 1e-3, Microseconds: 1e-6 };

/** A size in bytes. */
export function size(bytes) {
  let i = 0;
  let n = Math.abs(bytes);
  while (n >= 1024 && i < binary.length - 1) { n /= 1024; i++; }
  return (bytes < 0 ? "−" : "") + plain(n, i === 0 ? 0 : undefined) + " " + binary[i];
}

/** A whole number with separators. */
export const count = (n) => Math.round(n).toLocaleString("en-US");

/** So many of something: "1 metric", "1,200 metrics". */
export const many = (n, what) => count(n) + " " + what + (n === 1 ? "" : "s");

function plain(n, digits) {
  const a = Math.abs(n);
  if (digits === undefined) digits = a >= 100 || Number.isInteger(n) ? 0 : a >= 10 ? 1 : a >= 1 ? 2 : a >= 0.01 ? 3 : 5;
  return Number(n.toFixed(digits)).toLocaleString("en-US", { maximumFractionDigits: digits }).replace("-", "−");
}

function short(n) {
  const a = Math.abs(n);
  if (a !== 0 && (a < 1e-4 || a >= 1e15)) return n.toExponential(2);
  for (const [step, sign] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (a >= step) return plain(n / (step === 1e4 ? 1e3 : step)) + sign;
  }
  return plain(n);
}

/** A value with its CloudWatch unit, such as "41.2 %", "3.1 GiB" or "12 ms". */
export function value(n, unit) {
  const [what, per] = unit.split("/");
  const suffix = per ? "/s" : "";
  if (what in bytesOf) return size(n * bytesOf[what]) + suffix;
  if (what in secondsOf) return duration(n * secondsOf[what]);
  if (what === "Percent") return plain(n) + " %";
  if (what.endsWith("bits") || what === "Bits") return short(n) + " " + what + suffix;
  return short(n) + suffix;
}

/** A value with nothing rounded away, for where neighbours differ by little. */
export function exact(n, unit) {
  const text = Number(n.toPrecision(12)).toLocaleString("en-US", { maximumFractionDigits: 9 }).replace("-", "−");
  return unit === "None" || unit === "Count" ? text : text + " " + (unit === "Percent" ? "%" : unit);
}

function duration(s) {
  const a = Math.abs(s);
  if (a === 0) return "0 s";
  if (a < 1e-3) return plain(s * 1e6) + " µs";
  if (a < 1) return plain(s * 1e3) + " ms";
  if (a < 120) return plain(s) + " s";
  if (a < 7200) return plain(s / 60) + " min";
  return a < 172800 ? plain(s / 3600) + " h" : plain(s / 86400) + " d";
}

/** How an axis is marked: which numbers are round in this unit. */
export function isBinary(unit) { return unit.split("/")[0] in bytesOf; }

const two = (n) => String(n).padStart(2, "0");

/** A time of day, with milliseconds for log events. */
export function clock(ms, fine) {
  const d = new Date(ms);
  const text = two(d.getHours()) + ":" + two(d.getMinutes()) + ":" + two(d.getSeconds());
  return fine ? text + "." + String(d.getMilliseconds()).padStart(3, "0") : text;
}

/** A day, such as "Fri 20 Nov 2026". */
export function day(ms) {
  return new Date(ms).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric" });
}

/** A mark on a time axis, as fine as the distance between marks needs. */
export function timeMark(ms, stepMs) {
  const d = new Date(ms);
  if (stepMs >= 86400e3) return d.getDate() + " " + d.toLocaleDateString("en-GB", { month: "short" });
  const time = two(d.getHours()) + ":" + two(d.getMinutes());
  return stepMs < 60e3 ? time + ":" + two(d.getSeconds()) : time;
}

/** How long ago a time was. */
export function ago(ms, now) {
  if (!ms) return "never";
  const s = Math.max(0, Math.round((now - ms) / 1000));
  if (s < 2) return "just now";
  if (s < 90) return s + " s ago";
  if (s < 5400) return Math.round(s / 60) + " min ago";
  return s < 129600 ? Math.round(s / 3600) + " h ago" : Math.round(s / 86400) + " d ago";
}
