// What kind of file it is: by its name, by what the system declares, and by its first bytes.
const HEAD = 1024;

const BY_ENDING: Record<string, string> = {
  pdf: "application/pdf",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  gif: "image/gif",
  webp: "image/webp",
  heic: "image/heic",
  heif: "image/heic",
  svg: "image/svg+xml",
  tif: "image/tiff",
  tiff: "image/tiff",
  bmp: "image/bmp",
  txt: "text/plain",
  csv: "text/csv",
  html: "text/html",
  htm: "text/html",
  zip: "application/zip",
  doc: "application/msword",
  xls: "application/vnd.ms-excel",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  odt: "application/vnd.oasis.opendocument.text",
  ods: "application/vnd.oasis.opendocument.spreadsheet",
  mp4: "video/mp4",
  mov: "video/quicktime",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  exe: "application/vnd.microsoft.portable-executable",
};

// First bytes, and the families of types that begin so; a dot stands for any byte.
const SIGNATURES: [RegExp, string, (type: string) => boolean][] = [
  [/^[^]{0,512}%PDF-/, "PDF", (type) => type === "application/pdf"],
  [/^\xff\xd8\xff/, "JPEG", (type) => type === "image/jpeg"],
  [/^\x89PNG\r\n\x1a\n/, "PNG", (type) => type === "image/png"],
  [/^GIF8[79]a/, "GIF", (type) => type === "image/gif"],
  [/^RIFF[^]{4}WEBP/, "WebP", (type) => type === "image/webp"],
  [/^RIFF[^]{4}WAVE/, "WAV", (type) => /^audio\/(x-|vnd\.)?wave?$/.test(type)],
  [/^(II\*\0|MM\0\*)/, "TIFF", (type) => type === "image/tiff"],
  [/^BM[^]{4}\0\0\0\0/, "BMP", (type) => type === "image/bmp"],
  [/^[^]{4}ftyp(heic|heix|mif1|msf1|hevc)/, "HEIC", (type) => /^image\/hei[cf]$/.test(type)],
  [/^[^]{4}ftyp/, "MP4", (type) => /^(video\/(mp4|quicktime|3gpp)|audio\/(mp4|x-m4a))$/.test(type)],
  [/^PK(\x03\x04|\x05\x06)/, "ZIP", (type) => type === "application/zip" || /officedocument|opendocument|epub\+zip/.test(type)],
  [/^\xd0\xcf\x11\xe0/, "Office", (type) => /^application\/(msword|vnd\.ms-|x-msi|vnd\.visio)/.test(type)],
  [/^MZ/, "EXE", (type) => /portable-executable|x-msdownload|x-dosexec/.test(type)],
  [/^\x7fELF/, "ELF", (type) => type === "application/x-executable"],
  [/^\x1f\x8b/, "gzip", (type) => /^application\/(x-)?gzip$/.test(type)],
  [/^\s*<(!doctype html|html)/i, "HTML", (type) => type === "text/html"],
];
const KNOWN = ["application/pdf", "image/jpeg", "image/png", "image/gif", "image/webp", "image/tiff", "image/heic", "application/zip"];

export interface Verdict {
  /** The media type that it is sent as. */
  type: string;
  ok: boolean;
  /** What it looks like inside, where that is why it is refused. */
  looksLike?: string;
}

/** Whether one of the patterns, such as `image/*`, covers a type; none covers everything. */
export function covers(patterns: string[], type: string): boolean {
  return patterns.length === 0 || patterns.some((each) => each === "*/*" || each === type || (each.endsWith("/*") && type.startsWith(each.slice(0, -1))));
}

/** What a file's name and its system say that it is. */
export function declared(file: File): string {
  const ending = file.name.toLowerCase().split(".").at(-1) ?? "";
  return BY_ENDING[ending] ?? (file.type || "application/octet-stream");
}

/** Whether the file is of an accepted kind, and is inside what its name says. */
export async function judge(file: File, accepts: string[]): Promise<Verdict> {
  const type = declared(file);
  if (accepts.length === 0) return { type, ok: true };
  if (!covers(accepts, type)) return { type, ok: false };
  const head = latin1(new Uint8Array(await file.slice(0, HEAD).arrayBuffer()));
  const matching = SIGNATURES.find(([pattern]) => pattern.test(head));
  if (matching) {
    const [, name, isOf] = matching;
    return isOf(type) ? { type, ok: true } : { type, ok: false, looksLike: name };
  }
  if (KNOWN.includes(type) || (type.startsWith("text/") && head.includes("\0"))) return { type, ok: false, looksLike: "?" };
  return { type, ok: true };
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
