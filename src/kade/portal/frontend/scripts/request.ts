// The page of a request: files are dealt to its slots, and sent when everything is there.
import { Slot } from "./slot";
import { announce, say } from "./words";

const page = document.getElementById("request") as HTMLElement;
const path = page.dataset["path"] ?? "";
const remark = document.getElementById("remark") as HTMLElement;
const errors = document.getElementById("errors") as HTMLElement;
const heading = errors.querySelector("h2") as HTMLElement;
const slots: Slot[] = [];

for (const item of document.querySelectorAll<HTMLElement>(".slot")) {
  slots.push(new Slot(item, path, page.dataset["request"] ?? "", tell, (files, first) => void deal(files, first)));
}
tell();

/** Give each file the slot that it fits best: the one it was put on, one whose name it bears, or any free one. */
async function deal(files: File[], first?: Slot): Promise<void> {
  remark.hidden = true;
  const left: File[] = [];
  const taken = new Set<Slot>();
  if (first && !first.isBusy && files.length === 1 && files[0]) return first.take(files[0]);
  for (const file of files) {
    const free = slots.filter((slot) => slot.isFree && !taken.has(slot));
    const fitting: Slot[] = [];
    for (const slot of free) if (!(await slot.refusal(file))) fitting.push(slot);
    const slot = best(file, fitting, first);
    if (!slot) {
      left.push(file);
      continue;
    }
    taken.add(slot);
    void slot.take(file);
  }
  if (left.length) {
    const free = slots.filter((slot) => slot.isFree && !taken.has(slot));
    if (free.length === 1 && left.length === 1 && free[0] && left[0]) return free[0].take(left[0]); // it says why
    show(say("no_place", { n: left.length, names: left.map((file) => file.name).join(", ") }));
  }
}

function best(file: File, fitting: Slot[], first?: Slot): Slot | undefined {
  if (first && fitting.includes(first)) return first;
  const words = bare(file.name);
  const named = fitting.find((slot) => bare(slot.name).split(" ").some((word) => word.length > 3 && words.includes(word)));
  return named ?? fitting.find((slot) => slot.required) ?? fitting[0];
}

function bare(text: string): string {
  return text.normalize("NFD").toLowerCase().replace(/\p{M}/gu, "").replace(/[^\p{L}\p{N}]+/gu, " ");
}

function show(text: string): void {
  remark.textContent = text;
  remark.hidden = false;
}

/** How many are there; what was missing may be here by now, or on its way. */
function tell(): void {
  const ready = document.getElementById("ready");
  const area = document.getElementById("deal");
  const held = slots.filter((slot) => slot.state === "held").length;
  if (ready) ready.textContent = say("ready", { n: held, total: slots.length });
  if (area) area.hidden = !slots.some((slot) => slot.isFree);
  if (errors.hidden) return;
  const lines = [...errors.querySelectorAll("li")];
  for (const line of lines) {
    const slot = slots.find((each) => line.querySelector("a")?.hash === `#choose-${each.id}`);
    if (slot && !slot.isFree) line.remove();
  }
  const left = errors.querySelectorAll("li").length;
  if (left === 0 && (lines.length > 0 || !slots.some((slot) => slot.isBusy))) errors.hidden = true;
  else if (left !== lines.length) heading.textContent = say("incomplete", { n: left });
}

document.getElementById("send")?.addEventListener("submit", (event) => {
  const missing = slots.filter((slot) => slot.required && slot.state !== "held");
  const busy = slots.filter((slot) => slot.isBusy);
  if (!missing.length && !busy.length) return;
  event.preventDefault();
  const onlyBusy = missing.every((slot) => slot.isBusy);
  const title = onlyBusy ? say("sending_still", { n: busy.length }) : say("incomplete", { n: missing.length });
  complain(title, onlyBusy ? [] : missing);
});

/** The summary of what is wrong: it gets the focus, and each line leads to its slot. */
function complain(title: string, missing: Slot[]): void {
  const words = errors.querySelector("p");
  const list = errors.querySelector("ul");
  if (!words || !list) return;
  heading.textContent = title;
  words.hidden = missing.length === 0;
  list.replaceChildren(
    ...missing.map((slot) => {
      const link = document.createElement("a");
      link.href = `#choose-${slot.id}`;
      link.textContent = slot.name;
      const line = document.createElement("li");
      line.append(link);
      if (!slot.isBusy) slot.complain(slot.item.dataset["missing"] ?? "");
      return line;
    }),
  );
  errors.hidden = false;
  errors.focus();
  announce("");
}

errors.addEventListener("click", (event) => {
  if (!(event.target instanceof HTMLAnchorElement)) return;
  event.preventDefault();
  const target = document.getElementById(event.target.hash.slice(1));
  target?.closest(".slot")?.scrollIntoView({ block: "center" });
  target?.focus({ preventScroll: true });
});

// Drag and drop: on a slot for that slot, anywhere else for whichever fit.
const several = document.getElementById("choose-several") as HTMLInputElement | null;
several?.addEventListener("change", () => {
  const files = [...(several.files ?? [])];
  several.value = "";
  void deal(files);
});

let depth = 0;
for (const kind of ["dragenter", "dragover", "dragleave", "drop"] as const) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const over = slots.find((slot) => event.target instanceof Node && slot.item.contains(event.target));
    if (kind === "dragenter") depth += 1;
    if (kind === "dragleave") depth -= 1;
    if (kind === "drop") depth = 0;
    document.body.classList.toggle("dropping", depth > 0);
    for (const slot of slots) slot.item.classList.toggle("over", depth > 0 && slot === over);
    if (kind === "drop") void deal([...event.dataTransfer.files], over);
  });
}

// Whoever leaves while something is on its way is asked.
window.addEventListener("beforeunload", (event) => {
  if (slots.some((slot) => slot.state === "sending")) event.preventDefault();
});
