// One slot: what it accepts, how its file is doing, and its buttons.
import { judge } from "./kinds";
import { print, Remembered } from "./remembered";
import { Sending } from "./sending";
import { announce, left, percent, say, size } from "./words";

export type State = "empty" | "checking" | "sending" | "paused" | "interrupted" | "resumable" | "held";
export interface Held {
  name: string;
  size: number;
}

const SHOWN: Record<State, string[]> = {
  empty: [],
  checking: [],
  sending: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  interrupted: ["retry", "cancel"],
  resumable: ["cancel"],
  held: ["remove"],
};
const QUIET = 5000;

export class Slot {
  readonly id: string;
  readonly name: string;
  readonly required: boolean;
  readonly accepts: string[];
  readonly input: HTMLInputElement;
  state: State;
  #sending: Sending | null = null;
  #held: Held | null = null;
  #turn = 0;
  #began = { at: 0, sent: 0 };
  #saidAt = 0;
  #part = 0;
  readonly #remembered: Remembered;

  constructor(
    readonly item: HTMLElement,
    readonly path: string,
    request: string,
    readonly changed: () => void,
    readonly several: (files: File[], first: Slot) => void,
  ) {
    this.id = item.dataset["slot"] ?? "";
    this.name = item.dataset["name"] ?? "";
    this.required = item.dataset["required"] === "yes";
    this.accepts = (item.dataset["accepts"] ?? "").split(" ").filter(Boolean);
    this.state = item.dataset["state"] as State;
    this.input = this.#element("input") as HTMLInputElement;
    this.#remembered = new Remembered(request, this.id);
    if (this.state === "held") this.#held = { name: this.#text("held-name"), size: 0 };
    this.#listen();
    if (this.state === "empty") void this.#lookBack();
  }

  get max(): number {
    return Number(this.item.dataset["max"]);
  }

  get isFree(): boolean {
    return this.state === "empty";
  }

  get isBusy(): boolean {
    return this.state === "checking" || this.state === "sending" || this.state === "interrupted" || this.state === "paused";
  }

  /** Why the slot does not take the file; empty when it does. */
  async refusal(file: File): Promise<string> {
    if (file.size === 0) return say("empty", { name: file.name });
    if (this.max && file.size > this.max) {
      return say("too_large", { name: file.name, size: size(file.size), limit: this.item.dataset["limit"] ?? "" });
    }
    const verdict = await judge(file, this.accepts);
    if (verdict.ok) return "";
    const told = { name: file.name, types: this.item.dataset["kinds"] ?? "" };
    if (verdict.looksLike && verdict.looksLike !== "?") return say("looks_like", { ...told, kind: verdict.looksLike });
    return say("wrong_type", told);
  }

