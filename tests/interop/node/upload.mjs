// Uploads a file with tus-js-client over mTLS; prints the upload's URL, or fails with the reason.
// Arguments: endpoint, file, certificate, key, authority, and options as JSON.
import { createReadStream, readFileSync } from "node:fs";
import { basename } from "node:path";
import { DefaultHttpStack, Upload } from "tus-js-client";

const [endpoint, file, certificate, key, authority, options] = process.argv.slice(2);
const httpStack = new DefaultHttpStack({
  cert: readFileSync(certificate),
  key: readFileSync(key),
  ca: readFileSync(authority),
});
const upload = new Upload(createReadStream(file), {
  endpoint,
  httpStack,
  retryDelays: [0, 200, 500, 1000],
  metadata: { filename: basename(file), filetype: "application/octet-stream" },
  ...JSON.parse(options),
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(upload.url),
});
upload.start();
