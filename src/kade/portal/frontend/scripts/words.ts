// What is said, in the language of the page: the server brings the texts.
type Text = string | { one: string; other: string };
type Values = Record<string, string | number>;

const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "{}") as Record<string, Text>;
const code = document.documentElement.lang;

/** The text of a key with values in its places; `n` among them chooses between one and many. */
export function say(key: string, values: Values = {}): string {
  const text = texts[key] ?? key;
  const chosen = typeof text === "string" ? text : values["n"] === 1 ? text.one : text.other;
  return chosen.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** Bytes as people write them, rounded down as the server does. */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit + 1 < units.length) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 100 ? 1 : 0;
  const factor = 10 ** digits;
  const cut = Math.floor(value * factor + 1e-9) / factor;
  return `${new Intl.NumberFormat(code, { maximumFractionDigits: digits }).format(cut)} ${units[unit]}`;
}

/** A part of one as a percentage; whole only when it is. */
export function percent(part: number): string {
  const cut = part >= 1 ? 1 : Math.min(0.99, Math.floor(part * 100) / 100);
  return new Intl.NumberFormat(code, { style: "percent" }).format(cut);
}

/** How long it still takes, in words. */
export function left(seconds: number): string {
  if (seconds < 60) return say("left_seconds", { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return say("left_minutes", { n: Math.round(seconds / 60) });
  return say("left_hours", { n: Math.round(seconds / 3600) });
}

let last = "";

/** Have a screen reader say something when it is through with what it says. */
export function announce(text: string): void {
  const said = document.getElementById("said");
  if (!said || text === last) return;
  last = text;
  said.textContent = text;
}
