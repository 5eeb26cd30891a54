// Uploads a file with tus-js-client over mTLS; prints the upload's URL, or fails with the reason.
// Arguments: endpoint, file, certificate, key, authority, and options as JSON.
import { createReadStream, readFileSync } from "node:fs";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { DefaultHttpStack, Upload } from "tus-js-client";

const [endpoint, file, certificate, key, authority, options] = process.argv.slice(2);
const httpStack = new DefaultHttpStack({
  cert: readFileSync(certificate),
  key: readFileSync(key),
  ca: readFileSync(authority),
});
const settings = JSON.parse(options);
// A stream that tells nothing of its file: with a file's own stream tus-js-client 4.3.1 announces a last chunk
// that it does not have when the length is deferred.
const input = settings.uploadLengthDeferred
  ? Readable.from(createReadStream(file, { highWaterMark: 8 << 20 }))
  : createReadStream(file);
const upload = new Upload(input, {
  endpoint,
  httpStack,
  retryDelays: [0, 200, 500, 1000],
  metadata: { filename: basename(file), filetype: "application/octet-stream" },
  ...settings,
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(upload.url),
});
upload.start();