  /** Take a file: look at it, then send it. */
  async take(file: File): Promise<void> {
    const turn = ++this.#turn;
    await this.#sending?.cancel();
    this.#sending = null;
    this.#show("checking", { name: file.name });
    const refusal = await this.refusal(file);
    if (turn !== this.#turn) return;
    if (refusal) return this.#refuse(refusal);
    const kept = this.#remembered.get();
    const remark = kept && kept.begun && print(kept.begun) !== print(file) ? say("resumable_other") : "";
    if (remark) this.#remembered.forget();
    const { type } = await judge(file, []);
    this.#began = { at: 0, sent: 0 };
    this.#sending = new Sending(file, this.path, this.id, type, this.#remembered, {
      progress: (sent, total) => this.#progress(file, sent, total),
      interrupted: () => this.#interrupted(),
      refused: (text) => this.#refuse(text || say("failed")),
      done: () => this.hold({ name: file.name, size: file.size }),
    });
    this.#show("sending", { name: file.name, part: 0, error: remark });
    this.#text("going-done", say("waiting"));
    await this.#sending.start();
  }

  /** The file is here. */
  hold(held: Held): void {
    this.#held = held;
    this.#sending = null;
    this.#show("held");
    announce(say("said_here", { slot: this.name, name: held.name }));
  }

  /** Say what is wrong with the slot as it is. */
  complain(text: string): void {
    const error = this.#element(".error");
    error.textContent = text;
    error.hidden = !text;
    this.item.classList.toggle("wrong", text !== "");
    if (text) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }

  #refuse(text: string): void {
    this.#sending = null;
    this.#show(this.#held ? "held" : "empty");
    this.complain(text);
    announce(`${this.name}: ${text}`);
  }

  #progress(file: File, sent: number, total: number): void {
    if (this.state === "interrupted") this.#show("sending", { name: file.name });
    if (this.state !== "sending") return;
    const now = performance.now();
    if (!this.#began.at) this.#began = { at: now, sent };
    this.#part = total ? sent / total : 1;
    (this.#element("progress") as HTMLProgressElement).value = Math.floor(this.#part * 1000);
    this.#text("going-done", `${percent(this.#part)}, ${say("sending", { done: size(sent), size: size(total) })}`);
    const seconds = (now - this.#began.at) / 1000;
    const speed = (sent - this.#began.sent) / seconds;
    this.#text("going-left", seconds > 1 && speed > 0 && sent < total ? left((total - sent) / speed) : "");
    if (now - this.#saidAt > QUIET && sent < total) {
      if (this.#saidAt) announce(say("said_progress", { slot: this.name, percent: percent(this.#part) }));
      this.#saidAt = now;
    }
  }

  #interrupted(): void {
    if (this.state === "interrupted") return;
    this.#began = { at: 0, sent: 0 };
    this.#show("interrupted");
    this.#text("going-done", say("interrupted", { percent: percent(this.#part) }));
    announce(say("said_interrupted", { slot: this.name }));
  }

  async #pause(): Promise<void> {
    await this.#sending?.pause();
    this.#show("paused");
    this.#text("going-done", say("paused", { percent: percent(this.#part) }));
    announce(say("said_paused", { slot: this.name }));
    this.#button("resume").focus();
  }

  async #resume(): Promise<void> {
    this.#began = { at: 0, sent: 0 };
    this.#show("sending");
    this.#button("pause").focus();
    await this.#sending?.start();
  }

  async #cancel(): Promise<void> {
    ++this.#turn;
    const kept = this.#remembered.get();
    this.#remembered.forget();
    const sending = this.#sending;
    this.#sending = null;
    this.#show(this.#held ? "held" : "empty");
    this.input.focus();
    await sending?.cancel();
    if (!sending && kept?.uploadUrl) {
      await fetch(kept.uploadUrl, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0" } }).catch(() => undefined);
    }
  }

  async #remove(): Promise<void> {
    const answer = await fetch(`${this.path}/slots/${this.id}/file`, { method: "DELETE" }).catch(() => null);
    if (!answer?.ok) return this.complain((await answer?.text())?.trim() || say("failed"));
    this.#held = null;
    this.#show("empty");
    announce(say("said_removed", { slot: this.name }));
    this.input.focus();
  }

  /** After a reload: was something begun here that can go on? */
  async #lookBack(): Promise<void> {
    const kept = this.#remembered.get();
    if (!kept?.uploadUrl) return;
    const headers = { "Tus-Resumable": "1.0.0" };
    const answer = await fetch(kept.uploadUrl, { method: "HEAD", headers }).catch(() => null);
    if (this.state !== "empty" || !answer) return;
    const offset = Number(answer.headers.get("Upload-Offset"));
    if (!answer.ok || offset >= kept.begun.size) return this.#remembered.forget();
    this.#part = offset / kept.begun.size;
    this.#show("resumable", { name: kept.begun.name, part: this.#part });
    this.#text("going-done", say("resumable", { percent: percent(this.#part), name: kept.begun.name }));
  }

  #show(state: State, going: { name?: string; part?: number; error?: string } = {}): void {
    const focused = this.item.contains(document.activeElement) ? document.activeElement : null;
    this.state = state;
    this.item.dataset["state"] = state;
    const isGoing = state !== "empty" && state !== "held";
    this.#element(".going").hidden = !isGoing;
    this.#element(".held").hidden = state !== "held";
    if (going.name !== undefined) this.#text("going-name", going.name);
    if (going.part !== undefined) {
      this.#part = going.part;
      (this.#element("progress") as HTMLProgressElement).value = Math.floor(going.part * 1000);
    }
    if (state !== "sending") this.#text("going-left", "");
    if (state === "checking") this.#text("going-done", say("checking"));
    if (state === "held" && this.#held?.size) {
      this.#text("held-name", this.#held.name);
      this.#text("held-size", size(this.#held.size));
    }
    for (const button of this.item.querySelectorAll<HTMLButtonElement>("[data-do]")) {
      button.hidden = !SHOWN[state].includes(button.dataset["do"] ?? "");
    }
    this.#element(".actions .chooser").hidden = isGoing && state !== "resumable" && state !== "checking";
    const label = this.#element("label");
    label.textContent = (state === "held" ? label.dataset["replace"] : label.dataset["choose"]) ?? "";
    if (focused?.closest("[hidden]")) this.#keepFocus();
    this.complain("");
    if (going.error) this.#text("going-left", going.error);
    this.changed();
  }

  /** What had the focus is gone: what took its place has it now. */
  #keepFocus(): void {
    const button = this.item.querySelector<HTMLButtonElement>("[data-do]:not([hidden])");
    const chooser = this.#element(".actions .chooser");
    (chooser.hidden && button ? button : this.input).focus();
  }

  #listen(): void {
    this.input.addEventListener("change", () => {
      const files = [...(this.input.files ?? [])];
      this.input.value = "";
      if (files.length) this.several(files, this);
    });
    const act: Record<string, () => void> = {
      pause: () => void this.#pause(),
      resume: () => void this.#resume(),
      retry: () => void this.#resume(),
      cancel: () => void this.#cancel(),
      remove: () => void this.#remove(),
    };
    for (const [name, action] of Object.entries(act)) {
      this.#button(name).addEventListener("click", (event) => {
        event.preventDefault();
        action();
      });
    }
  }

  #button(name: string): HTMLButtonElement {
    return this.#element(`[data-do="${name}"]`) as HTMLButtonElement;
  }

  #text(name: string, text?: string): string {
    const part = this.#element(`.${name}`);
    if (text !== undefined) part.textContent = text;
    return part.textContent ?? "";
  }

  #element(selector: string): HTMLElement {
    const found = this.item.querySelector<HTMLElement>(selector);
    if (!found) throw new Error(`no ${selector} in a slot`);
    return found;
  }
}
