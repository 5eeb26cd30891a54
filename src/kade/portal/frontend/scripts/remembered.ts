// Uploads that were begun, kept by the browser until they are through: after a reload, or a day later, they go on.
import type { PreviousUpload, UrlStorage } from "tus-js-client";

const EXPIRES = 30 * 24 * 3600 * 1000;

export interface Begun {
  name: string;
  size: number;
  modified: number;
}

/** What is kept for one slot of one request: the upload that was begun last. */
export class Remembered implements UrlStorage {
  readonly key: string;

  constructor(request: string, slot: string) {
    this.key = `kade/${request}/${slot}`;
  }

  /** The upload that was begun, if any. */
  get(): (PreviousUpload & { begun: Begun }) | null {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "null");
      if (kept && Date.now() - Date.parse(kept.creationTime) < EXPIRES) return kept;
    } catch {
      // no storage, or not ours
    }
    return null;
  }

  forget(): void {
    try {
      localStorage.removeItem(this.key);
    } catch {
      // no storage
    }
  }

  async findAllUploads(): Promise<PreviousUpload[]> {
    const kept = this.get();
    return kept ? [kept] : [];
  }

  async findUploadsByFingerprint(fingerprint: string): Promise<PreviousUpload[]> {
    const kept = this.get();
    return kept && fingerprint === print(kept.begun) ? [kept] : [];
  }

  async removeUpload(): Promise<void> {
    this.forget();
  }

  async addUpload(fingerprint: string, upload: PreviousUpload): Promise<string> {
    try {
      localStorage.setItem(this.key, JSON.stringify({ ...upload, urlStorageKey: this.key, begun: JSON.parse(fingerprint) }));
    } catch {
      // full or forbidden: then it goes on only as long as the page is open
    }
    return this.key;
  }
}

/** What tells one file from another. */
export function print(file: File | Begun): string {
  const modified = file instanceof File ? file.lastModified : file.modified;
  return JSON.stringify({ name: file.name, size: file.size, modified });
}
