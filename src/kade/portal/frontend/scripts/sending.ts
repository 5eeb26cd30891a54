// One file on its way, by tus. A lost line is tried again for as long as the page is open.
import { DetailedError, Upload } from "tus-js-client";
import { print, type Remembered } from "./remembered";

const AGAIN = [500, 1000, 2000, 4000];
const LATER = 5000;

export interface Told {
  progress(sent: number, total: number): void;
  interrupted(): void;
  refused(text: string): void;
  done(): void;
}

export class Sending {
  #upload: Upload;
  #timer: number | undefined;
  #over = false;
  readonly #goOn = () => this.start();

  constructor(file: File, path: string, slot: string, type: string, remembered: Remembered, told: Told) {
    this.#upload = new Upload(file, {
      endpoint: `${path}/uploads`,
      metadata: { slot, filename: file.name, filetype: type },
      retryDelays: AGAIN,
      urlStorage: remembered,
      fingerprint: async () => print(file),
      removeFingerprintOnSuccess: true,
      onShouldRetry: (error) => {
        const again = isPassing(error);
        if (again && !this.#over) told.interrupted();
        return again && !this.#over;
      },
      onProgress: (sent, total) => told.progress(sent, total),
      onSuccess: () => {
        this.#stop();
        told.done();
      },
      onError: (error) => {
        if (this.#over) return;
        if (error instanceof DetailedError && !isPassing(error)) {
          this.#stop();
          remembered.forget();
          told.refused(error.originalResponse?.getBody().trim() ?? "");
          return;
        }
        told.interrupted();
        this.#timer = window.setTimeout(this.#goOn, LATER);
        window.addEventListener("online", this.#goOn, { once: true });
      },
    });
  }

  /** Begin, or go on where it was. */
  async start(): Promise<void> {
    this.#wait();
    this.#over = false;
    const [previous] = await this.#upload.findPreviousUploads();
    if (previous && !this.#upload.url) this.#upload.resumeFromPreviousUpload(previous);
    this.#upload.start();
  }

  /** Stop sending; what has arrived stays. */
  async pause(): Promise<void> {
    this.#stop();
    await this.#upload.abort(false);
  }

  /** Give it up; what has arrived goes. */
  async cancel(): Promise<void> {
    this.#stop();
    await this.#upload.abort(true).catch(() => undefined);
  }

  #stop(): void {
    this.#over = true;
    this.#wait();
  }

  #wait(): void {
    window.clearTimeout(this.#timer);
    window.removeEventListener("online", this.#goOn);
  }
}

/** Whether it is worth trying again: no answer at all, somebody else's turn, or trouble of the server's own. */
function isPassing(error: Error | DetailedError): boolean {
  const status = error instanceof DetailedError ? (error.originalResponse?.getStatus() ?? 0) : 0;
  return status === 0 || status === 409 || status === 423 || status === 429 || (status >= 500 && status !== 507);
}
